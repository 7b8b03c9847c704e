/** Pictures of traces, whatever format they come in, and whether they have what JSON has of the same trace. */
import { expect } from 'vitest';
import { groupBy } from '../../src/base/group-by.js';

export type Value = bigint | boolean | number | string | readonly Value[] | { readonly [name: string]: Value };

export interface Slice {
  readonly name: string;
  readonly category: string;
  readonly track: Track;
  readonly begin: bigint;
  /** Undefined for an instant. */
  end: bigint | undefined;
  readonly parent: Slice | undefined;
  readonly args: { [name: string]: Value };
  readonly flows: readonly string[];
  readonly endingFlows: readonly string[];
}

export interface Track {
  readonly uuid: string;
  readonly name: string;
  readonly parent: string | undefined;
  readonly isCounter: boolean;
}

export interface Picture {
  readonly tracks: ReadonlyMap<string, Track>;
  /** In the order of their begins. */
  readonly slices: readonly Slice[];
  readonly counters: readonly { readonly track: Track; readonly at: bigint; readonly value: bigint }[];
}

/** What is known of an event of a picture besides its time and its track. */
export type Facts = Pick<Slice, 'name' | 'category' | 'args' | 'flows' | 'endingFlows'>;

export interface PictureEvent {
  readonly at: bigint;
  readonly kind: 'begin' | 'end' | 'instant' | 'counter';
  readonly track: string;
  readonly facts: Facts;
  /** Of a counter. */
  readonly value?: bigint;
}

/** Draws events as what reads such files does: by time, those of the same time in the order of the file. @throws if it can't */
export function draw(tracks: ReadonlyMap<string, Track>, events: readonly PictureEvent[]): Picture {
  const open = new Map<string, Slice[]>();
  const slices: Slice[] = [];
  const counters: Picture['counters'][number][] = [];
  for (const { at, kind, track: uuid, facts, value } of [...events].sort(byTime)) {
    const track = tracks.get(uuid);
    if (!track) throw new Error(`there is no track ${uuid}`);
    if (track.isCounter !== (kind === 'counter')) throw new Error(`${kind} on the track ${track.name}`);
    const stack = open.get(uuid) ?? [];
    open.set(uuid, stack);
    if (kind === 'counter') {
      counters.push({ track, at, value: value! });
    } else if (kind === 'end') {
      const slice = stack.pop();
      if (!slice) throw new Error(`an end without a begin on the track ${track.name} at ${at}`);
      slice.end = at;
      for (const name of Object.keys(facts.args)) if (name in slice.args) throw new Error(`two values of ${name}`);
      Object.assign(slice.args, facts.args);
    } else {
      const slice: Slice = { ...facts, track, begin: at, end: undefined, parent: stack.at(-1) };
      slices.push(slice);
      if (kind === 'begin') stack.push(slice);
    }
  }
  for (const stack of open.values()) if (stack.length > 0) throw new Error(`${stack[0]!.name} does not end`);
  checkFlows(slices);
  return { tracks, slices, counters };
}

const byTime = (a: PictureEvent, b: PictureEvent) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0);

/** Categories of what is no event of a function. */
const OTHERS = ['journey', 'strand', 'gap', 'outcome', 'copy'];

export const isJourney = ({ category }: Slice) => category === 'journey';
export const isCall = ({ category }: Slice) => !OTHERS.includes(category);
/** The slice that all of a journey's others are in, or of a strand. */
export const rootOf = (slice: Slice): Slice => (slice.parent ? rootOf(slice.parent) : slice);
/** Integers as JSON has them. */
const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify({ value }, (_, one) => (typeof one === 'bigint' ? Number(one) : one))).value;

export interface JsonEvent {
  readonly timestamp: number;
  readonly processor_id: number;
  readonly module: string;
  readonly function: string;
  readonly is_return: boolean;
  readonly duration_ns?: number;
  readonly partner?: string;
  readonly skb_freed?: boolean;
  readonly journey: number;
  readonly netns: number;
  readonly device?: string;
  readonly [field: string]: unknown;
}

const KEYS = ['packet_id', 'timestamp', 'processor_id', 'module', 'function', 'is_return', 'duration_ns', 'partner'];

export interface JsonJourney {
  readonly journey: number;
  readonly parent: number | null;
  readonly outcome: string;
  readonly reason: string | null;
  readonly ended_in: string | null;
  readonly begin: number;
  readonly end: number;
  readonly events: number;
  readonly gap: boolean;
  readonly lost?: number;
  readonly ipft?: { readonly packet?: { readonly text: string }; readonly sender?: { readonly command: string } };
}

/** Nothing is there that JSON has not, and nothing is missing. */
export function compare(
  { slices }: Picture,
  { events, journeys }: { readonly events: readonly JsonEvent[]; readonly journeys: readonly JsonJourney[] },
): void {
  const calls = slices.filter(isCall);
  const keyOf = (at: number, name: string, journey: number) => `${at} ${name} ${journey}`;
  const byKey = groupBy(calls, (slice) =>
    keyOf(Number(slice.begin), slice.name, Number(rootOf(slice).args['journey'])),
  );
  const entries = events.filter(({ is_return }) => !is_return);
  const returns = events.filter(({ is_return }) => is_return);
  const alone = returns.filter(({ partner }) => partner === 'lost');
  expect(calls).toHaveLength(entries.length + alone.length);
  for (const event of [...entries, ...alone]) {
    const key = keyOf(event.timestamp, event.function, event.journey);
    const slice = byKey.get(key)?.find(({ end }) => (end === undefined) === event.is_return);
    expect(slice, key).toBeDefined();
    expect(slice?.category).toBe(event.module);
    const { return: given, partner, cpu, journey: _, ...fields } = plain(slice!.args) as Record<string, unknown>;
    expect([cpu, partner]).toEqual([event.processor_id, event.partner]);
    const its = Object.fromEntries(
      Object.entries(event).filter(([name]) => ![...KEYS, 'skb_freed', 'journey'].includes(name)),
    );
    if (event.is_return) expect({ ...fields, ...(given as object) }).toEqual(its);
    else expect(fields).toEqual(its);
  }
  for (const { timestamp, duration_ns = 0, function: name, journey, skb_freed, partner, ...rest } of returns) {
    if (partner === 'lost') continue;
    const slice = byKey
      .get(keyOf(timestamp - duration_ns, name, journey))
      ?.find(({ end }) => Number(end) === timestamp);
    expect(slice, `the return of ${name} at ${timestamp}`).toBeDefined();
    const {
      skb_freed: freed,
      duration_ns: duration = duration_ns,
      ...fields
    } = (plain(slice?.args['return']) ?? {}) as Record<string, unknown>;
    expect([freed, duration]).toEqual([skb_freed, duration_ns]);
    for (const [key, value] of Object.entries(fields)) expect(rest[key]).toEqual(value);
  }
  const byRoot = groupBy(slices, rootOf);
  const roots = new Map(slices.filter(isJourney).map((slice) => [slice.args['journey'], slice]));
  expect(roots.size).toBe(journeys.length);
  for (const { journey, parent, outcome, reason, ended_in, begin, end, events: count, gap, lost, ipft } of journeys) {
    const root = roots.get(BigInt(journey))!;
    const { args } = root;
    expect(plain([args['parent'] ?? null, args['outcome'], args['reason'] ?? null, args['ended_in'] ?? null])).toEqual([
      ...[parent, outcome, reason, ended_in],
    ]);
    expect(plain([args['events'], args['gap']])).toEqual([count, gap]);
    expect(plain(args['lost'] ?? 0n)).toBe(lost ?? 0);
    expect(root.name).toBe(ipft?.packet?.text ?? `journey ${journey}`);
    expect(plain(args['sender'])).toEqual(ipft?.sender && expect.objectContaining({ command: ipft.sender.command }));
    expect([root.begin <= BigInt(begin), root.end! >= BigInt(end)]).toEqual([true, true]);
    const inside = byRoot.get(root) ?? [];
    expect(inside.filter(({ category }) => category === 'gap')).toHaveLength(gap ? 1 : 0);
    const last = inside.filter(({ category }) => category === 'outcome');
    expect(last.map(({ begin: at, name }) => [at, name.split(/[ :]/)[0]])).toEqual([[root.end, outcome]]);
  }
}

/** An ending flow has begun before, and no earlier event has ended it. */
function checkFlows(slices: readonly Slice[]): void {
  const begun = new Set<string>();
  for (const { flows, endingFlows } of slices) {
    for (const flow of endingFlows) if (!begun.delete(flow)) throw new Error(`the flow ${flow} ends and has not begun`);
    for (const flow of flows) begun.add(flow);
  }
}
