import { Cancellation } from "../base/cancellation.js";
import { READ_BYTES_MAX } from "../base/limits.js";
import type { Engine, QueryAnswer, QueryRequest, ReadCursor } from "../workers/contract.js";
import type { Call } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { withOwnBody } from "./own-body.js";
import type { Route } from "./router.js";

/**
 * Prometheus' remote read. A streamed answer is made piece by piece on the query threads: the next piece when the
 * client has taken the last one, so a slow client costs neither memory nor a thread.
 */
export function remoteReadRoute(gate: EngineGate, concurrencyMax: number): Route {
  const turns = new Turns(concurrencyMax === 0 ? Number.POSITIVE_INFINITY : concurrencyMax);
  return {
    path: "/api/v1/read",
    methods: ["POST"],
    summary: "Remote read: samples or streamed chunks",
    takes: ["application/x-protobuf"],
    gives: ["application/x-protobuf", "application/x-streamed-protobuf"],
    scope: "read",
    cors: false,
    bodyBytesMax: READ_BYTES_MAX,
    handle: (call) => turns.wait(() => read(gate, call, () => turns.end())),
  };
}

/** Lets so many at a time, the others in the order in which they came. */
class Turns {
  private readonly max: number;
  private readonly waiting: (() => void)[] = [];
  private running = 0;

  constructor(max: number) {
    this.max = max;
  }

  wait(begin: () => void): void {
    if (this.running >= this.max) {
      this.waiting.push(begin);
      return;
    }
    this.running++;
    begin();
  }

  end(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.running--;
    else next();
  }
}

function read(gate: EngineGate, call: Call, end: () => void): void {
  const engine = gate.current();
  if (engine === null || call.exchange.finished) {
    if (engine === null) call.unavailable(gate.ready(), gate.reason());
    else call.empty(204);
    end();
    return;
  }
  const gone = new Cancellation();
  let ended = false;
  const finish = (): void => {
    if (ended) return;
    ended = true;
    end();
  };
  call.exchange.onGone = () => {
    gone.cancel();
    finish();
  };
  const piece = (cursor?: ReadCursor): Promise<QueryAnswer> => ask(engine, call, gone, cursor);
  piece().then(
    (first) => {
      if (first.next === undefined) {
        const encoding = first.status === 200 && isSamples(first) ? ["Content-Encoding", "snappy"] : [];
        call.replyAsIs(first.status, first.contentType ?? "", first.body, encoding);
        finish();
      } else streamPieces(call, first, piece, finish);
    },
    () => {
      call.error("internal", "internal error");
      finish();
    },
  );
}

function ask(
  engine: Engine,
  call: Call,
  cancellation: Cancellation,
  cursor?: ReadCursor,
): Promise<QueryAnswer> {
  const { params, body } = call;
  const request: QueryRequest = { kind: "read", client: call.client, params, body };
  return engine
    .query(cursor === undefined ? request : { ...request, cursor }, cancellation)
    .then(withOwnBody);
}

function isSamples({ contentType }: QueryAnswer): boolean {
  return contentType === "application/x-protobuf";
}

function streamPieces(
  call: Call,
  first: QueryAnswer,
  piece: (cursor: ReadCursor) => Promise<QueryAnswer>,
  finish: () => void,
): void {
  let current: QueryAnswer | null = first;
  let ahead: Promise<QueryAnswer> | null = null;
  call.stream(first.status, first.contentType ?? "", async () => {
    if (current === null) {
      if (ahead === null) {
        finish();
        return null;
      }
      current = await ahead;
      if (current.status !== 200) {
        finish();
        throw new Error("the query thread could not go on");
      }
    }
    const { body, next } = current;
    current = null;
    ahead = next === undefined ? null : piece(next);
    return body;
  });
}
