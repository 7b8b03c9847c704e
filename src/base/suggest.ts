/** The word that a mistyped one may stand for. */

/** The largest distance of a mistyped word, in letters. */
const MAX_DISTANCE = 3;
/** The least part of the longer of two words that must agree. */
const LEAST_LIKENESS = 0.4;
/** The least number of letters that can stand for a word, if no other word contains them. */
const LEAST_PART = 2;

/** The choice that is nearest to a word; undefined if none is near, or several are equally near. */
export function findNearest(word: string, choices: readonly string[]): string | undefined {
  const [wanted, near] = [word.toLowerCase(), [] as { choice: string; distance: number }[]];
  for (const choice of choices) {
    const distance = editDistance(wanted, choice);
    const longer = Math.max(wanted.length, choice.length);
    if (distance <= MAX_DISTANCE && (longer - distance) / longer > LEAST_LIKENESS) near.push({ choice, distance });
  }
  near.sort((a, b) => a.distance - b.distance);
  if (near[0] && near[0].distance !== near[1]?.distance) return near[0].choice;
  const whole = choices.filter((choice) => wanted.length >= LEAST_PART && choice.includes(wanted));
  return whole.length === 1 ? whole[0] : undefined;
}

/**
 * The number of letters that must be added, removed, replaced or swapped with their neighbour to turn one word into
 * another.
 */
function editDistance(from: string, to: string): number {
  let [beforeLast, last] = [[] as number[], Array.from({ length: to.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const differs = from[i - 1] === to[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + differs);
      const isSwap = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (isSwap) row[j] = Math.min(row[j]!, beforeLast[j - 2]! + 1);
    }
    [beforeLast, last] = [last, row];
  }
  return last[to.length]!;
}
