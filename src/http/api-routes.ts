import { Cancellation } from "../base/cancellation.js";
import type { Engine, QueryAnswer, QueryKind, QueryRequest } from "../workers/contract.js";
import { type Call, JSON_TYPE } from "./call.js";
import type { EngineGate } from "./engine-gate.js";
import { formErrorText } from "./form.js";
import { unescapeLabelName } from "./label-name.js";
import {
  EVALUATION,
  LIMIT,
  MATCHES,
  MATCHES_REQUIRED,
  QUERY,
  RANGE,
  RANGE_REQUIRED,
} from "./route-params.js";
import type { Method, Route, RouteParam } from "./router.js";

const GET: readonly Method[] = ["GET"];
const GET_POST: readonly Method[] = ["GET", "POST"];

const TIME: RouteParam = { name: "time", description: "Seconds since 1970 or RFC 3339; absent: now" };
const STEP: RouteParam = {
  name: "step",
  description: "Distance of the points: a duration or seconds",
  required: true,
};

/** Prometheus' query API. The parameters are judged on the query thread, which also makes the JSON. */
export function apiRoutes(gate: EngineGate): Route[] {
  const query = (
    path: string,
    kind: QueryKind,
    methods: readonly Method[],
    summary: string,
    params: readonly RouteParam[],
  ): Route => ({
    path: `/api/v1${path}`,
    methods,
    summary,
    params,
    scope: "read",
    cors: true,
    handle: (call) => ask(gate, call, kind),
  });
  return [
    query("/query", "query", GET_POST, "Evaluates an expression at one time", [QUERY, TIME, ...EVALUATION]),
    query("/query_range", "query_range", GET_POST, "Evaluates an expression over a range of times", [
      QUERY,
      ...RANGE_REQUIRED,
      STEP,
      ...EVALUATION,
    ]),
    query(
      "/query_exemplars",
      "query_exemplars",
      GET_POST,
      "Exemplars of the series that an expression selects",
      [QUERY, ...RANGE],
    ),
    query("/format_query", "format_query", GET_POST, "Prints an expression the usual way", [QUERY]),
    query("/parse_query", "parse_query", GET_POST, "The syntax tree of an expression", [QUERY]),
    {
      ...query("/series", "series", GET_POST, "Label sets of the series that match", [
        MATCHES_REQUIRED,
        ...RANGE,
        LIMIT,
      ]),
      handle: (call) => askStrictly(gate, call, "series"),
    },
    query("/labels", "labels", GET_POST, "Label names", [MATCHES, ...RANGE, LIMIT]),
    query("/label/{name}/values", "label_values", GET, "Values of one label", [MATCHES, ...RANGE, LIMIT]),
    {
      path: "/api/v1/status/active_queries",
      methods: GET,
      summary: "Queries that wait or run",
      scope: "read",
      cors: true,
      handle: (call) => withEngine(gate, call, (engine) => answer(call, engine.activeQueries())),
    },
    {
      path: "/api/v1/status/active_queries/{id}",
      methods: ["DELETE"],
      summary: "Ends one of the queries that wait or run",
      gives: [""],
      scope: "admin",
      cors: true,
      handle: (call) => withEngine(gate, call, (engine) => endQuery(call, engine)),
    },
    {
      path: "/api/v1/metadata",
      methods: GET,
      summary: "Type, help and unit of metrics",
      params: [
        { name: "metric", description: "The one metric that is asked for" },
        { name: "limit", description: "Most metrics in the answer" },
        { name: "limit_per_metric", description: "Most entries for one metric" },
      ],
      scope: "read",
      cors: true,
      handle: (call) => withEngine(gate, call, (engine) => answer(call, engine.metadata(call.params))),
    },
  ];
}

export function withEngine(gate: EngineGate, call: Call, handle: (engine: Engine) => void): void {
  const engine = gate.current();
  if (engine === null) call.unavailable(gate.ready(), gate.reason());
  else handle(engine);
}

function endQuery(call: Call, engine: Engine): void {
  if (engine.cancelQuery(call.variable)) call.empty(204);
  else call.error("not_found", `no active query with id ${JSON.stringify(call.variable)}`);
}

/** The same for an endpoint that refuses parameters that are not spelled as a form. */
export function askStrictly(gate: EngineGate, call: Call, kind: QueryKind): void {
  if (call.formError === null) ask(gate, call, kind);
  else call.error("bad_data", formErrorText(call.formError));
}

/** Asks the query threads, and answers with what they say. */
export function ask(
  gate: EngineGate,
  call: Call,
  kind: QueryKind,
  more: Pick<QueryRequest, "accept" | "context"> = {},
): void {
  withEngine(gate, call, (engine) => askEngine(call, engine, kind, more));
}

function askEngine(
  call: Call,
  engine: Engine,
  kind: QueryKind,
  more: Pick<QueryRequest, "accept" | "context">,
): void {
  const gone = new Cancellation();
  call.exchange.onGone = () => gone.cancel();
  const { params, client } = call;
  const request: QueryRequest =
    kind === "label_values"
      ? { kind, params, client, labelName: unescapeLabelName(call.variable) }
      : { kind, params, client, ...more };
  engine.query(request, gone).then(
    (result) => answer(call, result),
    () => call.error("internal", "internal error"),
  );
}

export function answer(call: Call, { status, body, contentType = JSON_TYPE, release }: QueryAnswer): void {
  if (status === 204) {
    release?.();
    call.empty(204);
  } else call.reply(status, contentType, body, [], release);
}
