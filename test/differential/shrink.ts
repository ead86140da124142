/** Cuts a failing query down: fewer steps, then fewer pieces, as long as it still fails. */
import { type Expression, print, smaller } from "./expression.js";
import type { QueryRequest, QueryTimes } from "./request.js";

const TRIALS_MAX = 400;

/** `fails`: when it first shows that the two differ, null where they do not differ or neither can be asked. */
export async function shrink(
  expression: Expression,
  times: QueryTimes,
  fails: (request: QueryRequest) => Promise<{ timeMs?: number } | null>,
): Promise<QueryRequest> {
  let best = { expression, times };
  let trials = 0;
  const holds = async (candidate: typeof best): Promise<boolean> => {
    if (++trials > TRIALS_MAX) return false;
    if ((await fails({ query: print(candidate.expression), times: candidate.times })) === null) return false;
    best = candidate;
    return true;
  };
  const first = await fails({ query: print(expression), times });
  for (const shorter of shorterTimes(times, first?.timeMs))
    if (await holds({ ...best, times: shorter })) break;
  let found = true;
  while (found) {
    found = false;
    for (const candidate of smaller(best.expression)) {
      if (print(candidate).length >= print(best.expression).length) continue;
      if (await holds({ ...best, expression: candidate })) {
        found = true;
        break;
      }
    }
  }
  return { query: print(best.expression), times: best.times };
}

function shorterTimes(times: QueryTimes, timeMs: number | undefined): QueryTimes[] {
  if (times.kind === "instant") return [];
  const { startMs, stepMs } = times;
  const at = timeMs ?? startMs;
  return [
    { kind: "instant", timeMs: at },
    { kind: "range", startMs: at, endMs: at, stepMs },
    { kind: "range", startMs: at, endMs: at + stepMs, stepMs },
    { kind: "range", startMs: Math.max(startMs, at - stepMs), endMs: at, stepMs },
    { kind: "range", startMs, endMs: at, stepMs },
  ];
}
