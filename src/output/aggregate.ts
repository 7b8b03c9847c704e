/**
 * `-o aggregate`: a header, then for each packet a line `===` and its events by time. As C formats:
 *
 *     %-20s %3s %24s %32s                  header
 *     %-20u %03u %24s %32s ( FIELDS )      event; without an extension it ends after the function
 *
 * A name that is longer than its column is not cut.
 */
import type { TraceEvent } from '../base/event.js';
import { printable } from '../base/printable.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import { EventStore } from '../journey/event-store.js';
import type { Output, OutputContext } from './output.js';

const TIMESTAMP_WIDTH = 20;
const CPU_WIDTH = 3;
const MODULE_WIDTH = 24;
const FUNCTION_WIDTH = 32;
const PIECE_BYTES = 1 << 16;

const HEADER = `${'Timestamp'.padEnd(TIMESTAMP_WIDTH)} ${'CPU'.padStart(CPU_WIDTH)} ${'Module'.padStart(MODULE_WIDTH)} ${'Function'.padStart(FUNCTION_WIDTH)}\n`;

export class AggregateOutput implements Output {
  readonly #context: OutputContext;
  readonly #store: EventStore;
  readonly #text = new TextBuffer();
  /** Module and function of each target as they stand on a line. */
  readonly #names: Uint8Array[];

  constructor(context: OutputContext) {
    this.#context = context;
    this.#store = new EventStore(context.dataSize);
    this.#names = context.targets.map(({ module, name }) =>
      encode(`${printable(module).padStart(MODULE_WIDTH)} ${printable(name).padStart(FUNCTION_WIDTH)}`),
    );
  }

  take(event: TraceEvent): void {
    this.#store.add(event);
  }

  get pendingBytes(): number {
    return 0;
  }

  text(): Uint8Array {
    return NOTHING;
  }

  *finish(): Iterable<Uint8Array> {
    const text = this.#text;
    text.text(HEADER);
    const event = createEvent();
    for (const packet of this.#store.packets()) {
      text.bytes(SEPARATOR);
      for (const index of packet) {
        this.#store.load(index, event);
        this.#writeLine(event);
        if (text.length >= PIECE_BYTES) yield text.take();
      }
    }
    yield text.take();
  }

  #writeLine(event: TraceEvent): void {
    const text = this.#text;
    const begin = text.length;
    text.unsigned64(event.timestampLow, event.timestampHigh);
    text.padEnd(begin, TIMESTAMP_WIDTH);
    text.byte(SPACE);
    text.unsigned(event.cpu, CPU_WIDTH);
    text.byte(SPACE);
    text.bytes(this.#names[event.target] ?? UNKNOWN);
    if (this.#context.fields) {
      text.bytes(OPEN);
      this.#context.fields.text(text, event.data, event.dataOffset);
      text.bytes(CLOSE);
    }
    text.byte(LINE_FEED);
  }
}

function createEvent(): TraceEvent {
  const numbers = { skbLow: 0, skbHigh: 0, timestampLow: 0, timestampHigh: 0, target: 0, cpu: 0, dataOffset: 0 };
  return { ...numbers, isReturn: false, data: new DataView(new ArrayBuffer(0)) };
}

const NOTHING = new Uint8Array(0);
const SEPARATOR = encode('===\n');
const OPEN = encode(' ( ');
const CLOSE = encode(' )');
const UNKNOWN = encode(`${'?'.padStart(MODULE_WIDTH)} ${'?'.padStart(FUNCTION_WIDTH)}`);
const SPACE = 0x20;
const LINE_FEED = 0x0a;
