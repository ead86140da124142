/**
 * Paths as templates: `/users/123/orders/9f1c…` becomes `/users/:id/orders/:hash`, so that a label with URLs has as many
 * values as the program has routes. Deliberately without regular expressions of its own: one pass over the text.
 */

const HEX_HASH_CHARACTERS_MIN = 16;
const TOKEN_CHARACTERS_MIN = 20;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const NUMBER = /^[+-]?\d+(?:[.,]\d+)*$/;
const HEX = /^(?:0x)?[0-9a-f]+$/i;
const TOKEN = /^[\w-]+={0,2}$/;
const URL_START = /^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i;

/**
 * `url` with the parts of its path that name one thing replaced: numbers by `:id`, UUIDs by `:uuid`, hex of 16 digits
 * and more by `:hash`, ULIDs and other long tokens that mix letters and digits by `:token`. Values of query parameters
 * become `:value`; a fragment goes. What is no URL and no path stays as it is.
 */
export function templateUrl(url: string): string {
  const origin = URL_START.exec(url)?.[0] ?? "";
  const rest = url.slice(origin.length);
  if (!rest.startsWith("/") && !rest.startsWith("?") && !rest.startsWith("#")) return url;
  const hash = rest.indexOf("#");
  const whole = hash < 0 ? rest : rest.slice(0, hash);
  const mark = whole.indexOf("?");
  const path = mark < 0 ? whole : whole.slice(0, mark);
  const query =
    mark < 0
      ? ""
      : `?${whole
          .slice(mark + 1)
          .split("&")
          .map(templateParameter)
          .join("&")}`;
  return origin + path.split("/").map(templateSegment).join("/") + query;
}

function templateSegment(segment: string): string {
  if (segment === "") return segment;
  if (NUMBER.test(segment)) return ":id";
  if (segment.length < HEX_HASH_CHARACTERS_MIN) return segment;
  if (UUID.test(segment)) return ":uuid";
  const digits = /\d/.test(segment);
  if (digits && HEX.test(segment)) return ":hash";
  if (segment.length >= TOKEN_CHARACTERS_MIN && digits && isToken(segment)) return ":token";
  return segment;
}

/** Words with a number in them (`release-notes-for-version-2`) are no tokens: there digits and letters are mixed in one word. */
function isToken(segment: string): boolean {
  if (!TOKEN.test(segment)) return false;
  return segment
    .split(/[-_]/)
    .some((word) => word.length >= HEX_HASH_CHARACTERS_MIN && /[a-z]\d|\d[a-z]/i.test(word));
}

function templateParameter(parameter: string): string {
  const mark = parameter.indexOf("=");
  return mark < 0 || mark === parameter.length - 1 ? parameter : `${parameter.slice(0, mark)}=:value`;
}
