/** Requests with a body that is no form: Remote Write and remote read. None of them changes what is stored. */
import type { Dice } from "../differential/dice.js";
import { BEGIN_MS } from "../differential/span.js";
import { encodeRead, type PlainQuery } from "../support/read-client.js";
import { encodeRequestV1, encodeRequestV2, snappyCompress } from "../support/remote-write.js";
import { exemplarSeries } from "./api-data.js";
import type { ApiRequest } from "./request.js";

const PROTOBUF = "application/x-protobuf";
const V2 = `${PROTOBUF};proto=io.prometheus.write.v2.Request`;
const NOTHING = new Uint8Array();
const GARBAGE = Buffer.from("this is neither snappy nor protobuf");

function post(path: string, headers: Record<string, string>, body: Uint8Array): ApiRequest {
  return { method: "POST", path: `/api/v1${path}`, query: [], form: null, headers, body };
}

export function bodyRequest(dice: Dice): ApiRequest {
  const request = dice.weighted<() => ApiRequest>([
    [5, () => write(dice)],
    [4, () => read(dice)],
    [1, () => multipart(dice)],
  ])();
  return { ...request, streamed: dice.chance(0.2) };
}

function write(dice: Dice): ApiRequest {
  const headers: Record<string, string> = {};
  const type = dice.pick([
    ...["", PROTOBUF, PROTOBUF, `${PROTOBUF};proto=prometheus.WriteRequest`, V2, V2, `${PROTOBUF};proto=x`],
    ...[
      "text/plain",
      "application/json",
      `${PROTOBUF};a`,
      `${PROTOBUF}; proto=prometheus.WriteRequest`,
      "x",
      PROTOBUF.toUpperCase(),
    ],
    ...[
      `${PROTOBUF};a=b`,
      ` ${PROTOBUF} `,
      `${PROTOBUF};charset=utf-8;proto=prometheus.WriteRequest`,
      `${PROTOBUF};`,
    ],
  ]);
  const encoding = dice.pick(["", "snappy", "snappy", "snappy", "SNAPPY", "gzip", "identity", "zst"]);
  if (type !== "") headers["Content-Type"] = type;
  if (encoding !== "") headers["Content-Encoding"] = encoding;
  const body = dice.pick<() => Uint8Array>([
    () => NOTHING,
    () => GARBAGE,
    () => snappyCompress(GARBAGE),
    () => snappyCompress(NOTHING),
    () => Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0),
    () => Uint8Array.of(0x80),
    () => snappyCompress(type === V2 ? encodeRequestV2([]) : encodeRequestV1([])),
    // The newest sample once more: nothing that either does not have.
    () => snappyCompress(type === V2 ? encodeRequestV2(lastSamples()) : encodeRequestV1(lastSamples())),
  ])();
  return {
    ...post("/write", headers, body),
    query: dice.chance(0.1) ? [dice.pick(["x=1", "%", "a;b"])] : [],
  };
}

function lastSamples() {
  return exemplarSeries().map(({ labels, samples = [] }) => ({ labels, samples: samples.slice(-1) }));
}

/** A form as HTML pages with files send it. */
function multipart(dice: Dice): ApiRequest {
  const lines = ["--x", 'Content-Disposition: form-data; name="query"', "", "1", "--x--", ""];
  const headers = { "Content-Type": "multipart/form-data; boundary=x" };
  return post(dice.pick(["/query", "/format_query"]), headers, Buffer.from(lines.join("\r\n")));
}

function read(dice: Dice): ApiRequest {
  const matcher = (): PlainQuery["matchers"][number] => [
    dice.pick(["EQ", "EQ", "NEQ", "RE", "NRE"]),
    "__name__",
    dice.pick(["edge_scale", "nowhere", "edge_s.*", "edge_custom_seconds", "["]),
  ];
  const startMs = BEGIN_MS + dice.between(-60_000, 3_600_000);
  const query = (): PlainQuery => ({
    startMs,
    endMs: startMs + dice.pick([0, 30_000, 60_000]),
    matchers: dice.chance(0.2) ? [matcher(), ["EQ", "job", "edge"]] : [matcher()],
  });
  const body = dice.pick<() => Uint8Array>([
    () => NOTHING,
    () => GARBAGE,
    () => snappyCompress(GARBAGE),
    () => snappyCompress(NOTHING),
    () => encodeRead([query()], dice.pick([[], [0], [1], [1, 0], [0, 1]])),
    () => encodeRead([query()], []),
    () => encodeRead([query(), query()], [0]),
  ])();
  const headers: Record<string, string> = {};
  if (dice.chance(0.8)) headers["Content-Type"] = dice.pick([PROTOBUF, PROTOBUF, "text/plain", "x"]);
  if (dice.chance(0.8)) headers["Content-Encoding"] = dice.pick(["snappy", "snappy", "gzip", "x"]);
  return post("/read", headers, body);
}
