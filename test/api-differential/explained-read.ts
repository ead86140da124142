/** Remote read: what Prometheus sends beside the samples, and how it refuses. */
import type { Rule } from "./explained.js";
import { readDifference } from "./read-answers.js";

const READ = "/api/v1/read";

export const readRules: readonly Rule[] = [
  {
    name: "read: own words",
    restate: (expected, actual, request) =>
      request.path === READ &&
      request.method === "POST" &&
      expected.status === 400 &&
      actual.body.endsWith("\n")
        ? { ...expected, body: actual.body }
        : expected,
  },
  {
    name: "read: wrong matchers are 400",
    restate: (expected, actual, request) =>
      request.path === READ &&
      expected.status === 500 &&
      actual.status === 400 &&
      /regexp|matcher/.test(expected.body)
        ? { ...actual }
        : expected,
  },
  {
    name: "read: series without samples are left out",
    restate: (expected, actual, { path }) =>
      path === READ && readDifference(actual, expected, { empty: true }) === null
        ? { ...expected, body: actual.body }
        : expected,
  },
  {
    name: "read: bounds of custom buckets",
    restate: (expected, actual, { path }) =>
      path === READ && readDifference(actual, expected, { empty: true, bounds: true }) === null
        ? { ...expected, body: actual.body }
        : expected,
  },
];
