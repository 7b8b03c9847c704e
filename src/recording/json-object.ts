/** Reads the JSON of a recording, and trusts none of it. Numbers of 64 bits are strings of digits there. */
import { causedBy, ParseError } from '../base/errors.js';
import { MAX_JSON_BYTES, MAX_JSON_NODES, MAX_NAME_LENGTH } from './format.js';

const INTEGER = /^-?[0-9]{1,20}$/;
const U64 = 0xffffffffffffffffn;

export class JsonObject {
  readonly #members: Readonly<Record<string, unknown>>;
  /** The chunk, as a byte of the file: for messages. */
  readonly #at: number;

  /** @param value anything @throws ParseError if it is no object */
  constructor(value: unknown, at: number) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new ParseError('recording', at, 'a chunk of JSON has no object where one is wanted');
    }
    this.#members = value as Record<string, unknown>;
    this.#at = at;
  }

  /** @param at where the chunk begins in the file @throws ParseError */
  static parse(bytes: Uint8Array, at: number): JsonObject {
    if (bytes.length > MAX_JSON_BYTES || countNodes(bytes) > MAX_JSON_NODES) {
      throw new ParseError('recording', at, 'a chunk of JSON is too large');
    }
    let value: unknown;
    try {
      value = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
    } catch (error) {
      // The error's own message would quote what may be binary.
      throw causedBy(new ParseError('recording', at, 'a chunk of JSON holds none'), error);
    }
    return new JsonObject(value, at);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.#members, key);
  }

  text(key: string): string {
    const value = this.#own(key);
    return typeof value === 'string' ? value : this.#refuse(key, 'a string');
  }

  /** A string that is one of a few. */
  word<T extends string>(key: string, words: readonly T[]): T {
    const value = this.text(key);
    return words.find((word) => word === value) ?? this.#refuse(key, `one of ${words.join(', ')}`);
  }

  /** A number without a fraction, not negative. */
  count(key: string): number {
    const value = this.#own(key);
    return Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : this.#refuse(key, 'a count');
  }

  flag(key: string): boolean {
    const value = this.#own(key);
    return typeof value === 'boolean' ? value : this.#refuse(key, 'true or false');
  }

  /** A number of up to 64 bits. */
  big(key: string): bigint {
    const value = this.#own(key);
    const number = typeof value === 'string' && INTEGER.test(value) ? BigInt(value) : undefined;
    return number !== undefined && number <= U64 && number >= -U64 ? number : this.#refuse(key, 'a number in a string');
  }

  object(key: string): JsonObject {
    return new JsonObject(this.#own(key), this.#at);
  }

  objects<T>(key: string, read: (object: JsonObject) => T): T[] {
    return this.#list(key).map((one) => read(new JsonObject(one, this.#at)));
  }

  texts(key: string): string[] {
    return this.#list(key).map((one) => (typeof one === 'string' ? one : this.#refuse(key, 'a list of strings')));
  }

  /** Pairs of names. */
  pairs(key: string): [string, string][] {
    return this.#list(key).map((one) => {
      const [first, second] = Array.isArray(one) ? (one as unknown[]) : [];
      if (isName(first) && isName(second)) return [first, second];
      return this.#refuse(key, 'a list of pairs of names');
    });
  }

  /** A name that may be missing. */
  optionalName(key: string): string | undefined {
    const value = this.#own(key);
    return value === undefined || isName(value) ? value : this.#refuse(key, 'a name');
  }

  /** Objects by number: an object whose keys are digits. */
  *numbered(key: string): Iterable<[bigint, JsonObject]> {
    for (const [number, value] of Object.entries(this.object(key).#members)) {
      if (!INTEGER.test(number)) this.#refuse(key, 'an object of objects by number');
      yield [BigInt(number), new JsonObject(value, this.#at)];
    }
  }

  /** Names by number: an object whose keys are digits. */
  *named(key: string): Iterable<[bigint, string]> {
    const value = this.#own(key);
    for (const [number, name] of Object.entries(new JsonObject(value, this.#at).#members)) {
      if (isName(name) && INTEGER.test(number)) yield [BigInt(number), name];
      else this.#refuse(key, 'an object of names by number');
    }
  }

  #list(key: string): unknown[] {
    const value = this.#own(key);
    return Array.isArray(value) ? value : this.#refuse(key, 'a list');
  }

  #own(key: string): unknown {
    return this.has(key) ? this.#members[key] : undefined;
  }

  #refuse(key: string, wanted: string): never {
    throw new ParseError('recording', this.#at, `in a chunk of JSON ${key} is not ${wanted}`);
  }
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_NAME_LENGTH;
}

/** About the number of objects, lists and members, whose memory is many times their text. */
function countNodes(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === OPEN_BRACE || byte === OPEN_BRACKET || byte === COLON) count++;
  return count;
}

const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const COLON = 0x3a;
