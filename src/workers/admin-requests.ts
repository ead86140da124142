/** `/api/v1/admin/tsdb/*`: what the requests ask for, and what they are answered. */
import { RefusalError } from "../base/errors.js";
import { ADMIN_WAITING_MAX } from "../base/limits.js";
import type { Logger } from "../base/log.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import { inParameter, type Params, parseDeletionParams, parseSkipHead } from "../wire/params.js";
import { encodeData, encodeError } from "../wire/prometheus-json.js";
import type { AdminAction, QueryAnswer } from "./contract.js";
import type { Maintenance } from "./maintenance.js";

/** Times are kept within what a double counts exactly. */
const TIME_MS_MAX: number = 2 ** 53;
const NO_CONTENT: QueryAnswer = { status: 204, body: new Uint8Array() };

export class AdminRequests {
  private readonly maintenance: Maintenance;
  private readonly log: Logger;
  private waiting = 0;

  constructor(maintenance: Maintenance, log: Logger) {
    this.maintenance = maintenance;
    this.log = log;
  }

  /** Never rejects: errors are answers. */
  async answer(action: AdminAction, params: Params): Promise<QueryAnswer> {
    if (this.waiting >= ADMIN_WAITING_MAX) {
      return encodeError(new RefusalError("unavailable", "too many admin requests are waiting"));
    }
    this.waiting++;
    try {
      if (action === "snapshot") {
        const name = await this.maintenance.snapshot(parseSkipHead(params));
        this.log.info("took a snapshot", { name });
        return encodeData({ name });
      }
      if (action === "delete_series") await this.deleteSeries(params);
      else await this.maintenance.cleanTombstones();
      return NO_CONTENT;
    } catch (error) {
      if (!(error instanceof RefusalError)) {
        this.log.error("an admin request failed", { action, err: String(error) });
      }
      return encodeError(error);
    } finally {
      this.waiting--;
    }
  }

  private async deleteSeries(params: Params): Promise<void> {
    const { matches, startMs, endMs } = parseDeletionParams(params);
    const sets = matches.map((text) => inParameter("match[]", () => parseMetricSelector(text)));
    const mint = Math.max(startMs, -TIME_MS_MAX);
    const maxt = Math.min(endMs, TIME_MS_MAX);
    if (mint > maxt) return;
    await this.maintenance.deleteSeries({ sets, mint, maxt });
    this.log.info("deleted samples", { match: matches.join(" "), mint, maxt });
  }
}
