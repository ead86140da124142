// A shop whose URLs carry ids. TARGET: the address to load; DURATION: how long.
// EXPLODE=session: every iteration has a tag of its own, and URLs have a name.
import http from "k6/http";
import { check } from "k6";

export const options = {
  scenarios: {
    constant_request_rate: {
      executor: "constant-arrival-rate",
      preAllocatedVUs: 10,
      maxVUs: 30,
      rate: 30,
      timeUnit: "1s",
      duration: __ENV.DURATION || "30s",
    },
  },
};

const target = __ENV.TARGET || "http://127.0.0.1:18080";

export default function () {
  const id = __VU * 100000 + __ITER;
  const tags = __ENV.EXPLODE === "session" ? { name: "user", session: `s${id}` } : {};
  const user = http.get(`${target}/users/${id}`, { tags });
  check(user, { "user is there": (r) => r.status === 200 });
  http.get(`${target}/users/${id}/orders?page=${__ITER % 7}`, { tags: { ...tags, kind: "orders" } });
  http.get(`${target}/health`, { tags: { name: "health" } });
}
