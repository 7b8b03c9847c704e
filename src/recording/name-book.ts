/** The names that records need, looked up when the first record comes that needs them: later they may be gone. */
import {
  END_FLAGS,
  END_LOCATION,
  END_REASON,
  END_SYMBOL,
  END_SYMBOL_SIZE,
  HOLDER_CGROUP,
  IPFT_JOURNEY_DROPPED,
  PLACE_NETNS,
} from '../abi/layout.js';
import { decodeText } from '../abi/values.js';
import { type Fate, locationOf } from '../base/journey.js';
import type { ControlGroup } from '../base/process.js';
import type { TraceHeader } from '../base/record-source.js';
import { MAX_NAME_LENGTH } from './format.js';

/** The most names of a kind. When there are more, the oldest are forgotten, and looked up again when they are needed. */
const MAX_NAMES = 1 << 14;
/** Of control groups, which have several names each. */
const MAX_GROUPS = 1 << 11;

/** Names by number. */
class Names<K extends number | bigint, V = string> {
  readonly #look: (key: K) => V | undefined;
  readonly #limit: number;
  /** Undefined for what has no name. */
  readonly #known = new Map<K, V | undefined>();
  #fresh = new Map<K, V>();

  constructor(look: (key: K) => V | undefined, limit = MAX_NAMES) {
    this.#look = look;
    this.#limit = limit;
  }

  see(key: K): void {
    if (this.#known.has(key)) return;
    this.#makeRoom();
    this.#learn(key);
  }

  /** A record tells a name: it need not be looked up, and files that lack that record need it. */
  tell(key: K, name: V): void {
    if (!this.#known.has(key)) this.#makeRoom();
    this.#known.set(key, name);
  }

  /** Looks again for those that had no name. */
  lookAgain(): void {
    for (const [key, name] of this.#known) if (name === undefined) this.#learn(key);
  }

  #makeRoom(): void {
    if (this.#known.size < this.#limit) return;
    const oldest = this.#known.keys().next().value!;
    this.#known.delete(oldest);
    // Where no file is written for days, new names must not pile up.
    this.#fresh.delete(oldest);
  }

  #learn(key: K): void {
    const name = this.#look(key);
    this.#known.set(key, name);
    if (name !== undefined) this.#fresh.set(key, name);
  }

  /** Those that are new since the last call. */
  take(): Map<K, V> {
    const fresh = this.#fresh;
    this.#fresh = new Map();
    return fresh;
  }

  /** Makes all that are known new again. */
  repeat(): void {
    for (const [key, name] of this.#known) if (name !== undefined) this.#fresh.set(key, name);
  }
}

export class NameBook {
  readonly #header: TraceHeader;
  readonly #reasons: Names<number>;
  readonly #symbols: Names<bigint>;
  readonly #netns: Names<number>;
  readonly #groups: Names<bigint, ControlGroup>;
  /** How many targets were written. */
  #targets: number;

  constructor(header: TraceHeader) {
    this.#header = header;
    this.#reasons = new Names(header.names.reason);
    this.#symbols = new Names(header.names.symbol);
    this.#netns = new Names(header.netnsName);
    this.#groups = new Names((id: bigint) => bounded(header.findGroup(id)), MAX_GROUPS);
    this.#targets = header.targets.length;
  }

  /** Looks at a struct ipft_place. @param at its offset */
  seePlace(data: DataView, at: number): void {
    this.seeNetns(data.getUint32(at + PLACE_NETNS, true));
  }

  seeNetns(netns: number): void {
    if (netns !== 0) this.#netns.see(netns);
  }

  /** Looks at a struct ipft_holder. @param at its offset */
  seeProcess(data: DataView, at: number): void {
    const id = data.getBigUint64(at + HOLDER_CGROUP, true);
    if (id !== 0n) this.#groups.see(id);
  }

  /** Looks at a struct ipft_end. @param at its offset @param length of the record */
  seeEnd(data: DataView, at: number, length: number): void {
    if (data.getUint8(at + END_FLAGS) & IPFT_JOURNEY_DROPPED) this.#reasons.see(data.getUint32(at + END_REASON, true));
    if ((data.getUint32(at + END_LOCATION, true) | data.getUint32(at + END_LOCATION + 4, true)) === 0) return;
    const location = data.getBigUint64(at + END_LOCATION, true);
    const symbol = length > END_SYMBOL ? decodeText(data, at + END_SYMBOL, END_SYMBOL_SIZE) : '';
    const name = locationOf(symbol);
    if (name === undefined) this.#symbols.see(location);
    else this.#symbols.tell(location, name);
  }

  /** Looks at the end of a journey that is about to end. */
  seeFate({ dropped, reason, location }: Fate): void {
    if (dropped) this.#reasons.see(reason);
    if (location !== 0n) this.#symbols.see(location);
  }

  /** The names since the last call, as JSON; undefined if there are none. */
  take(): object | undefined {
    for (const names of [this.#netns, this.#groups]) names.lookAgain();
    const { targets } = this.#header;
    const added = targets.slice(this.#targets).map(({ name, module }) => [name, module]);
    this.#targets = targets.length;
    const [reasons, symbols, netns] = [this.#reasons.take(), this.#symbols.take(), this.#netns.take()];
    const groups = this.#groups.take();
    if (reasons.size + symbols.size + netns.size + groups.size + added.length === 0) return undefined;
    return {
      ...{ reasons: Object.fromEntries(reasons), netns: Object.fromEntries(netns) },
      symbols: Object.fromEntries([...symbols].map(([address, name]) => [String(address), name])),
      ...{ cgroups: Object.fromEntries([...groups].map(([id, group]) => [String(id), encodeGroup(group)])) },
      targets: added,
    };
  }

  /** A new file begins, whose header has all targets so far: it gets all names again. */
  repeat(): void {
    this.#targets = this.#header.targets.length;
    for (const names of [this.#reasons, this.#symbols, this.#netns, this.#groups]) names.repeat();
  }
}

/** What is longer than a name may be is left out: readers refuse it. */
function bounded(group: ControlGroup | undefined): ControlGroup | undefined {
  const fits = (name = '') => name.length <= MAX_NAME_LENGTH;
  if (!group || !fits(group.path)) return undefined;
  const { path, container, unit, pod } = group;
  return {
    path,
    container: container && [container.id ?? '', container.name ?? ''].every(fits) ? container : undefined,
    unit: fits(unit) ? unit : undefined,
    pod: fits(pod) ? pod : undefined,
  };
}

function encodeGroup({ path, container, unit, pod }: ControlGroup): object {
  return { path, container: container?.id, container_name: container?.name, unit, pod };
}
