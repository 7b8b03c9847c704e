/**
 * Where functions lie, kept for the next run (`kernel/cache.ts`). The kernel takes names, and looks at all its symbols to
 * find them, for each link anew; by address a link is made in a tenth of the time. An address is not looked up here (the
 * kernel's tables are large, and its symbols are not always where a link wants them): a link tells where it was made.
 */
import { loadCached, storeCached } from '../kernel/cache.js';
import { loadSymbolAddresses } from '../kernel/functions.js';
import { loadKernelIdentity } from '../kernel/identity.js';

/** The name of the kept file. */
const KIND = 'addresses';

/** A function as links know it. */
interface Place {
  readonly module: string;
  readonly name: string;
  /** Where it lies, if that is known. */
  readonly address?: bigint;
}

export class KnownAddresses {
  /** What they hold for; undefined if they can't be known. */
  readonly #key: string | undefined;
  readonly #addresses: Map<string, bigint>;
  #hasLearned = false;

  private constructor(key: string | undefined, addresses: Map<string, bigint>) {
    this.#key = key;
    this.#addresses = addresses;
  }

  /** Those of this boot, as long as no module has come or gone. */
  static load(): KnownAddresses {
    const key = loadKernelIdentity()?.addresses;
    return new KnownAddresses(key, new Map(key === undefined ? [] : decode(loadCached(KIND, key))));
  }

  /** The addresses of all these functions, or nothing if one is unknown. */
  find(functions: readonly Place[]): bigint[] | undefined {
    const found: bigint[] = [];
    for (const { module, name, address: given } of functions) {
      const address = given ?? this.#addresses.get(`${module}:${name}`);
      if (address === undefined) return undefined;
      found.push(address);
    }
    return found;
  }

  /**
   * Where all functions of a name lie that is borne by several, in the order of the kernel's table, which is read where
   * they are not kept. None if it does not show them to this process.
   */
  findAll({ module, name }: Place): bigint[] {
    const found: bigint[] = [];
    for (;;) {
      const address = this.#addresses.get(`${module}:${name}#${found.length}`);
      if (address === undefined) break;
      found.push(address);
    }
    if (found.length > 0) return found;
    for (const { address } of loadSymbolAddresses(new Map([[module, new Set([name])]]))) {
      if (address === 0n) return [];
      this.#addresses.set(`${module}:${name}#${found.length}`, address);
      found.push(address);
    }
    this.#hasLearned ||= found.length > 0;
    return found;
  }

  learn({ module, name }: Place, address: bigint): void {
    this.#addresses.set(`${module}:${name}`, address);
    this.#hasLearned = true;
  }

  /** Keeps what is new. */
  save(): void {
    // A module that came or went since they were loaded may lie elsewhere.
    if (!this.#hasLearned || this.#key === undefined || loadKernelIdentity()?.addresses !== this.#key) return;
    const entries = [...this.#addresses].map(([name, address]) => [name, address.toString(16)]);
    storeCached(KIND, this.#key, Object.fromEntries(entries));
    this.#hasLearned = false;
  }
}

/** `{"MODULE:NAME": "ADDRESS"}`, in hexadecimal. What is not that is not known. */
function decode(value: unknown): [string, bigint][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const entries: [string, bigint][] = [];
  for (const [name, address] of Object.entries(value)) {
    // The upper half of all addresses is the kernel's.
    if (typeof address !== 'string' || !/^[89a-f][0-9a-f]{15}$/.test(address)) return [];
    if (!/^[\w.$-]{1,511}:[\w.$-]{1,511}$/.test(name)) return [];
    entries.push([name, BigInt(`0x${address}`)]);
  }
  return entries;
}
