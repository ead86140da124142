import type { Expr } from "./ast.js";
import { printAggregateHead, printExpr, printOperator, printSubquerySuffix } from "./printer.js";

/** Longer expressions (in bytes) are broken into lines. */
const LINE_BYTES_MAX = 100;
const encoder = new TextEncoder();

function indent(level: number): string {
  return "  ".repeat(level);
}

/** A query over several lines, as Prometheus' `format_query` lays it out. */
export function prettyExpr(expr: Expr, lineBytesMax: number = LINE_BYTES_MAX): string {
  return new PrettyPrinter(lineBytesMax).print(expr, 0);
}

class PrettyPrinter {
  private readonly lineBytesMax: number;

  constructor(lineBytesMax: number) {
    this.lineBytesMax = lineBytesMax;
  }

  print(expr: Expr, level: number): string {
    const line = printExpr(expr);
    const margin = indent(level);
    const fits = encoder.encode(line).length <= this.lineBytesMax;
    switch (expr.kind) {
      case "aggregate": {
        if (fits) return margin + line;
        const param = expr.param === null ? "" : `${this.print(expr.param, level + 1)},\n`;
        return `${margin}${printAggregateHead(expr)}(\n${param}${this.print(expr.expr, level + 1)}\n${margin})`;
      }
      case "binary": {
        if (fits) return margin + line;
        const operator = margin + printOperator(expr);
        return `${this.print(expr.left, level + 1)}\n${operator}\n${this.print(expr.right, level + 1)}`;
      }
      case "call": {
        if (fits) return margin + line;
        const args = expr.args.map((arg) => this.print(arg, level + 1)).join(",\n");
        return `${margin}${expr.fn.name}(\n${args}\n${margin})`;
      }
      case "paren":
        return fits ? margin + line : `${margin}(\n${this.print(expr.expr, level + 1)}\n${margin})`;
      case "subquery":
        // Prometheus gives a subquery that fits no margin.
        return fits ? line : this.print(expr.expr, level) + printSubquerySuffix(expr);
      case "unary":
        return margin + expr.op + this.print(expr.expr, level).trim();
      default:
        return margin + line;
    }
  }
}
