import { assert } from "../base/assert.js";
import { RefusalError } from "../base/errors.js";
import { FLAGS, type FlagName, type Option } from "./flag-table.js";
import { type Address, parseFlagValue } from "./flag-values.js";

/** Between the texts of an option that was given several times. */
const SEPARATOR = "\0";

/** The options of one start, each with a value. */
export class ParsedFlags<Name extends string = FlagName> {
  private readonly given: ReadonlyMap<string, string>;
  private readonly values: ReadonlyMap<string, string | number | Address>;

  constructor(texts: ReadonlyMap<string, string>, values: ReadonlyMap<string, string | number | Address>) {
    this.given = texts;
    this.values = values;
  }

  text(name: Name): string {
    const value = this.values.get(name);
    assert(typeof value === "string", `${name} is a text`);
    return value;
  }

  enabled(name: Name): boolean {
    return this.text(name) === "true";
  }

  list(name: Name): string[] {
    return this.text(name)
      .split(",")
      .filter((part) => part !== "");
  }

  /** Of an option that may be given several times. */
  texts(name: Name): string[] {
    return this.text(name)
      .split(SEPARATOR)
      .filter((part) => part !== "");
  }

  /** Bytes, milliseconds or a count; `auto` stands for the value "auto". */
  number(name: Name, auto: () => number = () => Number.NaN): number {
    const value = this.values.get(name);
    if (value === "auto") return auto();
    assert(typeof value === "number", `${name} is a number`);
    return value;
  }

  address(name: Name): Address {
    const value = this.values.get(name);
    assert(typeof value === "object", `${name} is an address`);
    return value;
  }

  /** Every option as text, for `/api/v1/status/flags`. */
  all(): Record<string, string> {
    return Object.fromEntries([...this.given].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** What the arguments behind a command's name ask for. */
export type ParsedArguments<Name extends string> =
  | { readonly asks: "help" }
  | { readonly asks: "version" }
  | { readonly asks: "run"; readonly options: ParsedFlags<Name>; readonly operands: readonly string[] };

/**
 * Parses `--name=value` and `--name value`; a switch also as `--name` and `--no-name`. Throws RefusalError("bad_data")
 * with one line for stderr.
 */
export function parseArguments<Name extends string>(
  args: readonly string[],
  known: readonly Option<Name>[],
): ParsedArguments<Name> {
  const given = new Map<string, string>();
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--help" || arg === "-h") return { asks: "help" };
    if (arg === "--version") return { asks: "version" };
    // "-" is the usual name of standard input.
    if (arg === "-" || !arg.startsWith("-")) {
      operands.push(arg);
      continue;
    }
    const mark = arg.indexOf("=");
    const name = arg.startsWith("--") ? arg.slice(2, mark < 0 ? undefined : mark) : arg;
    const { option, off } = findOption(known, name);
    const before = given.get(option.name);
    const separator = option.kind === "list" ? "," : option.kind === "texts" ? SEPARATOR : null;
    if (before !== undefined && separator === null) throw refuse(`--${name} is given twice`);
    const bare = mark < 0 && option.kind === "switch";
    const value = bare ? String(!off) : mark < 0 ? args[++i] : arg.slice(mark + 1);
    if (value === undefined || (off && !bare)) throw refuse(`--${name} needs ${off ? "no" : "a"} value`);
    given.set(option.name, before === undefined ? value : `${before}${separator}${value}`);
  }
  return { asks: "run", options: parseOptions(given, known), operands };
}

/** `off`: a switch as `--no-name`. */
function findOption<Name extends string>(
  known: readonly Option<Name>[],
  name: string,
): { readonly option: Option<Name>; readonly off: boolean } {
  const exact = known.find((option) => option.name === name);
  if (exact !== undefined) return { option: exact, off: false };
  const negated = known.find((option) => option.kind === "switch" && `no-${option.name}` === name);
  if (negated === undefined) throw refuse(`unknown flag ${name.startsWith("-") ? name : `--${name}`}`);
  return { option: negated, off: true };
}

/** What the command line asks for. */
export type Command =
  | { readonly command: "help" }
  | { readonly command: "version" }
  | { readonly command: "serve"; readonly flags: ParsedFlags };

/** The command line of the server. */
export function parseCommandLine(args: readonly string[]): Command {
  const parsed = parseArguments(args, FLAGS);
  if (parsed.asks !== "run") return { command: parsed.asks };
  const [unexpected] = parsed.operands;
  if (unexpected !== undefined) throw refuse(`unexpected argument ${JSON.stringify(unexpected)}`);
  return { command: "serve", flags: parsed.options };
}

function parseOptions<Name extends string>(
  given: ReadonlyMap<string, string>,
  known: readonly Option<Name>[],
): ParsedFlags<Name> {
  const texts = new Map<string, string>();
  const values = new Map<string, string | number | Address>();
  for (const option of known) {
    const text = given.get(option.name) ?? option.default;
    texts.set(option.name, text);
    try {
      values.set(option.name, parseFlagValue(option, text));
    } catch (error) {
      throw refuse(`--${option.name}: ${error instanceof RefusalError ? error.message : String(error)}`);
    }
  }
  return new ParsedFlags(texts, values);
}

function refuse(message: string): RefusalError {
  return new RefusalError("bad_data", `${message} (--help lists all flags)`);
}
