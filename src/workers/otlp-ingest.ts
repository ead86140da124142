/** Stores OTLP: what it becomes goes through slots like any write request, with the same checks and durability. */
import type { Logger } from "../base/log.js";
import type { OtlpOptions } from "../wire/otlp-translate.js";
import type { Engine, OtlpAnswer, OtlpRequest } from "./contract.js";
import { OtlpPool } from "./otlp-pool.js";

export class OtlpIngest {
  private readonly engine: Pick<Engine, "acquireSlot" | "ingest">;
  private readonly pool: OtlpPool;
  private readonly log: Logger;

  constructor(engine: Pick<Engine, "acquireSlot" | "ingest">, options: OtlpOptions, log: Logger) {
    this.engine = engine;
    this.pool = new OtlpPool(options);
    this.log = log;
  }

  async ingest(request: OtlpRequest): Promise<OtlpAnswer> {
    try {
      return await this.translateAndStore(request);
    } catch (error) {
      this.log.error("an OTLP request failed", { err: String(error) });
      return answer(500, "internal error");
    }
  }

  close(): Promise<void> {
    return this.pool.close();
  }

  private async translateAndStore(request: OtlpRequest): Promise<OtlpAnswer> {
    const translated = await this.pool.translate(request);
    if (translated === null) return answer(503, "too many OTLP requests are waiting");
    if (typeof translated === "string") return answer(400, translated);
    let refused = translated.refusedPoints;
    let stored = 0;
    const messages = translated.message === "" ? [] : [translated.message];
    for (const part of translated.parts) {
      const slot = this.engine.acquireSlot();
      if (slot === null) return answer(503, "all request slots are in use");
      const written = slot.write(part.body);
      if (written !== "ok") {
        slot.release();
        if (written === "full") return answer(503, "all request slots are in use");
        return answer(413, "the request is larger than --limits.request-bytes when it is translated");
      }
      const outcome = await this.engine.ingest(slot, 1);
      if (outcome.status !== 204 && outcome.status !== 400) return answer(outcome.status, outcome.message);
      const samples = outcome.samples + outcome.histograms;
      stored += samples;
      if (outcome.status === 204) continue;
      refused += part.samples - samples;
      messages.push(outcome.message);
    }
    const status = stored === 0 && messages.length > 0 ? 400 : 200;
    return { status, refused, message: messages.join("; ") };
  }
}

function answer(status: number, message: string): OtlpAnswer {
  return { status, refused: 0, message };
}
