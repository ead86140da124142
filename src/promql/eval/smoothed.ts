import { RefusalError } from "../../base/errors.js";
import type { VectorSelector } from "../parse/ast.js";
import type { Matrix } from "./matrix.js";
import type { Scope } from "./scope.js";

export function evalSmoothed(_scope: Scope, _selector: VectorSelector): Matrix {
  throw new RefusalError("unsupported", "the modifier smoothed is not supported yet");
}
