/**
 * `-o aggregate`: a header, then for each packet a line `===` and its events by time. As C formats:
 *
 *     %-20s %3s %24s %32s                  header
 *     %-20u %03u %24s %32s ( FIELDS )      event; without an extension it ends after the function
 *     %-20u %03u %24s %-64s ( FIELDS )     where returns are traced: `name() {` and `} 12.345us`, two spaces an open call
 *
 * A name that is longer than its column is not cut. Where a return has no fields, its line ends before them.
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { printable } from '../base/printable.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import { EventStore } from '../journey/event-store.js';
import { type Output, type OutputContext, TargetNames } from './output.js';

const TIMESTAMP_WIDTH = 20;
const CPU_WIDTH = 3;
const MODULE_WIDTH = 24;
const FUNCTION_WIDTH = 32;
const CALL_WIDTH = 64;
const INDENT = 2;
const PIECE_BYTES = 1 << 16;

const HEADER = `${'Timestamp'.padEnd(TIMESTAMP_WIDTH)} ${'CPU'.padStart(CPU_WIDTH)} ${'Module'.padStart(MODULE_WIDTH)} ${'Function'.padStart(FUNCTION_WIDTH)}\n`;

export class AggregateOutput implements Output {
  readonly #context: OutputContext;
  readonly #store: EventStore;
  readonly #text = new TextBuffer();
  /** Module and function of each target as they stand on a line of an entry. */
  readonly #names: TargetNames;
  readonly #modules: TargetNames;
  readonly #functions: TargetNames;

  constructor(context: OutputContext) {
    const { targets, dataSize, hasReturns } = context;
    this.#context = context;
    this.#store = new EventStore(dataSize, hasReturns);
    this.#names = new TargetNames(targets, (module, name) =>
      encode(`${printable(module).padStart(MODULE_WIDTH)} ${printable(name).padStart(FUNCTION_WIDTH)}`),
    );
    this.#modules = new TargetNames(targets, (module) => encode(`${printable(module).padStart(MODULE_WIDTH)} `));
    this.#functions = new TargetNames(targets, (_module, name) => encode(printable(name)));
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
      const lost = this.#context.hasReturns ? this.#store.findLostReturns(packet) : undefined;
      for (let position = 0; position < packet.length; position++) {
        this.#store.load(packet[position]!, event);
        this.#writeLine(event, lost?.[position] === 1);
        if (text.length >= PIECE_BYTES) yield text.take();
      }
    }
    yield text.take();
  }

  #writeLine(event: TraceEvent, returnLost: boolean): void {
    const text = this.#text;
    const begin = text.length;
    text.unsigned64(event.timestampLow, event.timestampHigh);
    text.padEnd(begin, TIMESTAMP_WIDTH);
    text.byte(SPACE);
    text.unsigned(event.cpu, CPU_WIDTH);
    text.byte(SPACE);
    const fields = event.hasFields ? this.#context.fields : undefined;
    if (this.#context.hasReturns) {
      text.bytes(this.#modules.get(event.target));
      const call = text.length;
      this.#writeCall(event, returnLost);
      if (fields) text.padEnd(call, CALL_WIDTH);
    } else {
      text.bytes(this.#names.get(event.target));
    }
    if (fields) {
      text.bytes(OPEN);
      fields.text(text, event.data, event.dataOffset);
      text.bytes(CLOSE);
    }
    text.byte(LINE_FEED);
  }

  #writeCall(event: TraceEvent, returnLost: boolean): void {
    const text = this.#text;
    text.repeat(SPACE, INDENT * event.depth);
    if (!event.isReturn) {
      text.bytes(this.#functions.get(event.target));
      text.bytes(returnLost ? ENTRY_ALONE : ENTRY);
      return;
    }
    text.bytes(RETURN);
    if (event.entryLost) {
      text.bytes(RETURN_ALONE);
      text.bytes(this.#functions.get(event.target));
    } else {
      writeMicroseconds(text, event);
    }
    if (event.skbFreed) text.bytes(FREED);
  }
}

/** How long a call took: `12.345us`. */
function writeMicroseconds(text: TextBuffer, event: TraceEvent): void {
  const borrow = event.timestampLow < event.entryLow ? 1 : 0;
  const low = (event.timestampLow - event.entryLow) >>> 0;
  const nanoseconds = (event.timestampHigh - event.entryHigh - borrow) * 0x100000000 + low;
  const microseconds = Math.floor(nanoseconds / 1000);
  text.unsigned(microseconds);
  text.byte(POINT);
  text.unsigned(nanoseconds - microseconds * 1000, 3);
  text.bytes(MICROSECONDS);
}

const NOTHING = new Uint8Array(0);
const SEPARATOR = encode('===\n');
const OPEN = encode(' ( ');
const CLOSE = encode(' )');
const ENTRY = encode('() {');
const ENTRY_ALONE = encode('() { lost return');
const RETURN = encode('} ');
const RETURN_ALONE = encode('lost entry of ');
const FREED = encode(' skb freed');
const MICROSECONDS = encode('us');
const POINT = 0x2e;
const SPACE = 0x20;
const LINE_FEED = 0x0a;
