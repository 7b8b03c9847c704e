/** The outputs there are, by the names that `-o` takes. */
import { type JsonAdditions, refusedFieldNames } from '../base/json-keys.js';
import { DEFAULT_SNAPLEN } from '../base/snapshot.js';
import { type AggregateOptions, AggregateOutput } from './aggregate.js';
import { ChromeEncoder } from './chrome.js';
import { type HtmlOptions, HtmlOutput } from './html.js';
import { createJsonOutput, type JsonOptions } from './json.js';
import { createLiveOutput, type LiveTextOptions } from './live.js';
import { JourneyOutput, type Output, type OutputContext } from './output.js';
import { type PathsOptions, PathsOutput } from './paths.js';
import { createPcapngOutput, type PcapngOptions } from './pcapng.js';
import { PerfettoEncoder } from './perfetto.js';
import { SpeedscopeEncoder } from './speedscope.js';

/** What any of them may want to know; each takes its own. */
export type OutputOptions = AggregateOptions &
  PathsOptions &
  JsonOptions &
  LiveTextOptions &
  HtmlOptions &
  PcapngOptions;

interface OutputKind {
  /** Whether programs read it: then people are told nothing of the trace beside it. */
  readonly isForPrograms?: boolean;
  /** Whether it is bytes that a terminal can't show. */
  readonly isBinary?: boolean;
  /** Whether it is lines of text, each whole in itself. */
  readonly isLines?: boolean;
  /** Whether what it makes of two traces can't stand one behind the other. */
  readonly isSingle?: boolean;
  /** Which clocks its times are of, if there is none to choose. */
  readonly clocks?: 'all' | 'none';
  /** How many bytes of packets it has if nothing else is said, also where a mark alone chooses them. */
  readonly snaplen?: number;
  /** Whether it writes these bytes, and is nothing without them. */
  readonly isOfBytes?: boolean;
  /** Whether fields are keys beside its own: then a field can't be called like one of them. */
  readonly hasKeys?: boolean;
  /** Whether it is a page, which needs `HtmlOptions.page`. */
  readonly isPage?: boolean;
  /** What options add to its keys. */
  readonly additions?: JsonAdditions;
  /** Whether network namespaces have names in it. */
  readonly namesNetns?: (options: OutputOptions) => boolean;
  create(context: OutputContext, options: OutputOptions): Output;
}

/** In the order in which `--help` names them. */
const KINDS = {
  aggregate: {
    isLines: true,
    namesNetns: ({ showPlaces = false }) => showPlaces,
    create: (context, options) => new AggregateOutput(context, options),
  },
  live: {
    isLines: true,
    snaplen: DEFAULT_SNAPLEN,
    namesNetns: () => true,
    create: (context, { order: _, ...options }) => createLiveOutput(context, options),
  },
  json: {
    ...{ isForPrograms: true, isLines: true },
    hasKeys: true,
    create: (context, { order: _, ...options }) => createJsonOutput(context, options),
  },
  paths: {
    namesNetns: () => true,
    create: (context, { order: _, ...options }) => new PathsOutput(context, options),
  },
  pcapng: {
    ...{
      isForPrograms: true,
      isBinary: true,
      snaplen: 256,
      isOfBytes: true,
      hasKeys: true,
      additions: { hasFacts: true },
    },
    namesNetns: () => true,
    create: (context, { order: _, ...options }) => createPcapngOutput(context, options),
  },
  html: {
    ...{ isForPrograms: true, isSingle: true, clocks: 'all', snaplen: DEFAULT_SNAPLEN, hasKeys: true, isPage: true },
    namesNetns: () => true,
    create: (context, options) => new HtmlOutput(context, options),
  },
  perfetto: {
    ...{ isForPrograms: true, isBinary: true, isSingle: true, clocks: 'all', snaplen: DEFAULT_SNAPLEN },
    namesNetns: () => true,
    create: (context, { order: _, ...options }) => new JourneyOutput(new PerfettoEncoder(context), context, options),
  },
  chrome: {
    ...{ isForPrograms: true, isSingle: true, snaplen: DEFAULT_SNAPLEN },
    namesNetns: () => true,
    create: (context, { order: _, ...options }) => new JourneyOutput(new ChromeEncoder(context), context, options),
  },
  speedscope: {
    ...{ isForPrograms: true, isSingle: true, clocks: 'none', snaplen: DEFAULT_SNAPLEN },
    create: (context, { order: _, ...options }) => new JourneyOutput(new SpeedscopeEncoder(context), context, options),
  },
} satisfies Record<string, OutputKind>;

export type OutputName = keyof typeof KINDS;

export const OUTPUT_NAMES = Object.keys(KINDS) as readonly OutputName[];

export const DEFAULT_OUTPUT: OutputName = 'aggregate';

export function isOutputName(name: string): name is OutputName {
  return Object.hasOwn(KINDS, name);
}

/** The names that no field may have in an output. */
export function refusedNames({ hasKeys = false, additions = { hasFacts: false } }: OutputKind): ReadonlySet<string> {
  return hasKeys ? refusedFieldNames(additions) : new Set();
}

/** What is known of an output before it is made. */
export function outputKind(name: OutputName): OutputKind {
  return KINDS[name];
}
