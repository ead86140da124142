import { formatFloatShort } from "../../model/go-text.js";
import type { Histogram } from "../../model/histogram.js";
import { type Bucket, negativeBuckets, positiveBuckets, zeroBucket } from "./buckets.js";

function printBucket(bucket: Bucket): string {
  const open = bucket.lowerInclusive ? "[" : "(";
  const close = bucket.upperInclusive ? "]" : ")";
  const bounds = `${formatFloatShort(bucket.lower)},${formatFloatShort(bucket.upper)}`;
  return `${open}${bounds}${close}:${formatFloatShort(bucket.count)}`;
}

/** As Prometheus prints a histogram: `{count:22, sum:3, [-0.5,0.5]:1, (0.5,1]:21}`. */
export function printHistogram(histogram: Histogram): string {
  const buckets = negativeBuckets(histogram).reverse();
  if (histogram.zeroCount !== 0) buckets.push(zeroBucket(histogram));
  buckets.push(...positiveBuckets(histogram));
  const parts = [`count:${formatFloatShort(histogram.count)}`, `sum:${formatFloatShort(histogram.sum)}`];
  for (const bucket of buckets) if (bucket.count !== 0) parts.push(printBucket(bucket));
  return `{${parts.join(", ")}}`;
}
