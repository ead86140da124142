import type { BinaryExpr } from "../parse/ast.js";
import type { Annotations } from "./annotations.js";

/** What there is to say of one pair of a binary operation; of pairs of the wrong types, the two types. */
export type PairNote =
  | "float/float"
  | "float/histogram"
  | "histogram/float"
  | "histogram/histogram"
  | "layout"
  | "collision"
  | "reconciled";

/** The notes of a binary operation: of all pairs of a step, Prometheus keeps what the last one gave rise to. */
export class StepNotes {
  /** By step, once there is a note. */
  private notes: (PairNote | undefined)[] | null = null;
  private places = new Int32Array(0);
  private readonly steps: number;
  private step = 0;
  private place = 0;

  constructor(steps: number) {
    this.steps = steps;
  }

  /** Which pair the next note is about: `place` in the order of the step's pairs. */
  at(step: number, place: number): void {
    this.step = step;
    this.place = place;
  }

  add(note: PairNote): void {
    if (this.notes === null) {
      this.notes = new Array<PairNote | undefined>(this.steps);
      this.places = new Int32Array(this.steps).fill(-1);
    }
    if (this.place < this.places[this.step]) return;
    this.places[this.step] = this.place;
    this.notes[this.step] = note;
  }

  report(annotations: Annotations, { op, range }: BinaryExpr): void {
    const operation = op === "+" ? "addition" : "subtraction";
    for (const note of new Set(this.notes ?? [])) {
      if (note === undefined) continue;
      if (note === "layout") annotations.incompatibleBucketLayout(op, range);
      else if (note === "collision") annotations.counterResetCollision(operation, range);
      else if (note === "reconciled") annotations.mismatchedCustomBuckets(operation, range);
      else {
        const [left, right] = note.split("/") as [string, string];
        annotations.incompatibleTypes(left, op, right, range);
      }
    }
  }
}
