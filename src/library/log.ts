/**
 * Keeps items for iterators, each of which goes through them at its own pace. When the log is full, the oldest item is
 * forgotten, unless an iterator has not taken it: then there is no room.
 */
export class Log<T> {
  readonly #limit: number;
  readonly #weigh: (item: T) => number;
  /** The kept items stand behind `#head`; the first of them is number `#first` of all items. */
  #items: (T | undefined)[] = [];
  #head = 0;
  #first = 0;
  #weight = 0;
  #ended = false;
  #error: unknown;
  readonly #iterators = new Set<LogIterator<T>>();
  /** The wait for room, shared by all callers. */
  #waiting: { readonly room: Promise<void>; readonly resolve: () => void } | undefined;
  /** The number of items that iterators have taken. */
  taken = 0;
  /** Called when an iterator begins to wait for an item. */
  onAwaited: () => void = () => {};

  /**
   * @param limit the weight of items that may be kept; a little more where no item may be forgotten
   * @param weigh the weight of an item
   */
  constructor(limit: number, weigh: (item: T) => number) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  /** Whether more should come: not while the limit is reached by items that an iterator has not taken. */
  get hasRoom(): boolean {
    if (this.#weight < this.#limit) return true;
    this.#forget();
    if (this.#weight < this.#limit) return true;
    // The newest item alone may exceed the limit.
    const end = this.#first + this.#items.length - this.#head;
    for (const { position } of this.#iterators) if (position < end) return false;
    return true;
  }

  /** Whether an iterator waits for an item. */
  get isAwaited(): boolean {
    for (const { isWaiting } of this.#iterators) if (isWaiting) return true;
    return false;
  }

  /** Resolves when more should come. */
  whenRoom(): Promise<void> {
    if (!this.#waiting) {
      let resolve = () => {};
      const room = new Promise<void>((fulfill) => {
        resolve = fulfill;
      });
      this.#waiting = { room, resolve };
    }
    const { room } = this.#waiting;
    this.#tellRoom();
    return room;
  }

  #tellRoom(): void {
    if (!this.#waiting || !this.hasRoom) return;
    this.#waiting.resolve();
    this.#waiting = undefined;
  }

  /** The number of items that are no longer kept. */
  get forgotten(): number {
    return this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#weight += this.#weigh(item);
    this.#forget();
    for (const iterator of this.#iterators) iterator.wake();
  }

  /** Ends the log. @param error thrown to iterators that have taken all items */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    for (const iterator of this.#iterators) iterator.wake();
  }

  /** Iterates from the oldest kept item on. Before its first `next` the iterator keeps no item from being forgotten. */
  iterate(): AsyncIterableIterator<T> {
    return new LogIterator({
      open: (iterator) => {
        this.#iterators.add(iterator);
        return this.#first;
      },
      taken: () => {
        this.taken++;
        this.#tellRoom();
      },
      awaited: () => this.onAwaited(),
      close: (iterator) => {
        this.#iterators.delete(iterator);
        this.#tellRoom();
      },
      at: (position) => this.#items[this.#head + position - this.#first],
      end: () => this.#first + this.#items.length - this.#head,
      state: () => ({ ended: this.#ended, error: this.#error }),
    });
  }

  #forget(): void {
    if (this.#weight < this.#limit) return;
    let needed = Number.POSITIVE_INFINITY;
    for (const { position } of this.#iterators) needed = Math.min(needed, position);
    // The newest item stays, whatever its weight.
    const end = Math.min(needed, this.#first + this.#items.length - this.#head - 1);
    while (this.#weight >= this.#limit && this.#first < end) {
      this.#weight -= this.#weigh(this.#items[this.#head]!);
      this.#items[this.#head++] = undefined;
      this.#first++;
    }
    if (this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

/** The part of a log that iterators use. Items are numbered from the first that was ever added. */
interface Source<T> {
  /** @returns the position to begin at */
  open(iterator: LogIterator<T>): number;
  /** An item was taken. */
  taken(): void;
  /** An iterator waits for an item. */
  awaited(): void;
  close(iterator: LogIterator<T>): void;
  at(position: number): T | undefined;
  /** The position behind the last item. */
  end(): number;
  state(): { readonly ended: boolean; readonly error: unknown };
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: unknown): void;
}

/** Not a generator, since `return` must settle while a `next` is pending. */
class LogIterator<T> implements AsyncIterableIterator<T> {
  readonly #source: Source<T>;
  #state: 'new' | 'open' | 'closed' = 'new';
  #waiters: Waiter<T>[] = [];
  /** The number of the next item. */
  position = 0;

  constructor(source: Source<T>) {
    this.#source = source;
  }

  next(): Promise<IteratorResult<T, undefined>> {
    if (this.#state === 'new') {
      this.position = this.#source.open(this);
      this.#state = 'open';
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      this.wake();
      if (this.isWaiting) this.#source.awaited();
    });
  }

  get isWaiting(): boolean {
    return this.#waiters.length > 0;
  }

  /** Settles pending calls as far as items allow. */
  wake(): void {
    while (this.#waiters.length > 0) {
      if (this.#state === 'open' && this.position < this.#source.end()) {
        const value = this.#source.at(this.position++) as T;
        this.#waiters.shift()?.resolve({ done: false, value });
        this.#source.taken();
        continue;
      }
      const { ended, error } = this.#source.state();
      if (this.#state === 'open' && !ended) return;
      const failed = this.#state === 'open' && error !== undefined;
      this.#close();
      const waiter = this.#waiters.shift();
      if (failed) waiter?.reject(error);
      else waiter?.resolve({ done: true, value: undefined });
    }
  }

  return(): Promise<IteratorResult<T, undefined>> {
    this.#close();
    this.wake();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #close(): void {
    this.#state = 'closed';
    this.#source.close(this);
  }
}
