import { type Labels, METRIC_NAME } from "../../model/labels.js";
import type { Matcher } from "../../model/matcher.js";
import { escapeRegexp } from "../../model/regexp.js";
import { showLabels, withLabel } from "../eval/label-builder.js";
import { ABSENT, Matrix } from "../eval/matrix.js";
import { WORK_PER_KEY } from "../eval/query-state.js";
import type { Scope } from "../eval/scope.js";
import { evalSelector } from "../eval/selector.js";
import { keyOn } from "../eval/signatures.js";
import type { CallExpr, Expr, VectorSelector } from "../parse/ast.js";
import { childrenOf } from "../parse/ast.js";
import { matches } from "../parse/checker.js";

/** Labels that tie an info series to the series it is about. */
const IDENTIFYING = ["instance", "job"];
const TARGET_INFO: Matcher = { name: METRIC_NAME, op: "=", value: "target_info" };

/** Adds the labels of info series (`target_info` unless another is asked for) to the series they are about. */
export function info(scope: Scope, call: CallExpr): Matrix {
  const [arg, selectorArg] = call.args;
  const times = timesOf(arg);
  const base = scope.vector(arg);
  const asked = selectorArg?.kind === "vector" ? selectorArg.matchers : [];
  const names = infoNames(asked.filter(({ name }) => name === METRIC_NAME));
  const data = asked.filter(({ name }) => name !== METRIC_NAME);
  const enriched: boolean[] = [];
  for (let row = 0; row < base.rows; row++) {
    scope.state.did(WORK_PER_KEY);
    const name = base.labelsOf(row).get(METRIC_NAME);
    enriched[row] = !names.every((matcher) => matches(matcher, name));
  }
  const found = selectInfo(scope, base, enriched, [...data, ...names], times);
  return new Enrichment(scope, base, enriched, data, found).run();
}

/** Matchers of the info metrics' names: at least one of them says which. */
function infoNames(asked: readonly Matcher[]): readonly Matcher[] {
  if (asked.length === 0) return [TARGET_INFO];
  if (asked.some(({ op }) => op === "=" || op === "=~")) return asked;
  return [{ name: METRIC_NAME, op: "=~", value: ".+_info" }, ...asked];
}

interface InfoTimes {
  readonly atMs: number | null;
  readonly offsetMs: number;
}

/** The @ and offset of the first selector, with those of the subqueries around it. */
function timesOf(expr: Expr): InfoTimes {
  return firstSelector(expr) ?? { atMs: null, offsetMs: 0 };
}

function firstSelector(expr: Expr): InfoTimes | null {
  if (expr.kind === "vector") return { atMs: expr.atMs, offsetMs: expr.offsetMs };
  for (const child of childrenOf(expr)) {
    const found = firstSelector(child);
    if (found === null) continue;
    if (expr.kind !== "subquery" || found.atMs !== null) return found;
    return { atMs: expr.atMs, offsetMs: found.offsetMs + expr.offsetMs };
  }
  return null;
}

function selectInfo(
  scope: Scope,
  base: Matrix,
  enriched: readonly boolean[],
  matchers: readonly Matcher[],
  times: InfoTimes,
): Matrix {
  const identifying: Matcher[] = [];
  for (const name of IDENTIFYING) {
    const values = new Set<string>();
    for (let row = 0; row < base.rows; row++) if (enriched[row]) values.add(base.labelsOf(row).get(name));
    values.delete("");
    if (values.size === 0) continue;
    const value = [...values].map(escapeRegexp).join("|");
    identifying.push({ name, op: "=~", value });
  }
  if (identifying.length === 0) return new Matrix(base.steps, 0);
  const selector: VectorSelector = {
    kind: "vector",
    name: "",
    matchers: [...identifying, ...matchers],
    anchored: false,
    smoothed: false,
    mayMatchAll: true,
    statsOnly: false,
    offsetExpr: null,
    atEdge: null,
    range: { start: 0, end: 0 },
    ...times,
  };
  return evalSelector(scope.state, scope.frame, selector, null, "infoTimestamp");
}

class Enrichment {
  private readonly scope: Scope;
  private readonly base: Matrix;
  private readonly enriched: readonly boolean[];
  private readonly data: readonly Matcher[];
  private readonly dataNames: ReadonlySet<string>;
  private readonly found: Matrix;
  /** By metric name and identifying labels: the newest info row of each step, -1 for none. */
  private readonly newest = new Map<string, Map<string, Int32Array>>();
  private readonly out: Matrix;
  private readonly rowOf = new Map<string, number>();

  constructor(
    scope: Scope,
    base: Matrix,
    enriched: readonly boolean[],
    data: readonly Matcher[],
    found: Matrix,
  ) {
    this.scope = scope;
    this.base = base;
    this.enriched = enriched;
    this.data = data;
    this.dataNames = new Set(data.map(({ name }) => name));
    this.found = found;
    this.out = new Matrix(base.steps, base.rows);
    this.out.delayedDrop = base.delayedDrop;
  }

  run(): Matrix {
    for (let row = 0; row < this.found.rows; row++) this.addInfo(row);
    for (let row = 0; row < this.base.rows; row++) this.enrich(row);
    return this.out;
  }

  private addInfo(row: number): void {
    const { found, newest } = this;
    this.scope.state.did(found.steps + WORK_PER_KEY);
    const labels = found.rawLabelsOf(row);
    const name = labels.get(METRIC_NAME);
    const byKey = newest.get(name) ?? new Map<string, Int32Array>();
    newest.set(name, byKey);
    const key = keyOn(labels, IDENTIFYING);
    const winners = byKey.get(key) ?? new Int32Array(found.steps).fill(-1);
    byKey.set(key, winners);
    for (let s = 0; s < found.steps; s++) {
      const cell = row * found.steps + s;
      if (found.kinds[cell] === ABSENT) continue;
      const rival = winners[s];
      if (rival < 0) winners[s] = row;
      else this.compete(winners, s, row, rival);
    }
  }

  private compete(winners: Int32Array, s: number, row: number, rival: number): void {
    const { found } = this;
    const own = found.values[row * found.steps + s];
    const other = found.values[rival * found.steps + s];
    if (own === other) {
      const [a, b] = [found.rawLabelsOf(rival), found.rawLabelsOf(row)];
      const at = Math.round(own * 1000);
      this.scope.state.fail(
        `found duplicate series for info metric: existing ${showLabels(a)} @ ${at}, new ${showLabels(b)} @ ${at}`,
      );
    }
    if (own > other) winners[s] = row;
  }

  private enrich(row: number): void {
    const { base } = this;
    this.scope.state.did(10 * base.steps + WORK_PER_KEY);
    const labels = base.labelsOf(row);
    if (!this.enriched[row]) {
      for (let s = 0; s < base.steps; s++) this.copyCell(row, s, labels);
      return;
    }
    const key = keyOn(labels, IDENTIFYING);
    const winners: Int32Array[] = [];
    for (const byKey of this.newest.values()) {
      const rows = byKey.get(key);
      if (rows !== undefined) winners.push(rows);
    }
    const known = new Map<string, Labels | null>();
    for (let s = 0; s < base.steps; s++) {
      if (base.kinds[row * base.steps + s] === ABSENT) continue;
      const infoRows = winners.map((rows) => rows[s]).filter((infoRow) => infoRow >= 0);
      const which = infoRows.join();
      let result = known.get(which);
      if (result === undefined) {
        result = this.combine(labels, infoRows);
        known.set(which, result);
      }
      if (result !== null) this.copyCell(row, s, result);
    }
  }

  /** The labels with those of the info rows; null where the series is left out. */
  private combine(labels: Labels, infoRows: readonly number[]): Labels | null {
    if (infoRows.length === 0) {
      return this.data.every((matcher) => matches(matcher, "")) ? labels : null;
    }
    let result = labels;
    const added = new Map<string, string>();
    for (const infoRow of infoRows) {
      for (const [name, value] of this.found.rawLabelsOf(infoRow)) {
        if (name === METRIC_NAME || (this.data.length > 0 && !this.dataNames.has(name))) continue;
        const before = added.get(name);
        if (before !== undefined && before !== value) this.scope.state.fail(`conflicting label: ${name}`);
        if (labels.has(name)) continue;
        added.set(name, value);
        result = withLabel(result, name, value);
      }
    }
    return result;
  }

  private copyCell(row: number, s: number, labels: Labels): void {
    const { base, out } = this;
    const from = row * base.steps + s;
    if (base.kinds[from] === ABSENT) return;
    let target = this.rowOf.get(labels.key);
    if (target === undefined) {
      out.addRow(labels);
      target = out.rows - 1;
      // As in Prometheus, a name whose removal was put off stays from here on.
      out.setDropped(target, false);
      this.rowOf.set(labels.key, target);
    }
    const cell = target * out.steps + s;
    if (out.kinds[cell] !== ABSENT) {
      this.scope.state.fail("vector cannot contain metrics with the same labelset");
    }
    out.kinds[cell] = base.kinds[from];
    out.values[cell] = base.values[from];
    if (base.kinds[from] === 2) out.setHistogram(cell, base.histogramAt(from));
  }
}
