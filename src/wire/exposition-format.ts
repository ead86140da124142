/**
 * Which exposition format a scraper wants, and how names of other than the classic characters are spelled in it
 * (expfmt.Negotiate and model.EscapeName of github.com/prometheus/common).
 */

export type EscapingScheme = "allow-utf-8" | "underscores" | "dots" | "values";

export interface ExpositionFormat {
  readonly protobuf: boolean;
  readonly escaping: EscapingScheme;
  readonly contentType: string;
}

const SCHEMES: readonly string[] = ["allow-utf-8", "underscores", "dots", "values"];
const TEXT_TYPE = "text/plain; version=0.0.4; charset=utf-8";
const PROTOBUF_TYPE = "application/vnd.google.protobuf";
const PROTOBUF_FORMAT = `${PROTOBUF_TYPE}; proto=io.prometheus.client.MetricFamily; encoding=delimited`;

/** `accept`: the header, "" where it is absent. Delimited protobuf where it is preferred, else the text format. */
export function negotiateExposition(accept: string): ExpositionFormat {
  let escaping: EscapingScheme = "underscores";
  for (const { type, params } of acceptClauses(accept)) {
    const wanted = params.get("escaping") ?? "";
    if (SCHEMES.includes(wanted)) escaping = wanted as EscapingScheme;
    const isFamily = type === PROTOBUF_TYPE && params.get("proto") === "io.prometheus.client.MetricFamily";
    if (isFamily && params.get("encoding") === "delimited") {
      return { protobuf: true, escaping, contentType: `${PROTOBUF_FORMAT}; escaping=${escaping}` };
    }
    const version = params.get("version") ?? "";
    if (type === "text/plain" && (version === "" || version === "0.0.4")) break;
  }
  return { protobuf: false, escaping, contentType: `${TEXT_TYPE}; escaping=${escaping}` };
}

interface AcceptClause {
  readonly type: string;
  readonly params: ReadonlyMap<string, string>;
  readonly quality: number;
}

/** The clauses of an Accept header, the most wanted first. */
function acceptClauses(accept: string): AcceptClause[] {
  const clauses = accept.split(",").map((clause) => {
    const [type = "", ...rest] = clause.split(";").map((part) => part.trim());
    const params = new Map<string, string>();
    for (const part of rest) {
      const [name = "", value, more] = part.split("=");
      if (value !== undefined && more === undefined) params.set(name.trim(), value.trim());
    }
    const quality = params.has("q") ? Number(params.get("q")) || 0 : 1;
    return { type, params, quality };
  });
  return clauses.sort((a, b) => b.quality - a.quality);
}

const CLASSIC_NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;

/** True for a name that needs neither quotes nor escapes. */
export function isClassicName(name: string): boolean {
  return CLASSIC_NAME.test(name);
}

/** A name of a metric or label as `scheme` spells it. Classic names stay. */
export function escapeName(name: string, scheme: EscapingScheme): string {
  if (scheme === "allow-utf-8" || isClassicName(name)) return name;
  let escaped = scheme === "values" ? "U__" : "";
  let first = true;
  for (const char of name) {
    const plain = /[a-zA-Z_:]/.test(char) || (!first && /[0-9]/.test(char));
    first = false;
    if (scheme === "underscores") escaped += plain ? char : "_";
    else if (char === "_") escaped += "__";
    else if (plain) escaped += char;
    else if (scheme === "dots") escaped += char === "." ? "_dot_" : "__";
    else escaped += `_${(char.codePointAt(0) ?? 0).toString(16)}_`;
  }
  return escaped;
}
