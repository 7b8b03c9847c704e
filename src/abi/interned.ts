/** Objects that are decoded from bytes which come again and again: the same bytes give the same object. */
export class Interned {
  readonly #offset: number;
  readonly #words: number;
  /** By a hash of the bytes. */
  readonly #known = new Map<number, { readonly words: Int32Array; readonly value: object }[]>();
  #count = 0;

  /** The bytes that are compared lie from `offset` to `end` of a record, and are a multiple of 4. */
  constructor(offset: number, end: number) {
    this.#offset = offset;
    this.#words = (end - offset) / 4;
  }

  /**
   * @param at where the record begins
   * @param decode always the same
   */
  get<T extends object>(view: DataView, at: number, decode: (view: DataView, at: number) => T): T {
    const begin = at + this.#offset;
    let hash = 0;
    for (let i = 0; i < this.#words; i++) hash = (Math.imul(hash, 31) + view.getInt32(begin + i * 4, true)) | 0;
    const alike = this.#known.get(hash);
    for (const { words, value } of alike ?? NONE) {
      let i = 0;
      while (i < words.length && words[i] === view.getInt32(begin + i * 4, true)) i++;
      if (i === words.length) return value as T;
    }
    const value = decode(view, at);
    // Bytes that were chosen to have the same hash would make each search longer.
    if (alike && alike.length >= MAX_ALIKE) return value;
    // Bounded: the objects are dropped, and decoded again when they are needed.
    if (this.#count++ === MAX_INTERNED) {
      this.#known.clear();
      this.#count = 0;
    }
    const words = Int32Array.from({ length: this.#words }, (_, i) => view.getInt32(begin + i * 4, true));
    this.#known.set(hash, [...(alike ?? NONE), { words, value }]);
    return value;
  }
}

const NONE: never[] = [];
const MAX_INTERNED = 1 << 16;
const MAX_ALIKE = 16;
