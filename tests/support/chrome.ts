/** Reads the trace event format as its readers do ("Trace Event Format", chromium.org/developers/how-tos/trace-event-profiling-tool). */
import { draw, type Facts, type Picture, type PictureEvent, type Track, type Value } from './pictures.js';

interface ChromeEvent {
  readonly ph: string;
  readonly pid: number;
  readonly tid?: number;
  /** Microseconds. */
  readonly ts?: number;
  readonly name?: string;
  readonly cat?: string;
  readonly id?: number;
  readonly bp?: string;
  readonly args?: { readonly [name: string]: unknown };
}

const KINDS: Record<string, PictureEvent['kind']> = { B: 'begin', E: 'end', i: 'instant' };

/** @throws if it is not what the format wants */
export function readChrome(text: string): Picture & { readonly arrows: ReadonlyMap<number, readonly string[]> } {
  const { traceEvents } = JSON.parse(text) as { traceEvents: ChromeEvent[] };
  const tracks = new Map<string, Track>();
  const events: PictureEvent[] = [];
  const arrows = new Map<number, string[]>();
  for (const { ph, pid, tid, ts, name = '', cat = '', args = {}, id, bp } of traceEvents) {
    if (ph === 'M') {
      const uuid = `${pid} ${tid ?? ''}`;
      if (tracks.has(uuid)) throw new Error(`track ${uuid} is named again`);
      const parent = tid === undefined ? undefined : `${pid} `;
      if (name !== (parent ? 'thread_name' : 'process_name')) throw new Error(`an unknown fact: ${name}`);
      if (parent !== undefined && !tracks.has(parent)) throw new Error(`${parent} has no name`);
      tracks.set(uuid, { uuid, name: String(args['name']), parent, isCounter: false });
      continue;
    }
    const at = BigInt(Math.round((ts ?? Number.NaN) * 1000));
    if (ph === 's' || ph === 'f') {
      if (ph === 'f' && (bp !== 'e' || arrows.get(id!)?.length !== 1)) throw new Error(`the arrow ${id} has no begin`);
      arrows.set(id!, [...(arrows.get(id!) ?? []), `${at} ${pid} ${tid}`]);
      continue;
    }
    const kind = KINDS[ph];
    if (!kind) throw new Error(`an event of the kind ${ph}`);
    const facts: Facts = { name, category: cat, args: wide(args) as Facts['args'], flows: [], endingFlows: [] };
    events.push({ at, kind, track: `${pid} ${tid}`, facts });
  }
  return { ...draw(tracks, events), arrows };
}

/** Numbers as bigints. */
function wide(value: unknown): Value {
  if (typeof value === 'number' && Number.isInteger(value)) return BigInt(value);
  if (typeof value !== 'object' || value === null) return value as Value;
  if (Array.isArray(value)) return value.map(wide);
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, wide(one)]));
}
