/** The API's description (OpenAPI 3.1), made from the table that serves. */
import { yaml } from "../base/yaml.js";
import { API_ERRORS } from "../wire/api-errors.js";
import { ANSWER_SCHEMAS, SHARED_SCHEMAS } from "./answer-schemas.js";
import type { AnyRoute, Method, Route, RouteParam } from "./router.js";

type Json = Readonly<Record<string, unknown>>;

const YAML_TYPE = "application/yaml";
const FORM_TYPE = "application/x-www-form-urlencoded";

/** The description under its two addresses. `table` may have these routes in it; it is read at the first request. */
export function openApiRoutes(table: () => readonly AnyRoute[], version: string): Route[] {
  let printed: string | null = null;
  return ["/openapi.yaml", "/api/v1/openapi.yaml"].map((path) => ({
    path,
    methods: ["GET"],
    summary: "This description of the API, as YAML",
    gives: [YAML_TYPE],
    scope: "read",
    cors: true,
    handle(call) {
      printed ??= yaml().stringify(describeApi(table(), version), {
        aliasDuplicateObjects: false,
        lineWidth: 0,
      });
      call.reply(200, YAML_TYPE, printed);
    },
  }));
}

/** One operation for each method of each row, and nothing else. */
export function describeApi(routes: readonly AnyRoute[], version: string): Json {
  return {
    openapi: "3.1.1",
    info: {
      title: "Varve HTTP API",
      description:
        "Long-term storage for Prometheus Remote Write. Parameters of a form may be in the query string as well.",
      version,
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "open", description: "Needs no scope" },
      { name: "read", description: "Asks for what is stored and how the server does" },
      { name: "write", description: "Stores samples" },
      { name: "admin", description: "Changes or removes what is stored, changes settings, stops the server" },
    ],
    paths: Object.fromEntries(routes.map((route) => [pathTemplate(route.path), pathItem(route)])),
    components: COMPONENTS,
  };
}

/** Without the mark of a variable that may have slashes in it, which OpenAPI has no word for. */
function pathTemplate(path: string): string {
  return path.replace("*}", "}");
}

function pathItem(route: AnyRoute): Json {
  const operations = route.methods.map((method) => [method.toLowerCase(), operation(route, method)]);
  const variable = /\{(\w+)\*?\}/.exec(route.path)?.[1];
  if (variable === undefined) return Object.fromEntries(operations);
  const parameter = { name: variable, in: "path", required: true, schema: { type: "string" } };
  return { parameters: [parameter], ...Object.fromEntries(operations) };
}

function operation(route: AnyRoute, method: Method): Json {
  const params = (route.params ?? []).filter(({ methods }) => methods?.includes(method) ?? true);
  const takesBody = method === "POST" || method === "PUT";
  const takesForm = takesBody && route.takes === undefined && params.length > 0;
  const inUrl = takesForm ? [] : params;
  const body = takesForm
    ? formBody(params)
    : takesBody && route.takes !== undefined
      ? rawBody(route.takes)
      : null;
  return {
    operationId: `${method}${pathTemplate(route.path)}`.toLowerCase().replace(/\W+/g, "_").replace(/_$/, ""),
    summary: route.summary,
    tags: [route.scope],
    security: security(route),
    ...(inUrl.length === 0 ? {} : { parameters: inUrl.map(urlParameter) }),
    ...(body === null ? {} : { requestBody: body }),
    responses: responses(route),
  };
}

/** Scopes stand as roles. What is not of scope admin needs no credentials where none are configured. */
function security({ scope }: AnyRoute): readonly Json[] {
  const named = Object.keys(SECURITY_SCHEMES).map((scheme) => ({ [scheme]: [scope] }));
  return scope === "admin" ? named : [...named, {}];
}

function valueSchema({ repeated }: RouteParam): Json {
  return repeated === true ? { type: "array", items: { type: "string" } } : { type: "string" };
}

function urlParameter(param: RouteParam): Json {
  const { name, description, required = false } = param;
  return { name, in: "query", description, required, schema: valueSchema(param) };
}

function formBody(params: readonly RouteParam[]): Json {
  const required = params.filter((param) => param.required === true).map(({ name }) => name);
  const properties = params.map((param) => [
    param.name,
    { ...valueSchema(param), description: param.description },
  ]);
  const schema = {
    type: "object",
    properties: Object.fromEntries(properties),
    ...(required.length === 0 ? {} : { required }),
  };
  return { required: required.length > 0, content: { [FORM_TYPE]: { schema } } };
}

/** A media type without a schema: any bytes. */
function anyContent(types: readonly string[]): Json {
  return Object.fromEntries(types.map((type) => [type, {}]));
}

function rawBody(types: readonly string[]): Json {
  return { required: true, content: anyContent(types) };
}

function responses({ path, gives }: AnyRoute): Json {
  const others = { default: { $ref: "#/components/responses/Error" } };
  if (gives === undefined) return { "200": success(ANSWER_SCHEMAS[path]), ...others };
  const types = gives.filter((type) => type !== "");
  return {
    ...(types.length === 0 ? {} : { "200": { description: "Done", content: anyContent(types) } }),
    ...(gives.includes("") ? { "204": { description: "Done" } } : {}),
    ...others,
  };
}

/** The envelope, with what `data` is in it. */
function success(data: Json = { description: "What the endpoint answers" }): Json {
  const schema = {
    allOf: [
      { $ref: "#/components/schemas/Success" },
      { type: "object", required: ["data"], properties: { data } },
    ],
  };
  return { description: "What was asked for", content: { "application/json": { schema } } };
}

const SECURITY_SCHEMES: Json = {
  basic: { type: "http", scheme: "basic", description: "A user of `--web.config.file`" },
  token: { type: "http", scheme: "bearer", description: "A token of `--web.config.file`" },
  certificate: { type: "mutualTLS", description: "A client certificate that `--web.config.file` asks for" },
};

const TEXTS: Json = { type: "array", items: { type: "string" } };

/** The envelope of answers is Prometheus'. */
const COMPONENTS: Json = {
  securitySchemes: SECURITY_SCHEMES,
  schemas: {
    Success: {
      type: "object",
      required: ["status"],
      properties: {
        status: { const: "success" },
        warnings: TEXTS,
        infos: TEXTS,
      },
    },
    Error: {
      type: "object",
      required: ["status", "errorType", "error"],
      properties: {
        status: { const: "error" },
        errorType: {
          type: "string",
          enum: [...new Set(Object.values(API_ERRORS).map(({ errorType }) => errorType))],
        },
        error: { type: "string" },
      },
    },
    ...SHARED_SCHEMAS,
  },
  responses: {
    Error: {
      description: "Why not; text where the request did not get as far as its endpoint",
      content: {
        "application/json": { schema: { $ref: "#/components/schemas/Error" } },
        "text/plain": { schema: { type: "string" } },
      },
    },
  },
};
