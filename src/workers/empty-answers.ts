/**
 * Endpoints that are empty in a store that neither scrapes nor evaluates rules. Their parameters are judged as
 * Prometheus judges them, in its order and with its texts.
 */
import { RefusalError } from "../base/errors.js";
import { quote } from "../model/go-text.js";
import { parseMetricSelector } from "../promql/parse/parser.js";
import { parseBool, parseInt32, parseMetadataLimit } from "../wire/param-values.js";
import { inParameter, paramOf, paramsOf, requireNonEmptyMatchers } from "../wire/params.js";
import { encodeData } from "../wire/prometheus-json.js";
import type { QueryAnswer, QueryRequest } from "./contract.js";

/** `/api/v1/rules`: none. */
export function answerRules({ params }: QueryRequest): QueryAnswer {
  requireNonEmptyMatchers(paramsOf(params, "match[]").map((text) => parseMetricSelector(text)));
  inParameter("type", () => {
    const type = paramOf(params, "type").toLowerCase();
    if (type !== "" && type !== "alert" && type !== "record") {
      throw new RefusalError("bad_data", `not supported value ${quote(type)}`);
    }
  });
  inParameter("exclude_alerts", () => {
    const text = paramOf(params, "exclude_alerts").toLowerCase();
    if (text !== "") inWords("error converting exclude_alerts", () => parseBool(text));
  });
  refusePages(paramOf(params, "group_limit"), paramOf(params, "group_next_token"));
  return encodeData({ groups: [] });
}

/** No token was ever given out. */
function refusePages(groupLimit: string, nextToken: string): void {
  inParameter("group_next_token", () => {
    if (nextToken !== "" && groupLimit === "") {
      throw new RefusalError(
        "bad_data",
        "group_limit needs to be present in order to paginate over the groups",
      );
    }
  });
  if (groupLimit === "") return;
  inParameter("group_limit", () => {
    const limit = inWords("group_limit needs to be a valid number", () => parseInt32(groupLimit));
    if (limit <= 0) throw new RefusalError("bad_data", "group_limit needs to be greater than 0");
  });
  inParameter("group_next_token", () => {
    if (nextToken === "") return;
    throw new RefusalError("bad_data", `invalid group_next_token '${nextToken}'. were rule groups changed?`);
  });
}

/** `/api/v1/targets/metadata`: none. */
export function answerTargetsMetadata({ params }: QueryRequest): QueryAnswer {
  parseMetadataLimit("limit", paramOf(params, "limit"));
  const matchTarget = paramOf(params, "match_target");
  if (matchTarget !== "") inParameter("match_target", () => parseMetricSelector(matchTarget));
  return encodeData([]);
}

function inWords<T>(words: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof RefusalError)) throw error;
    throw new RefusalError(error.code, `${words}: ${error.message}`);
  }
}
