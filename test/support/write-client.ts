import { encodeRequestV1, encodeRequestV2, snappyCompress, type WireSeries } from "./remote-write.js";

const COMMON = { "Content-Encoding": "snappy", "User-Agent": "varve-test" };
export const HEADERS_V1: Readonly<Record<string, string>> = {
  ...COMMON,
  "Content-Type": "application/x-protobuf",
  "X-Prometheus-Remote-Write-Version": "0.1.0",
};
export const HEADERS_V2: Readonly<Record<string, string>> = {
  ...COMMON,
  "Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request",
  "X-Prometheus-Remote-Write-Version": "2.0.0",
};

/** What a receiver answered; `written` is null where a header is absent. */
export interface WriteResult {
  readonly status: number;
  readonly text: string;
  readonly written: { samples: number | null; histograms: number | null; exemplars: number | null };
  readonly headers: Headers;
}

/** Sends a body as it is. */
export async function postBody(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
  path = "/api/v1/write",
): Promise<WriteResult> {
  const answer = await fetch(url + path, { method: "POST", headers, body: new Uint8Array(body) });
  const written = (what: string): number | null => {
    const value = answer.headers.get(`X-Prometheus-Remote-Write-${what}-Written`);
    return value === null ? null : Number(value);
  };
  return {
    status: answer.status,
    text: await answer.text(),
    written: {
      samples: written("Samples"),
      histograms: written("Histograms"),
      exemplars: written("Exemplars"),
    },
    headers: answer.headers,
  };
}

export function postV1(url: string, series: readonly WireSeries[]): Promise<WriteResult> {
  return postBody(url, HEADERS_V1, snappyCompress(encodeRequestV1(series)));
}

export function postV2(url: string, series: readonly WireSeries[]): Promise<WriteResult> {
  return postBody(url, HEADERS_V2, snappyCompress(encodeRequestV2(series)));
}
