/**
 * What is kept for those who iterate. Each of them goes through all that is kept at a pace of its own. When the log is
 * full, the oldest is forgotten, unless someone who iterates has still to get it: then there is no room.
 */
export class Log<T> {
  readonly #limit: number;
  readonly #weigh: (item: T) => number;
  /** What is kept stands behind `#head`; the first of that is the item number `#first` of all. */
  #items: (T | undefined)[] = [];
  #head = 0;
  #first = 0;
  #weight = 0;
  #ended = false;
  #error: unknown;
  readonly #iterators = new Set<LogIterator<T>>();
  /** Who waits for room; one for all. */
  #waiting: { readonly room: Promise<void>; readonly resolve: () => void } | undefined;
  /** How many items were handed to those who iterate. */
  taken = 0;

  /**
   * @param limit how much may be kept; a little more comes together where nothing may be forgotten
   * @param weigh what an item counts for
   */
  constructor(limit: number, weigh: (item: T) => number) {
    this.#limit = limit;
    this.#weigh = weigh;
  }

  /** Whether more should come: not while so much is kept that someone who iterates has still to get. */
  get hasRoom(): boolean {
    if (this.#weight < this.#limit) return true;
    this.#forget();
    if (this.#weight < this.#limit) return true;
    // The newest may be too heavy all by itself.
    const end = this.#first + this.#items.length - this.#head;
    for (const { position } of this.#iterators) if (position < end) return false;
    return true;
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

  /** How many items are kept no longer. */
  get forgotten(): number {
    return this.#first;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#weight += this.#weigh(item);
    this.#forget();
    for (const iterator of this.#iterators) iterator.wake();
  }

  /** Nothing more will come. @param error thrown to those who have got all that is kept */
  end(error?: unknown): void {
    this.#ended = true;
    this.#error = error;
    for (const iterator of this.#iterators) iterator.wake();
  }

  /** Goes through what is kept, from the oldest on. It holds nothing back before its first `next`. */
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
    // The newest stays, be it as heavy as it may.
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

/** What an iterator needs of its log. Items are numbered from the first that there ever was. */
interface Source<T> {
  /** Returns the position to begin at. */
  open(iterator: LogIterator<T>): number;
  /** An item was handed out. */
  taken(): void;
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

/** By hand, not a generator: `return` must answer while a `next` is waiting. */
class LogIterator<T> implements AsyncIterableIterator<T> {
  readonly #source: Source<T>;
  #state: 'new' | 'open' | 'closed' = 'new';
  #waiters: Waiter<T>[] = [];
  /** Of the item to come next. */
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
    });
  }

  /** Hands on what can be handed on. */
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
