/**
 * What a benchmark finds: a figure beside the floor or the peer that it is measured against, in the same run.
 * @typedef {object} Row
 * @property {string} what a short name; with kernel and backend it is the row's own
 * @property {string} kernel as `uname -r` prints it; empty where none is measured
 * @property {string} [browser] in which a page is measured
 * @property {string} [backend]
 * @property {string} unit of `value` and `floor`
 * @property {number} value
 * @property {number} floor
 * @property {string} against what the floor is
 * @property {number} ratio of value to floor
 * @property {number} low the smallest and the largest ratio of the runs
 * @property {number} high
 * @property {number} runs
 * @property {string} [goal] what the ratio should be
 * @property {string} [note]
 *
 * @typedef {object} Curve growth: points of a plot
 * @property {string} what
 * @property {string} kernel
 * @property {string} x
 * @property {string} y
 * @property {[number, number][]} points
 */

/** @param {readonly number[]} numbers */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * A row from as many runs of each. The spread is that of the values over the floor's median.
 * @param {Pick<Row, 'what' | 'kernel' | 'unit' | 'against'> & Partial<Row>} about
 * @param {readonly number[]} values
 * @param {readonly number[]} floors
 * @returns {Row}
 */
export function row(about, values, floors) {
  const floor = median(floors);
  const value = median(values);
  const ratios = values.map((one) => one / floor);
  return {
    ...about,
    ...{ value, floor, ratio: value / floor, low: Math.min(...ratios), high: Math.max(...ratios), runs: values.length },
  };
}
