/** Where lanes and headings stand, one below the other. */
import type { LaneGroup } from './groups.js';

/** Heights in pixels. */
export interface RowTable {
  readonly count: number;
  /** The lane of a row; of a heading, `~` of the group's index. */
  readonly id: Int32Array;
  /** The upper edge of each row, and at last the lower edge of all. */
  readonly top: Float64Array;
}

export const HEADING_HEIGHT = 22;

/** @param heightOf the height of a lane */
export function layoutRows(
  groups: readonly LaneGroup[],
  hasHeadings: boolean,
  folded: ReadonlySet<string>,
  heightOf: (lane: number) => number,
): RowTable {
  let count = 0;
  for (const { key, lanes } of groups) {
    if (hasHeadings) count++;
    if (!hasHeadings || !folded.has(key)) count += lanes.length;
  }
  const id = new Int32Array(count);
  const top = new Float64Array(count + 1);
  let row = 0;
  let y = 0;
  for (let group = 0; group < groups.length; group++) {
    const { key, lanes } = groups[group]!;
    if (hasHeadings) {
      id[row] = ~group;
      top[row++] = y;
      y += HEADING_HEIGHT;
      if (folded.has(key)) continue;
    }
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!;
      id[row] = lane;
      top[row++] = y;
      y += heightOf(lane);
    }
  }
  top[count] = y;
  return { count, id, top };
}

export function heightOfRows({ count, top }: RowTable): number {
  return top[count] ?? 0;
}

/** The row at a height; the nearest one beyond the ends, -1 if there are none. */
export function rowAt({ count, top }: RowTable, y: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (top[middle]! <= y) low = middle + 1;
    else high = middle;
  }
  return Math.max(low - 1, count === 0 ? -1 : 0);
}

/** The row with a lane or heading, -1 if it is folded away. */
export function rowOf({ count, id }: RowTable, wanted: number): number {
  for (let row = 0; row < count; row++) if (id[row] === wanted) return row;
  return -1;
}
