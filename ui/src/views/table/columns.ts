/** The columns that the table can have, and how wide they are. */
import { formatDuration, formatPacket, formatPlace, formatProcess, formatTime } from '../../format.js';
import type { Journey, Process, Trace } from '../../trace/trace.js';

export interface Column {
  /** As the address has it. */
  readonly name: string;
  readonly title: string;
  readonly isNumber?: true;
  /** Whether it is there only when it is asked for. */
  readonly isExtra?: true;
  readonly text: (journey: Journey, trace: Trace) => string;
  /** What rows are ordered by; the text where it is missing. */
  readonly key?: (journey: Journey) => number;
}

/** Texts are measured in so many rows, all over the table. */
const MEASURED_ROWS = 400;
/** A column of text gives way to others when it is wider than this, in letters. */
const MAX_LETTERS = 60;
const MIN_LETTERS = 16;
/** The sign of the order stands behind the title. */
const SIGN_LETTERS = 2;
/** The room on both sides of a text, in pixels. */
const PADDING = 17;

const textOf = (process: Process | undefined): string => (process ? formatProcess(process) : '');

export const COLUMNS: readonly Column[] = [
  { name: 'number', title: '#', isNumber: true, text: ({ number }) => String(number), key: ({ number }) => number },
  {
    ...{ name: 'begin', title: 'begin, s', isNumber: true },
    text: ({ begin }) => formatTime(begin),
    key: ({ begin }) => begin,
  },
  {
    ...{ name: 'end', title: 'end, s', isNumber: true, isExtra: true },
    text: ({ end }) => formatTime(end),
    key: ({ end }) => end,
  },
  {
    ...{ name: 'took', title: 'took', isNumber: true },
    text: ({ begin, end }) => formatDuration(end - begin),
    key: ({ begin, end }) => end - begin,
  },
  {
    ...{ name: 'events', title: 'events', isNumber: true },
    text: ({ events }) => String(events),
    key: ({ events }) => events,
  },
  {
    ...{ name: 'lost', title: 'lost', isNumber: true, isExtra: true },
    text: ({ lost }) => String(lost),
    key: ({ lost }) => lost,
  },
  { name: 'packet', title: 'packet', text: formatPacket },
  { name: 'source', title: 'source', isExtra: true, text: ({ endpoints }) => endpoints?.source ?? '' },
  { name: 'destination', title: 'destination', isExtra: true, text: ({ endpoints }) => endpoints?.destination ?? '' },
  { name: 'outcome', title: 'outcome', text: ({ endText, gapText }) => (gapText ? `${endText}, ${gapText}` : endText) },
  { name: 'reason', title: 'reason', isExtra: true, text: ({ reason = '' }) => reason },
  { name: 'in', title: 'ended in', isExtra: true, text: ({ endedIn = '' }) => endedIn },
  {
    ...{ name: 'where', title: 'first seen in' },
    text: ({ first, count }, { events, places }) => (count === 0 ? '' : formatPlace(places[events.place[first]!]!)),
  },
  {
    ...{ name: 'last', title: 'last seen in', isExtra: true },
    text: ({ first, count }, { events, places }) =>
      count === 0 ? '' : formatPlace(places[events.place[first + count - 1]!]!),
  },
  {
    ...{ name: 'by', title: 'by, for' },
    text: ({ sender, receiver }) => `${textOf(sender)} → ${textOf(receiver)}`.replace(/^ → $/, ''),
  },
  { name: 'id', title: 'packet id', isExtra: true, text: ({ packetId }) => packetId },
  {
    ...{ name: 'copy', title: 'copy of', isNumber: true, isExtra: true },
    text: ({ parent }) => (parent === undefined ? '' : String(parent)),
    key: ({ parent = 0 }) => parent,
  },
];
const USUAL = COLUMNS.filter(({ isExtra }) => !isExtra);

/** The columns that an address names, in its order; what names none is left out. @param names as `number,packet` */
export function chooseColumns(names: string | undefined): readonly Column[] {
  const named = new Set(names?.split(','));
  const chosen = [...named].flatMap((name) => COLUMNS.find((column) => column.name === name) ?? []);
  return chosen.length > 0 ? chosen : USUAL;
}

/** The names with one more, or without it; undefined for the usual columns. The last column stays. */
export function toggleColumn(names: string | undefined, name: string): string | undefined {
  const before = chooseColumns(names).map((column) => column.name);
  const after = before.includes(name) ? before.filter((one) => one !== name) : [...before, name];
  // In the order of the list, which is that of reading; an order typed into the address stays until then.
  const ordered = COLUMNS.filter((column) => after.includes(column.name));
  if (ordered.length === 0) return names;
  return ordered.length === USUAL.length && ordered.every((column) => !column.isExtra)
    ? undefined
    : ordered.map((column) => column.name).join(',');
}

export interface Widths {
  /** Of all columns, as the style has them. */
  readonly columns: string;
  /** The least width of a row. */
  readonly least: string;
}

/** Widths that fit what stands in the columns: numbers are never cut, long texts give way. */
export function widthsOf(columns: readonly Column[], journeys: readonly Journey[], trace: Trace): Widths {
  const step = Math.max(1, Math.floor(journeys.length / MEASURED_ROWS));
  let sum = 0;
  const widths = columns.map(({ title, text, isNumber }) => {
    let letters = title.length + SIGN_LETTERS;
    // From the end: the last ones have the largest times and numbers.
    for (let at = journeys.length - 1; at >= 0; at -= step)
      letters = Math.max(letters, text(journeys[at]!, trace).length);
    const wide = Math.min(letters, MAX_LETTERS);
    const least = isNumber ? letters : Math.ceil(Math.min(wide, Math.max(MIN_LETTERS, wide / 2)));
    sum += least;
    const width = `calc(${least}ch + ${PADDING}px)`;
    return isNumber ? width : `minmax(${width}, ${wide}fr)`;
  });
  return { columns: widths.join(' '), least: `calc(${sum}ch + ${columns.length * PADDING}px)` };
}
