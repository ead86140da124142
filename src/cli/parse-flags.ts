import { assert } from "../base/assert.js";
import { RefusalError } from "../base/errors.js";
import { FLAGS, type Flag, type FlagName } from "./flag-table.js";
import { type Address, parseFlagValue } from "./flag-values.js";

/** The flags of one start, each with a value. */
export class ParsedFlags {
  private readonly texts: ReadonlyMap<string, string>;
  private readonly values: ReadonlyMap<string, string | number | Address>;

  constructor(texts: ReadonlyMap<string, string>, values: ReadonlyMap<string, string | number | Address>) {
    this.texts = texts;
    this.values = values;
  }

  text(name: FlagName): string {
    const value = this.values.get(name);
    assert(typeof value === "string", `${name} is a text`);
    return value;
  }

  enabled(name: FlagName): boolean {
    return this.text(name) === "true";
  }

  list(name: FlagName): string[] {
    return this.text(name)
      .split(",")
      .filter((part) => part !== "");
  }

  /** Bytes, milliseconds or a count; `auto` stands for the value "auto". */
  number(name: FlagName, auto: () => number = () => Number.NaN): number {
    const value = this.values.get(name);
    if (value === "auto") return auto();
    assert(typeof value === "number", `${name} is a number`);
    return value;
  }

  address(name: FlagName): Address {
    const value = this.values.get(name);
    assert(typeof value === "object", `${name} is an address`);
    return value;
  }

  /** Every flag as text, for `/api/v1/status/flags`. */
  all(): Record<string, string> {
    return Object.fromEntries([...this.texts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}

/** What the command line asks for. */
export type Command =
  | { readonly command: "help" }
  | { readonly command: "version" }
  | { readonly command: "serve"; readonly flags: ParsedFlags };

/** Parses `--name=value` and `--name value`; a switch also as `--name` and `--no-name`. Throws RefusalError("bad_data") with one line for stderr. */
export function parseCommandLine(args: readonly string[]): Command {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as string;
    if (arg === "--help" || arg === "-h") return { command: "help" };
    if (arg === "--version") return { command: "version" };
    if (!arg.startsWith("--")) throw refuse(`unexpected argument ${JSON.stringify(arg)}`);
    const mark = arg.indexOf("=");
    const name = arg.slice(2, mark < 0 ? undefined : mark);
    const { flag, off } = findFlag(name);
    const before = given.get(flag.name);
    if (before !== undefined && flag.kind !== "list") throw refuse(`--${name} is given twice`);
    const bare = mark < 0 && flag.kind === "switch";
    const value = bare ? String(!off) : mark < 0 ? args[++i] : arg.slice(mark + 1);
    if (value === undefined || (off && !bare)) throw refuse(`--${name} needs ${off ? "no" : "a"} value`);
    given.set(flag.name, before === undefined ? value : `${before},${value}`);
  }
  return { command: "serve", flags: parseFlags(given) };
}

/** `off`: a switch as `--no-name`. */
function findFlag(name: string): { readonly flag: Flag; readonly off: boolean } {
  const exact = FLAGS.find((flag) => flag.name === name);
  if (exact !== undefined) return { flag: exact, off: false };
  const negated = FLAGS.find((flag) => flag.kind === "switch" && `no-${flag.name}` === name);
  if (negated === undefined) throw refuse(`unknown flag --${name}`);
  return { flag: negated, off: true };
}

function parseFlags(given: ReadonlyMap<string, string>): ParsedFlags {
  const texts = new Map<string, string>();
  const values = new Map<string, string | number | Address>();
  for (const flag of FLAGS) {
    const text = given.get(flag.name) ?? flag.default;
    texts.set(flag.name, text);
    try {
      values.set(flag.name, parseFlagValue(flag, text));
    } catch (error) {
      throw refuse(`--${flag.name}: ${error instanceof RefusalError ? error.message : String(error)}`);
    }
  }
  return new ParsedFlags(texts, values);
}

function refuse(message: string): RefusalError {
  return new RefusalError("bad_data", `${message} (--help lists all flags)`);
}
