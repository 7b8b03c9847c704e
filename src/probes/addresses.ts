/**
 * Addresses of functions, kept for the next run (`kernel/cache.ts`). For a link by names the kernel searches all its
 * symbols again each time; a link by addresses takes a tenth of the time. Addresses are not looked up here, since the
 * kernel's tables are large, and a symbol is not always where a link wants it: a link tells where it was made.
 */
import { loadCached, storeCached } from '../kernel/cache.js';
import { loadSymbolAddresses } from '../kernel/functions.js';
import { loadKernelIdentity } from '../kernel/identity.js';

/** The name of the kept file. */
const KIND = 'addresses';

/** A function as a link names it. */
interface HookedFunction {
  readonly module: string;
  readonly name: string;
  /** Its address, if that is known. */
  readonly address?: bigint;
}

export class KnownAddresses {
  /** The identity of the kernel that they are valid for; undefined if nothing can be kept. */
  readonly #key: string | undefined;
  readonly #addresses: Map<string, bigint>;
  #hasLearned = false;

  private constructor(key: string | undefined, addresses: Map<string, bigint>) {
    this.#key = key;
    this.#addresses = addresses;
  }

  /** Loads the addresses of this boot, which hold as long as no module is loaded or unloaded. */
  static load(): KnownAddresses {
    const key = loadKernelIdentity()?.addresses;
    return new KnownAddresses(key, new Map(key === undefined ? [] : decode(loadCached(KIND, key))));
  }

  /** The addresses of all these functions; undefined if one is unknown. */
  find(functions: readonly HookedFunction[]): bigint[] | undefined {
    const found: bigint[] = [];
    for (const { module, name, address: given } of functions) {
      const address = given ?? this.#addresses.get(`${module}:${name}`);
      if (address === undefined) return undefined;
      found.push(address);
    }
    return found;
  }

  /**
   * The addresses of all functions of a module with one name, in the order of the kernel's table, which is read if they
   * are not kept. Empty if the kernel does not show addresses to this process.
   */
  findAll({ module, name }: HookedFunction): bigint[] {
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

  learn({ module, name }: HookedFunction, address: bigint): void {
    this.#addresses.set(`${module}:${name}`, address);
    this.#hasLearned = true;
  }

  /** Keeps new addresses for the next run. */
  save(): void {
    // A module that was loaded meanwhile may have taken the addresses of another one.
    if (!this.#hasLearned || this.#key === undefined || loadKernelIdentity()?.addresses !== this.#key) return;
    const entries = [...this.#addresses].map(([name, address]) => [name, address.toString(16)]);
    storeCached(KIND, this.#key, Object.fromEntries(entries));
    this.#hasLearned = false;
  }
}

/** `{"MODULE:NAME": "ADDRESS"}`, in hexadecimal. Entries of any other form are ignored. */
function decode(value: unknown): [string, bigint][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const entries: [string, bigint][] = [];
  for (const [name, address] of Object.entries(value)) {
    // Kernel addresses have the highest bit set.
    if (typeof address !== 'string' || !/^[89a-f][0-9a-f]{15}$/.test(address)) return [];
    if (!/^[\w.$-]{1,511}:[\w.$-]{1,511}$/.test(name)) return [];
    entries.push([name, BigInt(`0x${address}`)]);
  }
  return entries;
}
