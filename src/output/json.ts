/**
 * `-o json`: one object a line for each event, in the order in which they are read:
 *
 *     {"packet_id":"0x…","timestamp":N,"processor_id":N,"module":"…","function":"…","is_return":false, FIELDS}
 */
import type { TraceEvent } from '../base/event.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import type { Output, OutputContext } from './output.js';

export class JsonOutput implements Output {
  readonly #context: OutputContext;
  readonly #text = new TextBuffer(1 << 17);
  /** What stands between a line's processor_id and is_return, for each target. */
  readonly #names: Uint8Array[];

  constructor(context: OutputContext) {
    this.#context = context;
    this.#names = context.targets.map(({ module, name }) => encodeNames(module, name));
  }

  take(event: TraceEvent): void {
    const text = this.#text;
    text.bytes(PACKET_ID);
    text.hex64(event.skbLow, event.skbHigh);
    text.bytes(TIMESTAMP);
    text.unsigned64(event.timestampLow, event.timestampHigh);
    text.bytes(PROCESSOR_ID);
    text.unsigned(event.cpu);
    text.bytes(this.#names[event.target] ?? UNKNOWN);
    text.bytes(event.isReturn ? TRUE : FALSE);
    this.#context.fields?.json(text, event.data, event.dataOffset);
    text.bytes(END);
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  text(): Uint8Array {
    return this.#text.take();
  }

  *finish(): Iterable<Uint8Array> {
    if (this.#text.length > 0) yield this.#text.take();
  }
}

function encodeNames(module: string, name: string): Uint8Array {
  return encode(`,"module":${JSON.stringify(module)},"function":${JSON.stringify(name)},"is_return":`);
}

const PACKET_ID = encode('{"packet_id":"');
const TIMESTAMP = encode('","timestamp":');
const PROCESSOR_ID = encode(',"processor_id":');
const UNKNOWN = encodeNames('?', '?');
const TRUE = encode('true');
const FALSE = encode('false');
const END = encode('}\n');
