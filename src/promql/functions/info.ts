import { RefusalError } from "../../base/errors.js";
import type { Matrix } from "../eval/matrix.js";
import type { Scope } from "../eval/scope.js";
import type { CallExpr } from "../parse/ast.js";

export function info(_scope: Scope, _call: CallExpr): Matrix {
  throw new RefusalError("unsupported", "the function info is not supported yet");
}
