/** stderr: messages for people, and one line that is redrawn while something goes on. */
import type { IpftError } from '../base/errors.js';
import { createPainter, type Painter } from '../base/style.js';
import { type ColorChoice, hasColor } from './color.js';
import { wrap } from './wrap.js';

/** Least time between two drawings of the status line, in milliseconds. */
const REDRAW_MS = 100;
const DEFAULT_COLUMNS = 80;
/** Before all lines of a message but the first: as wide as `ipft: `. */
const INDENT = 6;
/** Narrower a terminal may be, but not what is read there. */
const LEAST_ROOM = 40;

export class Terminal {
  readonly #isTerminal = process.stderr.isTTY === true;
  #status = '';
  #drawnAt = 0;
  readonly hasColor: boolean;
  readonly paint: Painter;

  constructor(color: ColorChoice) {
    this.hasColor = hasColor(color, process.stderr);
    this.paint = createPainter(this.hasColor);
    // Nobody listens to what we say: that is no reason to lose the trace.
    process.stderr.on('error', () => {});
  }

  /** Whether stderr is a terminal. */
  get isTerminal(): boolean {
    return this.#isTerminal;
  }

  /** A whole line. */
  line(text: string): void {
    process.stderr.write(`${this.#eraseStatus()}${text}\n`);
  }

  /** Shows how something stands. Where stderr is no terminal only `endStatus` shows anything. */
  status(text: string): void {
    const now = performance.now();
    if (!this.#isTerminal || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    // A line that is wrapped could not be taken away again.
    const shown = text.slice(0, Math.max(1, (process.stderr.columns || DEFAULT_COLUMNS) - 1));
    process.stderr.write(`${this.#eraseStatus()}${shown}`);
    this.#status = shown;
  }

  /** The last state: stays as a line of its own. */
  endStatus(text: string): void {
    this.line(text);
    this.#drawnAt = 0;
  }

  /** Takes the status line away. */
  clearStatus(): void {
    const erase = this.#eraseStatus();
    if (erase !== '') process.stderr.write(erase);
  }

  /** Begins the line anew: Ctrl-C stands there, where it was typed. */
  eraseTyped(): void {
    if (this.#isTerminal) process.stderr.write('\r\x1b[K');
  }

  /** An error that ends the program. */
  error(error: IpftError): void {
    const [first = '', ...rest] = error.message.split('\n');
    this.line(`${this.paint('ipft:', 'red', 'bold')} ${this.#wrap(first)}`);
    for (const line of rest) this.line(line);
    if (error.hint !== undefined) this.line(`${' '.repeat(INDENT)}${this.#wrap(error.hint)}`);
  }

  warn(text: string): void {
    const WORD = 'warning:';
    this.line(`ipft: ${this.paint(WORD, 'yellow', 'bold')}${this.#wrap(`${WORD} ${text}`).slice(WORD.length)}`);
  }

  /** What stands behind the indent, or behind `ipft: `. Where it is read by programs, a message is one line. */
  #wrap(text: string): string {
    if (!this.#isTerminal) return text;
    return wrap(text, Math.max(LEAST_ROOM, (process.stderr.columns || DEFAULT_COLUMNS) - INDENT), INDENT);
  }

  #eraseStatus(): string {
    const erase = this.#status === '' ? '' : '\r\x1b[K';
    this.#status = '';
    return erase;
  }
}
