/**
 * What was counted, as text or as JSON: at the end, and meanwhile in intervals if wanted.
 *
 * Text is a table, the most frequent first; a value that a row does not have is `-`:
 *
 *     packets  name  saddr
 *          12  eth0  10.0.0.1
 *
 * or with a histogram for each row of that table, or for all:
 *
 *     name: eth0  (12 packets)
 *     len
 *     [64, 128)      9 |@@@@@@@@@@@@@@@@@@|
 *     [128, 256)     3 |@@@@@@            |
 *
 * The steps are powers of two: `[64, 128)` are the numbers from 64 to 127, K is 1,024, M 1,024 times that, and so on.
 * Steps between others that nothing is in are shown.
 *
 * JSON is one object in a line:
 *
 *     {"type":"counts","per":"packet","seconds":N,"end":true,"total":N,"without_value":N,"uncounted":N,
 *      "rows":[{"by":{"name":"eth0"},"count":N,"histogram":[{"least":64,"greatest":127,"count":N}]}]}
 *
 * `by` has null for a value that a row does not have; `histogram` is there where one was asked for.
 */

import { counted } from '../base/counted.js';
import type { CountRow, CountStep, Counts } from '../base/counts.js';
import { printable } from '../base/printable.js';
import { createPainter, type Painter } from '../base/style.js';
import type { Encoder } from './output.js';

/** The width of bars of a histogram where the width of lines is not known, and the least one. */
const BAR_WIDTH = 52;
const LEAST_BAR_WIDTH = 10;
/** Most lines that are kept free on a screen, for what else is told there. */
const FREE_LINES = 3;

export interface CountOptions {
  /** Whether each is a line of JSON. */
  readonly isJson: boolean;
  readonly hasColor: boolean;
  /** How often what was counted so far is shown, in milliseconds; undefined: only at the end. */
  readonly intervalMs: number | undefined;
  /** A screen, where each time takes the place of the last one; undefined: they follow one another. */
  readonly screen: Screen | undefined;
}

export interface Screen {
  readonly columns: number | undefined;
  readonly lines: number | undefined;
  /** Changes when others have written to it. */
  readonly written: number;
}

/** Asks for the counts now and then, and makes text of them. */
export class CountOutput implements Encoder {
  readonly #read: () => Counts;
  readonly #now: () => number;
  readonly #options: CountOptions;
  readonly #paint: Painter;
  readonly #began: number;
  #due: number;
  #pending = NOTHING;
  /** The lines on the screen that the next time replaces, and what others had written before. */
  #shown = { lines: 0, written: 0 };
  #last: Counts | undefined;

  /** @param read what was counted so far @param now milliseconds of a clock */
  constructor(read: () => Counts, options: CountOptions, now: () => number = () => performance.now()) {
    this.#read = read;
    this.#now = now;
    this.#options = options;
    this.#paint = createPainter(options.hasColor);
    this.#began = now();
    this.#due = this.#began + (options.intervalMs ?? Number.POSITIVE_INFINITY);
  }

  /** What was counted last. */
  get last(): Counts | undefined {
    return this.#last;
  }

  /** @returns false: there is nothing more before the next interval */
  tick(): boolean {
    const { intervalMs } = this.#options;
    if (intervalMs === undefined || this.#now() < this.#due) return false;
    this.#due = this.#now() + intervalMs;
    this.#pending = Buffer.concat([this.#pending, this.#make(false)]);
    return false;
  }

  get pendingBytes(): number {
    return this.#pending.length;
  }

  take(): Uint8Array {
    const taken = this.#pending;
    this.#pending = NOTHING;
    return taken;
  }

  *finish(): Iterable<Uint8Array> {
    yield this.take();
    yield this.#make(true);
  }

  #make(isEnd: boolean): Uint8Array {
    const counts = this.#read();
    this.#last = counts;
    const seconds = (this.#now() - this.#began) / 1000;
    const { isJson, screen, intervalMs } = this.#options;
    if (isJson) return Buffer.from(`${toJson(counts, seconds, isEnd)}\n`);
    const lines = formatCounts(counts, screen?.columns);
    if (screen) return Buffer.from(this.#redraw(lines, screen, isEnd));
    const isOne = intervalMs === undefined;
    const all = [
      ...(isOne ? [] : [heading(`after ${seconds.toFixed(1)} s`)]),
      ...lines,
      ...(isOne || isEnd ? [] : [plain('')]),
    ];
    return Buffer.from(this.#join(all));
  }

  #redraw(
    lines: readonly Line[],
    { columns = Number.POSITIVE_INFINITY, lines: height, written }: Screen,
    isEnd: boolean,
  ): string {
    const { lines: above, written: before } = this.#shown;
    // Where others have written, the last time stands above their text, and stays. A typed Ctrl-C moves the cursor to the right.
    const erase = above > 0 && before === written ? `\r\x1b[${above}A\x1b[J` : '';
    const room = Math.max(1, (height ?? Number.POSITIVE_INFINITY) - FREE_LINES);
    const hidden = isEnd ? 0 : Math.max(0, lines.length - room);
    const shown = lines
      .slice(0, lines.length - hidden)
      // A line that is wrapped could not be erased.
      .map(({ text, isHeading }) => ({ text: isEnd ? text : text.slice(0, columns - 1), isHeading }));
    if (hidden > 0) shown.push(plain(`… and ${counted(hidden, 'line')} more`));
    this.#shown = { lines: shown.length, written };
    return `${erase}${this.#join(shown)}`;
  }

  #join(lines: readonly Line[]): string {
    return lines.map(({ text, isHeading }) => `${isHeading ? this.#paint(text, 'bold') : text}\n`).join('');
  }
}

const NOTHING: Uint8Array = new Uint8Array(0);

/** A line, and whether it is a heading. */
interface Line {
  readonly text: string;
  readonly isHeading: boolean;
}

const plain = (text: string): Line => ({ text, isHeading: false });
const heading = (text: string): Line => ({ text, isHeading: true });

/** The lines of a table, or of histograms. */
function formatCounts({ per, columns: names, histogram, rows }: Counts, columns: number | undefined): Line[] {
  if (histogram === undefined) return formatTable(per === 'packet' ? 'packets' : 'calls', names, rows);
  return rows.flatMap((row, index) => [
    ...(index > 0 ? [plain('')] : []),
    heading(`${describeValues(names, row)}(${counted(row.count, per)})`),
    plain(printable(histogram)),
    ...formatHistogram(row.steps, columns).map(plain),
  ]);
}

function formatTable(unit: string, names: readonly string[], rows: readonly CountRow[]): Line[] {
  const table = [
    [unit, ...names.map((name) => printable(name))],
    ...rows.map(({ count, values }) => [String(count), ...values.map((value) => value?.text ?? '-')]),
  ];
  const widths = table[0]!.map((_, column) => table.reduce((most, cells) => Math.max(most, cells[column]!.length), 0));
  return table.map((cells, line) => {
    const text = cells
      .map((cell, column) => (column === 0 ? cell.padStart(widths[0]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd();
    return line === 0 ? heading(text) : plain(text);
  });
}

function describeValues(names: readonly string[], { values }: CountRow): string {
  return names.map((name, index) => `${printable(name)}: ${values[index]?.text ?? '-'}  `).join('');
}

function formatHistogram(steps: readonly CountStep[], columns: number | undefined): string[] {
  const all = fillGaps(steps);
  const labels = all.map(labelOf);
  const counts = all.map(({ count }) => String(count));
  const [labelWidth, countWidth] = [labels, counts].map((texts) => Math.max(...texts.map(({ length }) => length)));
  // Three blanks and two bars stand beside these, and the last column stays free.
  const left = columns === undefined ? BAR_WIDTH : columns - labelWidth! - countWidth! - 6;
  const width = Math.max(LEAST_BAR_WIDTH, Math.min(BAR_WIDTH, left));
  const most = Math.max(...all.map(({ count }) => count));
  return all.map(({ count }, index) => {
    const bar = '@'.repeat(Math.round((count / most) * width)).padEnd(width);
    return `${labels[index]!.padEnd(labelWidth!)}  ${counts[index]!.padStart(countWidth!)} |${bar}|`;
  });
}

/** The same steps, with those between them that nothing is in. */
function fillGaps(steps: readonly CountStep[]): CountStep[] {
  const filled: CountStep[] = [];
  for (const step of steps) {
    for (let last = filled.at(-1); last && last.greatest + 1n < step.least; last = filled.at(-1)) {
      filled.push({ ...nextOf(last), count: 0 });
    }
    filled.push(step);
  }
  return filled;
}

function nextOf({ greatest }: CountStep): Pick<CountStep, 'least' | 'greatest'> {
  const next = greatest + 1n;
  if (next === 0n) return { least: 0n, greatest: 0n };
  // As 127 is followed by 128 to 255, -128 is by -127 to -64.
  return next < 0n ? { least: next, greatest: greatest / 2n } : { least: next, greatest: 2n * next - 1n };
}

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'] as const;

/** As bpftrace has it: `[64, 128)`, `[1K, 2K)`, `1`. */
function labelOf({ least, greatest }: CountStep): string {
  if (least === greatest) return String(least);
  return least < 0n ? `(${short(least - 1n)}, ${short(greatest)}]` : `[${short(least)}, ${short(greatest + 1n)})`;
}

/** A power of two, or its negative. */
function short(number: bigint): string {
  let [rest, unit] = [number, 0];
  while (rest % 1024n === 0n && rest !== 0n && unit < UNITS.length - 1) {
    rest /= 1024n;
    unit++;
  }
  return `${rest}${UNITS[unit]}`;
}

function toJson(
  { per, columns, histogram, rows, total, valueless, uncounted }: Counts,
  seconds: number,
  isEnd: boolean,
): string {
  const facts = `"type":"counts","per":"${per}","seconds":${seconds.toFixed(3)},"end":${isEnd}`;
  const sums = `"total":${total},"without_value":${valueless},"uncounted":${uncounted}`;
  const lines = rows.map(({ values, count, steps }) => {
    const by = columns.map((name, index) => `${JSON.stringify(name)}:${values[index]?.json ?? 'null'}`);
    const inSteps = steps.map(
      ({ least, greatest, count }) => `{"least":${least},"greatest":${greatest},"count":${count}}`,
    );
    return `{"by":{${by.join(',')}},"count":${count}${histogram === undefined ? '' : `,"histogram":[${inSteps.join(',')}]`}}`;
  });
  return `{${facts},${sums},"rows":[${lines.join(',')}]}`;
}
