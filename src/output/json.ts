/**
 * `-o json`: one object a line for each event, in the order in which they are read:
 *
 *     {"packet_id":"0x…","timestamp":N,"processor_id":N,"module":"…","function":"…","is_return":false, FIELDS}
 *
 * A return has `duration_ns` behind `is_return`. `"partner":"lost"` is on an event whose entry or return is missing, and
 * `"skb_freed":true` on a return when the skb was freed during the call; then there are no fields.
 */
import type { TraceEvent } from '../base/event.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import { HeldCalls } from '../journey/held-calls.js';
import { type Output, type OutputContext, TargetNames } from './output.js';

export class JsonOutput implements Output {
  readonly #context: OutputContext;
  readonly #text = new TextBuffer(1 << 17);
  /** What stands between a line's processor_id and is_return, for each target. */
  readonly #names: TargetNames;
  readonly #held: HeldCalls | undefined;

  constructor(context: OutputContext) {
    this.#context = context;
    this.#names = new TargetNames(context.targets, encodeNames);
    if (context.hasReturns) {
      this.#held = new HeldCalls(context.dataSize, (event, partnerLost) => this.#write(event, partnerLost));
    }
  }

  take(event: TraceEvent): void {
    if (this.#held) this.#held.take(event);
    else this.#write(event, false);
  }

  #write(event: TraceEvent, partnerLost: boolean): void {
    const text = this.#text;
    text.bytes(PACKET_ID);
    text.hex64(event.skbLow, event.skbHigh);
    text.bytes(TIMESTAMP);
    text.unsigned64(event.timestampLow, event.timestampHigh);
    text.bytes(PROCESSOR_ID);
    text.unsigned(event.cpu);
    text.bytes(this.#names.get(event.target));
    if (event.isReturn) {
      text.bytes(RETURN);
      text.difference64(event.timestampLow, event.timestampHigh, event.entryLow, event.entryHigh);
    } else {
      text.bytes(FALSE);
    }
    if (partnerLost) text.bytes(PARTNER_LOST);
    if (event.skbFreed) text.bytes(SKB_FREED);
    if (event.hasFields) this.#context.fields?.json(text, event.data, event.dataOffset);
    text.bytes(END);
  }

  get pendingBytes(): number {
    this.#held?.release();
    return this.#text.length;
  }

  text(): Uint8Array {
    return this.#text.take();
  }

  *finish(): Iterable<Uint8Array> {
    this.#held?.finish();
    if (this.#text.length > 0) yield this.#text.take();
  }
}

function encodeNames(module: string, name: string): Uint8Array {
  return encode(`,"module":${JSON.stringify(module)},"function":${JSON.stringify(name)},"is_return":`);
}

const PACKET_ID = encode('{"packet_id":"');
const TIMESTAMP = encode('","timestamp":');
const PROCESSOR_ID = encode(',"processor_id":');
const RETURN = encode('true,"duration_ns":');
const FALSE = encode('false');
const PARTNER_LOST = encode(',"partner":"lost"');
const SKB_FREED = encode(',"skb_freed":true');
const END = encode('}\n');
