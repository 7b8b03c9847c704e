/** stderr: messages for people, and a status that is redrawn. */
import type { IpftError } from '../base/errors.js';
import { createPainter, type Painter } from '../base/style.js';
import { wrap } from '../base/wrap.js';
import { Outlet } from '../sys/outlet.js';
import { type ColorChoice, hasColor } from './color.js';

/** The least time between two drawings of the status, in milliseconds. */
const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
const STATUS_LINES = 12;
/** The indent of a message's further lines, as wide as `ipft: `. */
const INDENT = 6;
/** The least width that messages are wrapped to; a narrower terminal breaks them itself. */
const LEAST_ROOM = 40;
const STDERR = 2;
/** Text that waits for a reader, in bytes. Text beyond it is dropped. */
const MAX_PENDING = 1 << 16;
/** How often a full stderr is tried again, in milliseconds, and how often at the end. */
const ROOM_MS = 100;
const LAST_TRIES = 10;

/** stderr may have no reader, or one that does not read. Neither ends the trace or makes it wait. */
export class Terminal {
  readonly #outlet = new Outlet(STDERR);
  readonly #isTerminal = this.#outlet.isTerminal;
  #pending = NOTHING;
  #timer: NodeJS.Timeout | undefined;
  #status = '';
  #drawnAt = 0;
  /** How many lines have been written, those of the status not counted. */
  told = 0;
  /** Whether only warnings, errors and what is told (`tell`) is written. */
  isQuiet = false;
  /** Is told the warnings, too. */
  onWarning: ((text: string) => void) | undefined;
  readonly hasColor: boolean;
  readonly paint: Painter;

  constructor(color: ColorChoice) {
    this.hasColor = hasColor(color, { isTTY: this.#isTerminal });
    this.paint = createPainter(this.hasColor);
  }

  /** Writes text as it is. */
  write(text: string): void {
    if (this.#pending.length <= MAX_PENDING) this.#say(text);
  }

  #say(text: string): void {
    if (text === '') return;
    this.#pending = Buffer.concat([this.#pending, Buffer.from(text)]);
    this.#writePending();
  }

  /** Waits for a reader, up to a limit. */
  async end(): Promise<void> {
    for (let tries = 0; this.#pending.length > 0 && tries < LAST_TRIES; ) {
      const before = this.#pending.length;
      await this.#outlet.waitForRoom(ROOM_MS);
      this.#writePending();
      // A reader that makes progress gets all of it.
      if (this.#pending.length === before) tries++;
    }
    this.#pending = NOTHING;
    clearTimeout(this.#timer);
  }

  /** Whether stderr is a terminal. */
  get isTerminal(): boolean {
    return this.#isTerminal;
  }

  /** Writes a whole line about what is done. */
  line(text: string): void {
    if (!this.isQuiet) this.tell(text);
  }

  /** Writes a whole line, whether it is quiet or not. */
  tell(text: string): void {
    this.told++;
    this.write(`${this.#eraseStatus()}${text}\n`);
  }

  /**
   * Draws the status, of one line or a few. Where stderr is no terminal, only `endStatus` writes.
   * @param text called when it is drawn
   */
  status(text: () => string): void {
    const now = performance.now();
    if (this.isQuiet || !this.#isTerminal || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    // A line that is wrapped, or has left the screen, could not be erased.
    const lines = text().split('\n').slice(0, STATUS_LINES);
    const shown = lines.map((line) => line.slice(0, Math.max(1, this.#columns - 1))).join('\n');
    this.write(`${this.#eraseStatus()}${shown}`);
    this.#status = shown;
  }

  /** Writes the last status as a line that stays. */
  endStatus(text: string): void {
    this.line(text);
    this.#drawnAt = 0;
  }

  /** Erases the status. */
  clearStatus(): void {
    this.write(this.#eraseStatus());
  }

  /** Erases the line on which Ctrl-C was typed. */
  eraseTyped(): void {
    if (this.#isTerminal) this.write('\r\x1b[K');
  }

  /** Writes an error that ends the program, behind all pending text. */
  error(error: IpftError): void {
    const [first = '', ...rest] = error.message.split('\n');
    const lines = [`${this.paint('ipft:', 'red', 'bold')} ${this.#wrap(first)}`, ...rest];
    if (error.hint !== undefined) lines.push(`${' '.repeat(INDENT)}${this.#wrap(error.hint)}`);
    this.#say(`${this.#eraseStatus()}${lines.join('\n')}\n`);
  }

  warn(text: string): void {
    this.onWarning?.(text);
    const WORD = 'warning:';
    this.tell(`ipft: ${this.paint(WORD, 'yellow', 'bold')}${this.#wrap(`${WORD} ${text}`).slice(WORD.length)}`);
  }

  /** Wraps the text behind the indent, or behind `ipft: `. Where stderr is no terminal, a message is one line. */
  #wrap(text: string): string {
    if (!this.#isTerminal) return text;
    return wrap(text, Math.max(LEAST_ROOM, this.#columns - INDENT), INDENT);
  }

  get #columns(): number {
    return this.#outlet.columns ?? DEFAULT_COLUMNS;
  }

  #writePending(): void {
    try {
      while (this.#pending.length > 0) {
        const written = this.#outlet.write(this.#pending);
        this.#pending = this.#pending.subarray(written);
        if (written > 0) continue;
        this.#timer ??= setTimeout(() => {
          this.#timer = undefined;
          this.#writePending();
        }, ROOM_MS).unref();
        return;
      }
    } catch {
      // The terminal or the pipe's reader has gone, or the disk is full.
      this.#pending = NOTHING;
    }
  }

  #eraseStatus(): string {
    if (this.#status === '') return '';
    const above = this.#status.split('\n').length - 1;
    this.#status = '';
    return `\r\x1b[K${'\x1b[A\x1b[K'.repeat(above)}`;
  }
}

const NOTHING: Buffer = Buffer.alloc(0);
