/** The names that a recording has told so far. */
import { IPFT_TARGET_INDEX } from '../abi/layout.js';
import { ParseError } from '../base/errors.js';
import type { ControlGroup } from '../base/process.js';
import type { TraceHeader } from '../base/record-source.js';
import type { Target } from '../base/target.js';
import { parseTargets } from './header.js';
import type { JsonObject } from './json-object.js';

/** The most names of a kind. When there are more, the oldest are forgotten: the recorder tells them again. */
const MAX_NAMES = 1 << 16;
/** Records carry 16 bits of a target's index. */
const MAX_TARGETS = IPFT_TARGET_INDEX + 1;

export class RecordedNames {
  /** The targets, by their index. */
  readonly targets: Target[] = [];
  readonly #reasons = new Map<number, string>();
  readonly #symbols = new Map<bigint, string>();
  readonly #netns = new Map<number, string>();
  readonly #groups = new Map<bigint, ControlGroup>();

  readonly lookUp: Pick<TraceHeader, 'names' | 'netnsName' | 'findGroup'> = {
    names: { reason: (reason) => this.#reasons.get(reason), symbol: (address) => this.#symbols.get(address) },
    netnsName: (netns) => this.#netns.get(netns),
    findGroup: (id) => this.#groups.get(id),
  };

  /** @param at where its chunk begins @throws ParseError */
  learn(json: JsonObject, at: number): void {
    for (const [reason, name] of json.named('reasons')) learn(this.#reasons, Number(reason), name);
    for (const [inode, name] of json.named('netns')) learn(this.#netns, Number(inode), name);
    for (const [address, name] of json.named('symbols')) learn(this.#symbols, address, name);
    // Older recordings have none.
    if (json.has('cgroups'))
      for (const [id, group] of json.numbered('cgroups')) learn(this.#groups, id, parseGroup(group));
    this.#add(parseTargets(json), at);
  }

  /** Sets all targets so far, as a header tells them. @param at where it begins @throws ParseError */
  setTargets(targets: readonly Target[], at: number): void {
    this.targets.length = 0;
    this.#add(targets, at);
  }

  #add(targets: readonly Target[], at: number): void {
    if (this.targets.length + targets.length > MAX_TARGETS) {
      throw new ParseError('recording', at, 'it names more functions than can be traced');
    }
    for (const target of targets) this.targets.push(target);
  }
}

/** @throws ParseError */
function parseGroup(json: JsonObject): ControlGroup {
  const [id, name] = [json.optionalName('container'), json.optionalName('container_name')];
  return {
    path: json.optionalName('path') ?? '',
    container: id === undefined && name === undefined ? undefined : { id, name },
    ...{ unit: json.optionalName('unit'), pod: json.optionalName('pod') },
  };
}

function learn<K, V>(names: Map<K, V>, key: K, name: V): void {
  if (names.size >= MAX_NAMES) forgetOldest(names);
  names.set(key, name);
}

/** Many at once, since looking for the oldest one takes long. */
function forgetOldest<K>(names: Map<K, unknown>): void {
  let count = 0;
  for (const key of names.keys()) {
    if (count++ === MAX_NAMES / 16) return;
    names.delete(key);
  }
}
