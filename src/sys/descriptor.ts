/** A file descriptor with one owner, which disposes of it. */
import { close, closeSync } from 'node:fs';

export class Descriptor implements Disposable {
  #fd: number;

  /** @param fd an open descriptor, which this object owns from now on */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** The number; -1 after disposal. */
  get fd(): number {
    return this.#fd;
  }

  /** Closes the descriptor. For a BPF link this detaches the programs, and returns when they are detached. */
  [Symbol.dispose](): void {
    if (this.#fd < 0) return;
    const fd = this.#fd;
    this.#fd = -1;
    closeSync(fd);
  }

  /** Closes it in another thread, since detaching may take the kernel a while. */
  closeAsync(): Promise<void> {
    if (this.#fd < 0) return Promise.resolve();
    const fd = this.#fd;
    this.#fd = -1;
    return new Promise((resolve) => close(fd, () => resolve()));
  }
}
