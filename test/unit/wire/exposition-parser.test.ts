import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Labels } from "../../../dist/model/labels.js";
import {
  type ExpositionFormat,
  ExpositionParser,
  parseGoFloatOrNull,
} from "../../../dist/wire/exposition-parser.js";
import { TextLines } from "../../../dist/wire/text-lines.js";

interface Heard {
  readonly samples: string[];
  readonly problems: string[];
  readonly metadata: string[];
  readonly exemplars: string[];
}

function read(format: ExpositionFormat, bytes: Uint8Array | string, pieceBytes = 1 << 20): Heard {
  const heard: Heard = { samples: [], problems: [], metadata: [], exemplars: [] };
  const parser = new ExpositionParser<Labels>(format, {
    series: (labels) => labels,
    sample: (labels, value, time, line) => heard.samples.push(`${line} ${labels} ${value} ${time}`),
    exemplar: (labels, value, time, line) => heard.exemplars.push(`${line} ${labels} ${value} ${time}`),
    metadata: (kind, name, text) => heard.metadata.push(`${kind} ${name} ${text}`),
    problem: (reason, line) => heard.problems.push(`${line} ${reason}`),
  });
  const lines = new TextLines(parser);
  const content = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  for (let at = 0; at < content.length; at += pieceBytes) lines.push(content.subarray(at, at + pieceBytes));
  lines.finish();
  assert.equal(lines.bytes, content.length);
  return heard;
}

const PROMETHEUS = `# HELP up Whether it is \\\\ up\\nor not
# TYPE up gauge
# a comment
#another
up 1
up{job="a"} 0 1700000000000
up { job = "b" , n="1",} +Inf  1700000000001
up{job="c"}2
\t
{"my.name","label.x"="λ \\"q\\" \\\\ \\n"} -1.5e-3
up{x=""} NaN
`;

test("Prometheus' text", () => {
  for (const pieceBytes of [1, 7, 1 << 20]) {
    const { samples, problems, metadata } = read("prometheus", PROMETHEUS, pieceBytes);
    assert.deepEqual(problems, []);
    assert.deepEqual(metadata, ["help up Whether it is \\ up\nor not", "type up gauge"]);
    assert.deepEqual(samples, [
      "5 up 1 NaN",
      '6 up{job="a"} 0 1700000000000',
      '7 up{job="b", n="1"} Infinity 1700000000001',
      '8 up{job="c"} 2 NaN',
      '10 {"my.name", "label.x"="λ \\"q\\" \\\\ \\n"} -0.0015 NaN',
      "11 up NaN NaN",
    ]);
  }
});

test("a bad line costs that line only, and is named", () => {
  const bad = [
    "1up 1",
    "up",
    "up x",
    "up 1 2.5",
    "up 1 2 3",
    'up{a="b" 1',
    'up{a="b"',
    "up{a=b} 1",
    'up{1a="b"} 1',
    'up{a="b",a="c"} 1',
    '{a="b"} 1',
    '{"x","y"} 1',
    "up 0x10",
    "up 1_000",
    "up 1e999",
    "up 1 -5",
    "# TYPE up foo",
    "# HELP 1up x",
    `up{a="${"\ud800"}"} 1`,
  ];
  for (const line of bad) {
    const { samples, problems } = read("prometheus", `up 1\n${line}\nup 2\n`);
    if (line.includes("\ud800")) continue;
    assert.deepEqual([samples.length, problems.length], [2, 1], line);
    assert.match(problems[0] as string, /^2 ./, line);
  }
  const { problems } = read(
    "prometheus",
    Uint8Array.from([0x75, 0x70, 0xff, 0x20, 0x31, 0x0a, 0x75, 0x20, 0x31]),
  );
  assert.deepEqual(problems, ["1 the line is not UTF-8"]);
});

test("OpenMetrics text", () => {
  const { samples, problems, exemplars, metadata } = read(
    "openmetrics",
    `# TYPE a counter
# UNIT a_seconds seconds
a_total{x="1"} 5 1700000000.123 # {trace="t"} 0.5 1700000000
a_total 6 # {} 1
a_total 7 -1.5
# EOF
`,
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(samples, ['3 a_total{x="1"} 5 1700000000123', "4 a_total 6 NaN", "5 a_total 7 -1500"]);
  assert.deepEqual(exemplars, ['3 {trace="t"} 0.5 1700000000000', "4 {} 1 NaN"]);
  assert.deepEqual(metadata, ["type a counter", "unit a_seconds seconds"]);
  for (const line of [
    "",
    "#x",
    "a  1",
    "a\t1",
    'a{ x="1"} 1',
    'a{x="1" ,} 1',
    "a 1 x",
    "a 1 NaN",
    "# TYPE a untyped",
  ]) {
    assert.equal(read("openmetrics", `${line}\n# EOF\n`).problems.length, 1, JSON.stringify(line));
  }
  assert.equal(read("openmetrics", "# EOF\na 1\n").problems.length, 1);
});

test("numbers as Go reads them", () => {
  const good: [string, number][] = [
    ["1", 1],
    ["+1.", 1],
    [".5", 0.5],
    ["1e3", 1000],
    ["-Inf", -Infinity],
    ["infinity", Infinity],
    ["nan", NaN],
    ["5e-324", 5e-324],
  ];
  for (const [text, value] of good) assert(Object.is(parseGoFloatOrNull(text), value), text);
  for (const text of ["", ".", "1e", "0x1p-2", "1_0", "1e400", "in", "+nan", "1 ", "--1"]) {
    assert.equal(parseGoFloatOrNull(text), null, text);
  }
});

test("no input throws, hangs or is dropped without a word", () => {
  const part = fc.constantFrom(
    "up",
    "{",
    "}",
    '"',
    "=",
    ",",
    " ",
    "\n",
    "\\",
    "1",
    "#",
    "# TYPE",
    "# EOF",
    "a=",
    "λ",
    "\t",
    "é",
    "\0",
  );
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 60 }),
      fc.constantFrom<ExpositionFormat>("prometheus", "openmetrics"),
      (parts, format) => {
        const text = parts.join("");
        const { samples, problems, metadata } = read(format, text, 5);
        const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
        if (format === "prometheus")
          assert.equal(samples.length + problems.length + metadata.length >= lines.length, true);
      },
    ),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.constantFrom<ExpositionFormat>("prometheus", "openmetrics"),
      (bytes, format) => {
        read(format, bytes, 3);
      },
    ),
    { numRuns: 300 },
  );
});
