/**
 * The words that choose packets, as `dropped fn:tcp_v4_rcv dev:eth0 !10.0.0.9`. A packet is chosen if all words fit. A word fits
 * if a fact of the packet has it: its text, its outcome, its number, its processes, or a function that it went through. With
 * a key before it, it is looked for there alone: KEYS below. `!` before a word: it must not fit.
 */
import { formatNetns, formatProcess } from './format.js';
import { isInRanges, parseRanges } from './trace/path-numbers.js';
import { pathsOf } from './trace/paths.js';
import type { Journey, Trace } from './trace/trace.js';

export const KEYS = [
  ...(['packet', 'outcome', 'reason', 'in', 'fn', 'dev', 'netns', 'cpu', 'by', 'slower', 'gap', 'path'] as const),
];
type Key = (typeof KEYS)[number];

interface Word {
  readonly key: Key | undefined;
  readonly text: string;
  readonly isNot: boolean;
}

type Test = (journey: Journey) => boolean;

/** Words, those in quotes with their blanks. */
const WORD = /!?(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/g;
const UNITS: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9 };

/** The journeys that the words choose. */
export function findJourneys(trace: Trace, words: string): readonly Journey[] {
  const tests = parseWords(words).map((word) => createTest(trace, word));
  if (tests.length === 0) return trace.journeys;
  return trace.journeys.filter((journey) => tests.every((test) => test(journey)));
}

function parseWords(words: string): Word[] {
  return [...words.matchAll(WORD)].map(([whole, key, quoted, plain]) => {
    const isNot = whole.startsWith('!');
    const known = KEYS.find((one) => one === key);
    // What looks like a key and is none, as in an address, belongs to the word.
    const text = known ? (quoted ?? plain ?? '') : whole.slice(isNot ? 1 : 0).replaceAll('"', '');
    return { key: known, text: text.toLowerCase(), isNot };
  });
}

function createTest(trace: Trace, { key, text, isNot }: Word): Test {
  const test = key ? createKeyTest(trace, key, text) : createAnyTest(trace, text);
  return isNot ? (journey) => !test(journey) : test;
}

function createAnyTest(trace: Trace, text: string): Test {
  const inEvents = createKeyTest(trace, 'fn', text);
  const number = Number(text);
  return (journey) => journey.number === number || factsOf(journey).includes(text) || inEvents(journey);
}

function createKeyTest(trace: Trace, key: Key, text: string): Test {
  const { functions, places, events } = trace;
  const has = (value: string | undefined) => value?.toLowerCase().includes(text) ?? false;
  switch (key) {
    case 'packet':
      return ({ text: packet, number }) => has(packet) || String(number) === text;
    case 'outcome':
      return ({ outcome }) => outcome.startsWith(text);
    case 'reason':
      return ({ reason }) => has(reason);
    case 'in':
      return ({ endedIn }) => has(endedIn);
    case 'by':
      return ({ sender, receiver }) => [sender, receiver].some((process) => process && has(formatProcess(process)));
    case 'gap':
      return ({ hasGap }) => hasGap === (text !== 'no');
    case 'slower':
      return createSlowerTest(text);
    case 'path': {
      const ranges = parseRanges(text);
      return (journey) => isInRanges(ranges, pathsOf(trace).numberOf(journey));
    }
    case 'fn':
      return createEventTest(events.fn, (index) => has(functions[index]?.name), functions.length);
    case 'dev':
      return createEventTest(events.place, (index) => has(places[index]?.device), places.length);
    case 'netns':
      return createEventTest(
        events.place,
        (index) => has(formatNetns(places[index]!)) || String(places[index]?.netns) === text,
        places.length,
      );
    case 'cpu':
      return createEventTest(events.cpu, (index) => String(index) === text, 0x10000);
  }
}

/** Whether an event has an index that fits. */
function createEventTest(column: Uint16Array, fits: (index: number) => boolean, indexes: number): Test {
  const table = new Uint8Array(indexes);
  let any = false;
  for (let index = 0; index < indexes; index++) {
    if (!fits(index)) continue;
    table[index] = 1;
    any = true;
  }
  if (!any) return () => false;
  return ({ first, count }) => {
    for (let at = first; at < first + count; at++) if (table[column[at]!] === 1) return true;
    return false;
  };
}

/** `slower:2ms`; without a unit nanoseconds. */
function createSlowerTest(text: string): Test {
  const [, value, unit = 'ns'] = /^([\d.]+)(ns|us|µs|ms|s)?$/.exec(text) ?? [];
  const least = Number(value) * (UNITS[unit] ?? 1);
  return ({ begin, end }) => end - begin > least;
}

const FACTS = new WeakMap<Journey, string>();

/** All texts of a journey, in small letters. */
function factsOf(journey: Journey): string {
  const known = FACTS.get(journey);
  if (known !== undefined) return known;
  const { text = '', endText, endpoints, sender, receiver, packetId } = journey;
  const ends = endpoints ? `${endpoints.source} ${endpoints.destination}` : '';
  const processes = [sender, receiver].map((process) => (process ? formatProcess(process) : '')).join(' ');
  const facts = `${text} ${ends} ${endText} ${processes} ${packetId}`.toLowerCase();
  FACTS.set(journey, facts);
  return facts;
}
