import type { QueryAnswer } from "../workers/contract.js";

/**
 * The same answer with a body that stays as it is. For bodies that are sent in pieces: nobody says when a piece is out,
 * and memory that is not released is not used again.
 */
export function withOwnBody({ release, ...answer }: QueryAnswer): QueryAnswer {
  if (release === undefined) return answer;
  const body = answer.body.slice();
  release();
  return { ...answer, body };
}
