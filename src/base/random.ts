/** The only door to chance. */

/** Two random words of 32 bits, as the seed of a hash that nobody can predict. */
export function randomWords(): [number, number] {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return [words[0] as number, words[1] as number];
}
