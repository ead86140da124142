import * as assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { RefusalError } from "../../../dist/base/errors.js";
import type { Histogram } from "../../../dist/model/histogram.js";
import { Labels } from "../../../dist/model/labels.js";
import type { QueryValue } from "../../../dist/model/query-result.js";
import {
  type ApiAnswer,
  encodeData,
  encodeError,
  encodeExemplars,
  encodeQueryResult,
  encodeSeries,
  encodeStrings,
} from "../../../dist/wire/prometheus-json.js";

const text = (answer: ApiAnswer): string => new TextDecoder().decode(answer.body);
const result = (value: QueryValue): string => {
  const body = text(encodeQueryResult({ value, warnings: [], infos: [] }));
  assert.ok(body.startsWith('{"status":"success","data":{"resultType":'));
  return body.slice(body.indexOf('"result":') + 9, -2);
};
const vector = (value: number, timestampMs = 1435781451781, labels = Labels.EMPTY): string =>
  result({ type: "vector", samples: [{ labels, timestampMs, value, histogram: undefined }] });

test("floats are spelled as Prometheus 3.5 spells them", () => {
  const spelled: [number, string][] = [
    [1e-7, "1e-07"],
    [1.5e-10, "1.5e-10"],
    [0.000001, "0.000001"],
    [123456789012345680000, "123456789012345680000"],
    [1e21, "1e+21"],
    [-1.25e300, "-1.25e+300"],
    [5e-324, "5e-324"],
    [0, "0"],
    [-0, "-0"],
    [Number.NaN, "NaN"],
    [Number.POSITIVE_INFINITY, "+Inf"],
    [Number.NEGATIVE_INFINITY, "-Inf"],
    [0.1 + 0.2, "0.30000000000000004"],
    [999999999999999, "999999999999999"],
    [-999999999999999, "-999999999999999"],
    [1e15, "1000000000000000"],
    [2 ** 53, "9007199254740992"],
    [-1, "-1"],
    [2147483648, "2147483648"],
  ];
  for (const [value, spelling] of spelled) {
    assert.equal(vector(value), `[{"metric":{},"value":[1435781451.781,"${spelling}"]}]`);
  }
});

test("every float reads back as itself", () =>
  fc.assert(
    fc.property(fc.double(), (value) => {
      const [[sample]] = [JSON.parse(vector(value)) as [{ value: [number, string] }]];
      const spelled = sample.value[1];
      const read = spelled === "+Inf" ? Infinity : spelled === "-Inf" ? -Infinity : Number(spelled);
      assert.ok(Object.is(read, value), spelled);
    }),
  ));

test("timestamps have three decimals or none", () => {
  for (const [timestampMs, spelling] of [
    [1435781451700, "1435781451.700"],
    [1435781451010, "1435781451.010"],
    [1435781451000, "1435781451"],
    [1, "0.001"],
    [0, "0"],
    [-1500, "-1.500"],
    [-1, "-0.001"],
    [-(2 ** 63), "-9223372036854775.808"],
  ] as const) {
    assert.equal(vector(1, timestampMs), `[{"metric":{},"value":[${spelling},"1"]}]`);
  }
});

test("a scalar has no exponent, its time no trailing zeros", () => {
  const scalar = (value: number, timestampMs = 1435781451700): string =>
    result({ type: "scalar", timestampMs, value });
  assert.equal(scalar(1e22), '[1435781451.7,"10000000000000000000000"]');
  assert.equal(scalar(1e-9, 1435781451010), '[1435781451.01,"0.000000001"]');
  assert.equal(scalar(-1.25e-8), '[1435781451.7,"-0.0000000125"]');
  assert.equal(scalar(1, -1), '[-0.001,"1"]');
  assert.equal(scalar(Number.NaN), '[1435781451.7,"NaN"]');
});

test("strings are escaped as Go does where it writes them", () => {
  const value = 'a<b>&"\b\f\n\u2028é\x01\\😀';
  assert.equal(
    result({ type: "string", timestampMs: 1435781451781, value }),
    '[1435781451.781,"a\\u003cb\\u003e\\u0026\\"\\b\\f\\n\\u2028é\\u0001\\\\😀"]',
  );
  assert.equal(
    vector(1, 0, Labels.fromObject({ l: value })),
    '[{"metric":{"l":"a<b>&\\"\\u0008\\u000c\\n\u2028é\\u0001\\\\😀"},"value":[0,"1"]}]',
  );
  assert.equal(
    text(encodeStrings([value, "b\t\r"])),
    '{"status":"success","data":["a\\u003cb\\u003e\\u0026\\"\\u0008\\u000c\\n\\u2028é\\u0001\\\\😀","b\\t\\r"]}',
  );
});

test("any label value reads back as itself", () =>
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 200 }), (value) => {
      const labels = new Labels(["name", value]);
      const body = JSON.parse(text(encodeSeries([labels, labels]))) as { data: unknown };
      assert.deepEqual(body.data, [{ name: value }, { name: value }]);
      const strings = JSON.parse(text(encodeStrings([value]))) as { data: unknown };
      assert.deepEqual(strings.data, [value]);
    }),
  ));

const HISTOGRAM: Histogram = {
  float: false,
  resetHint: 0,
  schema: 0,
  zeroThreshold: 0.001,
  zeroCount: 2,
  count: 21,
  sum: 18.4,
  positiveSpans: [
    { offset: 0, length: 2 },
    { offset: 1, length: 2 },
  ],
  negativeSpans: [{ offset: -1, length: 2 }],
  positiveBuckets: [1, 2, 0, 4],
  negativeBuckets: [5, 7],
  customValues: [],
};

test("histograms come as boundaries, lower, upper, count, from the lowest bucket up", () => {
  const value: QueryValue = {
    type: "vector",
    samples: [{ labels: Labels.EMPTY, timestampMs: 1000, value: 0, histogram: HISTOGRAM }],
  };
  assert.equal(
    result(value),
    '[{"metric":{},"histogram":[1,{"count":"21","sum":"18.4","buckets":[' +
      '[1,"-1","-0.5","7"],[1,"-0.5","-0.25","5"],[3,"-0.001","0.001","2"],' +
      '[0,"0.5","1","1"],[0,"1","2","2"],[0,"8","16","4"]]}]}]',
  );
});

test("custom buckets, empty histograms and the bounds of the last buckets", () => {
  const histogram = (changed: Partial<Histogram>): string => {
    const empty = {
      zeroCount: 0,
      positiveSpans: [],
      negativeSpans: [],
      positiveBuckets: [],
      negativeBuckets: [],
    };
    const whole: Histogram = { ...HISTOGRAM, ...empty, ...changed };
    const json = result({
      type: "vector",
      samples: [{ labels: Labels.EMPTY, timestampMs: 0, value: 0, histogram: whole }],
    });
    return json.slice('[{"metric":{},"histogram":[0,'.length, -3);
  };
  assert.equal(histogram({ count: 0, sum: 0 }), '{"count":"0","sum":"0"}');
  assert.equal(
    histogram({
      schema: -53,
      customValues: [5, 10],
      positiveSpans: [{ offset: 0, length: 3 }],
      positiveBuckets: [1, 2, 3],
    }),
    '{"count":"21","sum":"18.4","buckets":[[3,"-Inf","5","1"],[0,"5","10","2"],[0,"10","+Inf","3"]]}',
  );
  assert.equal(
    histogram({ schema: 0, positiveSpans: [{ offset: 1024, length: 2 }], positiveBuckets: [1, 1] }),
    '{"count":"21","sum":"18.4","buckets":[[0,"8.98846567431158e+307","1.7976931348623157e+308","1"],' +
      '[0,"1.7976931348623157e+308","+Inf","1"]]}',
  );
  assert.equal(
    histogram({ schema: 1, positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: [1] }),
    '{"count":"21","sum":"18.4","buckets":[[0,"0.7071067811865475","1","1"]]}',
  );
});

test("a matrix has floats under values and histograms under histograms", () => {
  const labels = Labels.fromObject({ __name__: "m", a: "b" });
  const series = (histograms: readonly (Histogram | undefined)[] | null, count = 2) => ({
    labels,
    timestamps: Float64Array.of(1500, 2000).subarray(0, count),
    values: Float64Array.of(1, 2.5).subarray(0, count),
    histograms,
  });
  const metric = '{"metric":{"__name__":"m","a":"b"}';
  const empty: Histogram = { ...HISTOGRAM, zeroCount: 0, positiveBuckets: [], negativeBuckets: [] };
  const h = '{"count":"21","sum":"18.4"}';
  assert.equal(
    result({
      type: "matrix",
      series: [series(null), series([undefined, empty]), series([empty, empty]), series(null, 0)],
    }),
    `[${metric},"values":[[1.500,"1"],[2,"2.5"]]},${metric},"values":[[1.500,"1"]],"histograms":[[2,${h}]]},` +
      `${metric},"histograms":[[1.500,${h}],[2,${h}]]},${metric}}]`,
  );
  assert.equal(result({ type: "matrix", series: [] }), "[]");
});

test("a large answer survives the growth of its buffer", () => {
  const timestamps = Float64Array.from({ length: 11_000 }, (_, i) => 1435781451781 + i * 15_000);
  const values = timestamps.map((t) => Math.sin(t) * 1e6);
  const series = [{ labels: Labels.EMPTY, timestamps, values, histograms: null }];
  const [one] = JSON.parse(result({ type: "matrix", series })) as [{ values: [number, string][] }];
  assert.equal(one.values.length, 11_000);
  one.values.forEach(([seconds, value], i) => {
    assert.equal(Math.round(seconds * 1000), timestamps[i]);
    assert.equal(Number(value), values[i]);
  });
});

const RARE = [
  0,
  -0,
  Number.NaN,
  Infinity,
  -Infinity,
  1e-7,
  -1.5e21,
  1e21,
  5e-324,
  -1.7976931348623157e308,
  1e15,
  0.1,
];

test("columns are spelled as single values are, at any place of a batch and across batches", () =>
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.double(), fc.integer(), fc.constantFrom(...RARE)), {
        minLength: 1,
        maxLength: 40,
      }),
      fc.integer({ min: 1, max: 2600 }),
      fc.integer({ min: -1e12, max: 4e12 }),
      fc.constantFrom(1, 500, 15_000),
      (some, count, startMs, stepMs) => {
        const values = Float64Array.from({ length: count }, (_, i) => some[(i * 7) % some.length]);
        const timestamps = Float64Array.from({ length: count }, (_, i) => startMs + i * stepMs);
        const shifted = timestamps.map((t, i) => t + (i % 3));
        const matrix = [timestamps, timestamps, shifted].map((stamps) => ({
          labels: Labels.EMPTY,
          timestamps: stamps,
          values,
          histograms: null,
        }));
        const expected = matrix.map(({ timestamps: stamps }) => {
          const single = [...values].map((value, i) =>
            vector(value, stamps[i]).slice('[{"metric":{},"value":'.length, -2),
          );
          return `{"metric":{},"values":[${single.join(",")}]}`;
        });
        assert.equal(result({ type: "matrix", series: matrix }), `[${expected.join(",")}]`);
      },
    ),
    { numRuns: 60 },
  ));

test("warnings and infos follow the data, ten of each", () => {
  const value: QueryValue = { type: "vector", samples: [] };
  const warnings = Array.from({ length: 12 }, (_, i) => `w${i} <x>`);
  const body = text(encodeQueryResult({ value, warnings, infos: ["i"] }));
  const listed = warnings.slice(0, 10).map((w) => `"${w.replace("<", "\\u003c").replace(">", "\\u003e")}"`);
  assert.equal(
    body,
    '{"status":"success","data":{"resultType":"vector","result":[]},' +
      `"warnings":[${listed.join(",")},"2 more warning annotations omitted"],"infos":["i"]}`,
  );
});

test("exemplars, plain data and stats", () => {
  const labels = Labels.fromObject({ trace_id: "x" });
  const seriesLabels = Labels.fromObject({ __name__: "m" });
  assert.equal(
    text(encodeExemplars([{ seriesLabels, exemplars: [{ labels, value: 6, timestampMs: 1600096945479 }] }])),
    '{"status":"success","data":[{"seriesLabels":{"__name__":"m"},"exemplars":' +
      '[{"labels":{"trace_id":"x"},"value":"6","timestamp":1600096945.479}]}]}',
  );
  assert.equal(text(encodeExemplars([])), '{"status":"success","data":[]}');
  assert.equal(text(encodeData("a < b")), '{"status":"success","data":"a \\u003c b"}');
});

test("refusals carry Prometheus' error types and statuses", () => {
  const refused = encodeError(new RefusalError("bad_data", 'invalid parameter "query": 1 < 2'));
  assert.equal(refused.status, 400);
  assert.equal(
    text(refused),
    '{"status":"error","errorType":"bad_data","error":"invalid parameter \\"query\\": 1 \\u003c 2"}',
  );
  assert.equal(encodeError(new RefusalError("timeout", "x")).status, 503);
  assert.equal(encodeError(new RefusalError("execution", "x")).status, 422);
  const bug = encodeError(new TypeError("secret path"));
  assert.equal(bug.status, 500);
  assert.equal(text(bug), '{"status":"error","errorType":"internal","error":"internal error"}');
});
