/** `/federate`: the newest sample of each series that some `match[]` selects; runs on a query thread. */
import { RefusalError } from "../base/errors.js";
import { ANSWER_BYTES_MAX } from "../base/limits.js";
import { worked } from "../base/patience.js";
import { CUSTOM_BUCKETS_SCHEMA, type Histogram, ResetHint } from "../model/histogram.js";
import { compareLabels, compareUtf8, type Labels, METRIC_NAME } from "../model/labels.js";
import { isStaleAt, isStaleNaN } from "../model/stale.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import { SampleColumns } from "../storage/columns.js";
import type { Queryable, QueryControl } from "../storage/queryable.js";
import { API_ERRORS } from "../wire/api-errors.js";
import { encodeFamilies, type FamilySample, type FamilyType, isExposable } from "../wire/exposition.js";
import { negotiateExposition } from "../wire/exposition-format.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";

interface Newest {
  readonly labels: Labels;
  readonly timestampMs: number;
  readonly value: number;
  readonly histogram: Histogram | null;
}

/** The answer as Prometheus gives it (web/federate.go). Errors are plain text, as there. */
export function answerFederate(
  request: QueryRequest,
  queryable: Queryable,
  range: { readonly startMs: number; readonly endMs: number },
  control: QueryControl,
): QueryAnswer {
  try {
    const format = negotiateExposition(request.accept ?? "");
    const found = newestSamples(request, queryable, range, control);
    const families = familiesOf(found.filter(({ histogram }) => isExposable(histogram, format)));
    return { status: 200, contentType: format.contentType, body: encodeFamilies(families, format) };
  } catch (error) {
    const known = error instanceof RefusalError;
    const body = new TextEncoder().encode(`${known ? error.message : "internal error"}\n`);
    const { status } = API_ERRORS[known ? error.code : "internal"];
    return { status, contentType: "text/plain; charset=utf-8", body };
  }
}

/** Sorted by metric name; series without a name have no place in an exposition. */
function newestSamples(
  { params }: QueryRequest,
  queryable: Queryable,
  { startMs, endMs }: { readonly startMs: number; readonly endMs: number },
  control: QueryControl,
): Newest[] {
  const texts = params.filter(([name]) => name === "match[]").map(([, value]) => value);
  // `{}` selects nothing here: Prometheus' storage has it so where no matcher is given.
  const selectors = texts.map((text) => parseMetricSelector(text)).filter((matchers) => matchers.length > 0);
  const found = new Map<string, Newest>();
  const columns = new SampleColumns();
  let bytes = 0;
  for (const matchers of selectors) {
    const set = queryable.select(matchers, startMs, endMs);
    for (let i = 0; i < set.count; i++) {
      if ((i & 255) === 0) control.checkpoint();
      const labels = set.labels(i);
      if (!labels.has(METRIC_NAME) || found.has(labels.key)) continue;
      set.read(i, startMs, endMs, columns);
      const newest = newestOf(labels, columns);
      if (newest === null) continue;
      found.set(labels.key, newest);
      bytes += labels.key.length;
      if (bytes > ANSWER_BYTES_MAX) {
        throw new RefusalError("limit_reached", `the answer is larger than ${ANSWER_BYTES_MAX} bytes`);
      }
    }
  }
  const byName = (a: Newest, b: Newest): number =>
    compareUtf8(a.labels.get(METRIC_NAME), b.labels.get(METRIC_NAME)) || compareLabels(a.labels, b.labels);
  return [...found.values()].sort(byName);
}

/** Null where there is no sample, or the last one is a stale marker: no format has those. */
function newestOf(labels: Labels, columns: SampleColumns): Newest | null {
  const last = columns.count - 1;
  if (last < 0) return null;
  const histogram = columns.histograms?.[last] ?? null;
  const stale = histogram === null ? isStaleAt(columns.valueWords, last) : isStaleNaN(histogram.sum);
  if (stale) return null;
  return {
    labels,
    timestampMs: columns.timestamps[last] ?? 0,
    value: columns.values[last] ?? 0,
    histogram,
  };
}

/** Of `worked`. */
const WORK_PER_SERIES = 200;

/** Neighbours of one name and kind together. A name with floats and histograms makes several families. */
function familiesOf(found: readonly Newest[]): { name: string; type: FamilyType; samples: FamilySample[] }[] {
  const families: { name: string; type: FamilyType; samples: FamilySample[] }[] = [];
  for (const { labels, timestampMs, value, histogram } of found) {
    worked(WORK_PER_SERIES);
    const name = labels.get(METRIC_NAME);
    const type = typeOf(histogram);
    let family = families.at(-1);
    if (family?.name !== name || family.type !== type) {
      family = { name, type, samples: [] };
      families.push(family);
    }
    const pairs = [...labels].filter(([label]) => label !== METRIC_NAME).flat();
    // Whoever federates keeps this server's name out of series that have no instance of their own.
    if (!labels.has("instance")) pairs.push("instance", "");
    family.samples.push({ pairs, timestampMs, value, histogram });
  }
  return families;
}

function typeOf(histogram: Histogram | null): FamilyType {
  if (histogram === null) return "untyped";
  if (histogram.schema === CUSTOM_BUCKETS_SCHEMA) return "classic_histogram";
  return histogram.resetHint === ResetHint.GAUGE ? "gauge_histogram" : "histogram";
}
