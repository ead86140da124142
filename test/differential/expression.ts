/**
 * A generated query: typed pieces around text, so that a failing one can be cut down to something that still
 * parses. What it means is Prometheus' business; the pieces only know what they may be replaced with.
 */
export type ExpressionType = "vector" | "scalar" | "matrix" | "string" | "option";

export interface Expression {
  readonly type: ExpressionType;
  readonly parts: readonly (string | Expression)[];
}

export function expression(type: ExpressionType, ...parts: (string | Expression)[]): Expression {
  return { type, parts };
}

/** A piece that may be left out: a matcher list, a modifier, a grouping. */
export function option(...parts: (string | Expression)[]): Expression {
  return { type: "option", parts };
}

export function print(piece: string | Expression): string {
  return typeof piece === "string" ? piece : piece.parts.map(print).join("");
}

/** Every expression that is `whole` with one piece made smaller; large cuts first. */
export function smaller(whole: Expression): Expression[] {
  const found: Expression[] = [];
  const visit = (piece: Expression, replace: (by: Expression) => Expression): void => {
    for (const by of replacements(piece)) found.push(replace(by));
    piece.parts.forEach((part, at) => {
      if (typeof part === "string") return;
      visit(part, (by) => replace({ ...piece, parts: piece.parts.with(at, by) }));
    });
  };
  visit(whole, (by) => by);
  return found;
}

const ATOMS: Readonly<Record<ExpressionType, readonly string[]>> = {
  vector: ["vector(1)"],
  scalar: ["1"],
  matrix: [],
  string: [],
  option: [""],
};

function replacements(piece: Expression): Expression[] {
  const inside = descendants(piece).filter(({ type }) => type === piece.type && type !== "option");
  const length = print(piece).length;
  const atoms = ATOMS[piece.type].filter((atom) => atom.length < length);
  return [...inside, ...atoms.map((atom) => expression(piece.type, atom))];
}

function descendants(piece: Expression): Expression[] {
  const inner = piece.parts.filter((part) => typeof part !== "string");
  return inner.flatMap((part) => [part, ...descendants(part)]);
}
