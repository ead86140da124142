import type { Cancellation } from "../../dist/base/cancellation.js";
import type {
  Engine,
  ImportAnswer,
  ImportRequest,
  IngestSlot,
  QueryAnswer,
  QueryRequest,
  ReadyState,
  WriteAnswer,
  WriteProtocol,
} from "../../dist/workers/contract.js";

/** What one `ingest` received. */
export interface Ingested {
  readonly body: Uint8Array;
  readonly protocol: WriteProtocol;
}

export const STORED: WriteAnswer = {
  status: 204,
  message: "",
  samples: 3,
  histograms: 2,
  exemplars: 1,
  retryAfterSeconds: 0,
};

/** An engine for tests of the front end alone: keeps the bodies, answers what the test says. */
export class FakeEngine implements Engine {
  state: ReadyState = { state: "ready" };
  slotsMax = 4;
  slotBytesMax = 1 << 20;
  slotsInUse = 0;
  readonly ingested: Ingested[] = [];
  readonly queries: QueryRequest[] = [];
  readonly imports: ImportRequest[] = [];
  abortedQueries = 0;
  closed = false;
  onIngest: (ingested: Ingested) => Promise<WriteAnswer> = async () => STORED;
  /** Null: the query waits until it is aborted. */
  onQuery: (request: QueryRequest) => QueryAnswer | null = ({ client: _client, ...request }) => ({
    status: 200,
    body: new TextEncoder().encode(JSON.stringify(request)),
  });

  ready(): ReadyState {
    return this.state;
  }

  acquireSlot(): IngestSlot | null {
    if (this.slotsInUse >= this.slotsMax) return null;
    this.slotsInUse++;
    return new FakeSlot(this);
  }

  async importText(request: ImportRequest): Promise<ImportAnswer> {
    this.imports.push(request);
    return { status: 204, message: "" };
  }

  async ingest(slot: IngestSlot, protocol: WriteProtocol): Promise<WriteAnswer> {
    const ingested = { body: (slot as FakeSlot).bytes(), protocol };
    this.ingested.push(ingested);
    const answer = await this.onIngest(ingested);
    slot.release();
    return answer;
  }

  async ingestOtlp(): Promise<{ status: number; refused: number; message: string }> {
    return { status: 200, refused: 0, message: "" };
  }

  async query(request: QueryRequest, cancellation: Cancellation): Promise<QueryAnswer> {
    const { client: _client, ...asked } = request;
    this.queries.push(asked);
    const answer = this.onQuery(request);
    if (answer !== null) return answer;
    await new Promise<void>((resolve) => cancellation.onCancel(resolve));
    this.abortedQueries++;
    return { status: 499, body: new Uint8Array() };
  }

  admin(): Promise<QueryAnswer> {
    return Promise.resolve({ status: 204, body: new Uint8Array() });
  }

  activeQueries(): QueryAnswer {
    return { status: 200, body: new TextEncoder().encode("[]") };
  }

  cancelQuery(id: string): boolean {
    return id === "known";
  }

  readonly budgets = {
    list: () => [],
    set: async (): Promise<void> => {},
    remove: async (): Promise<void> => {},
  };

  async setRules(): Promise<void> {}

  async probe(slot: IngestSlot): Promise<QueryAnswer> {
    const body = (slot as FakeSlot).bytes();
    slot.release();
    return { status: 200, body };
  }

  metadata(params: readonly (readonly [string, string])[]): QueryAnswer {
    return { status: 200, body: new TextEncoder().encode(JSON.stringify({ params })) };
  }

  metricsText(): string {
    return "# HELP varve_fake A fake.\n# TYPE varve_fake gauge\nvarve_fake 1\n";
  }

  runtimeInfo(): Readonly<Record<string, string | number | boolean>> {
    return { storageRetention: "15d", durability: "fsync" };
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

class FakeSlot implements IngestSlot {
  length = 0;
  private readonly chunks: Uint8Array[] = [];
  private readonly engine: FakeEngine;
  private released = false;

  constructor(engine: FakeEngine) {
    this.engine = engine;
  }

  write(chunk: Uint8Array): "ok" | "full" | "too-large" {
    if (this.length + chunk.length > this.engine.slotBytesMax) return "too-large";
    this.chunks.push(chunk.slice());
    this.length += chunk.length;
    return "ok";
  }

  release(): void {
    if (this.released) throw new Error("a slot is released once");
    this.released = true;
    this.engine.slotsInUse--;
  }

  bytes(): Uint8Array {
    return Buffer.concat(this.chunks);
  }
}
