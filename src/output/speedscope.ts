/**
 * `-o speedscope`: the file format of speedscope.app: a profile for each journey, whose values are nanoseconds since it began. It
 * has calls, or steps, and nothing of what is known of them besides their names.
 *
 *     {"$schema":"https://www.speedscope.app/file-format-schema.json","exporter":"ipft VERSION","name":"Linux …","profiles":[
 *     {"type":"evented","name":"journey 1, …","unit":"nanoseconds","startValue":0,"endValue":N,"events":[
 *     {"type":"O","frame":N,"at":N},{"type":"C","frame":N,"at":N}]}
 *     ],"shared":{"frames":[{"name":"ip_rcv","file":"vmlinux"}]}}
 */
import { createEvent, type TraceEvent } from '../base/event.js';
import { highHalf, lowHalf } from '../base/halves.js';
import type { Journey } from '../base/journey.js';
import { jsonString, printable } from '../base/printable.js';
import { encode, TextBuffer } from '../base/text-buffer.js';
import type { CompleteJourney } from '../journey/assembler.js';
import { describeGap, describeOutcome } from '../journey/outcome.js';
import { describePacket } from '../packets/journey-packet.js';
import type { JourneyEncoder, OutputContext } from './output.js';
import { Strands, type StrandTaker, spanOf } from './strands.js';

/** The text that is enough to be handed out. */
const PIECE_BYTES = 1 << 18;

export class SpeedscopeEncoder implements JourneyEncoder, StrandTaker {
  readonly #context: OutputContext;
  readonly #text = new TextBuffer(1 << 19);
  readonly #event = createEvent();
  readonly #strands: Strands;
  /** The frame of each target, and the target of each frame. */
  readonly #frames: number[] = [];
  readonly #targets: number[] = [];
  /** The frames that are open in the strand that is being written. */
  readonly #open: number[] = [];
  #writing = 0;
  /** The number of the journey's strands that are known. */
  #count = 0;
  #beginLow = 0;
  #beginHigh = 0;
  #hasProfiles = false;
  #hasEvents = false;

  constructor(context: OutputContext) {
    const { origin } = context;
    this.#context = context;
    this.#strands = new Strands(this, context.hasReturns);
    const exporter = jsonString(printable(`ipft ${origin?.version ?? ''}`.trim()));
    const name = jsonString(printable(`Linux ${origin?.kernel ?? ''}`.trim()));
    this.#text.text(`{"$schema":"${SCHEMA}","exporter":${exporter},"name":${name},"profiles":[`);
  }

  get pendingBytes(): number {
    return this.#text.length;
  }

  take(): Uint8Array {
    return this.#text.take();
  }

  giveBack(bytes: Uint8Array): void {
    this.#text.giveBack(bytes);
  }

  isFull(): boolean {
    return this.#text.length >= PIECE_BYTES;
  }

  /** Writes one strand after the other, since the values of a profile only grow. */
  *journey(whole: CompleteJourney): Iterable<void> {
    const event = this.#event;
    const [beginNs, endNs] = spanOf(whole, event);
    [this.#beginLow, this.#beginHigh] = [lowHalf(beginNs), highHalf(beginNs)];
    this.#count = 1;
    for (this.#writing = 0; this.#writing < this.#count; this.#writing++) {
      this.#begin(whole.journey, endNs - beginNs);
      for (let position = 0; position < whole.count; position++) {
        whole.load(position, event);
        this.#strands.event(event);
        if (this.isFull()) yield;
      }
      this.#strands.end(lowHalf(endNs), highHalf(endNs));
      this.#text.text(']}');
    }
  }

  #begin(journey: Journey, durationNs: bigint): void {
    const packet = describePacket(journey.snapshots);
    const parts = [
      `journey ${journey.number}${this.#writing > 0 ? ', on another CPU at the same time' : ''}`,
      describeOutcome(journey, this.#context.names),
      describeGap(journey),
    ];
    const name = `${parts.filter((part) => part !== undefined).join(', ')}${packet ? `: ${packet.text}` : ''}`;
    this.#text.text(`${this.#hasProfiles ? ',' : ''}\n{"type":"evented","name":${jsonString(name)}`);
    this.#text.text(`,"unit":"nanoseconds","startValue":0,"endValue":${durationNs},"events":[`);
    this.#hasProfiles = true;
    this.#hasEvents = false;
  }

  addStrand(strand: number): void {
    this.#count = Math.max(this.#count, strand + 1);
  }

  open(strand: number, event: TraceEvent): void {
    if (strand !== this.#writing) return;
    const frame = this.#frames[event.target] ?? this.#addFrame(event.target);
    this.#open.push(frame);
    this.#write(OPEN, frame, event.timestampLow, event.timestampHigh);
  }

  close(strand: number, low: number, high: number): void {
    if (strand === this.#writing) this.#write(CLOSE, this.#open.pop()!, low, high);
  }

  /** There is nothing without a length. */
  returnAlone(): void {}

  #addFrame(target: number): number {
    const frame = this.#targets.length;
    this.#frames[target] = frame;
    this.#targets.push(target);
    return frame;
  }

  #write(type: ReturnType<typeof encode>, frame: number, low: number, high: number): void {
    const text = this.#text;
    if (this.#hasEvents) text.byte(COMMA);
    this.#hasEvents = true;
    text.bytes(type);
    text.unsigned(frame);
    text.bytes(AT);
    text.difference64(low, high, this.#beginLow, this.#beginHigh);
    text.byte(CLOSE_BRACE);
  }

  *finish(): Iterable<Uint8Array> {
    const { targets } = this.#context;
    const frames = this.#targets.map((target) => {
      const { name = '?', module = '?' } = targets[target] ?? {};
      return `{"name":${jsonString(printable(name))},"file":${jsonString(printable(module))}}`;
    });
    this.#text.text(`\n],"shared":{"frames":[${frames.join(',\n')}]}}\n`);
    yield this.#text.take();
  }
}

const SCHEMA = 'https://www.speedscope.app/file-format-schema.json';
const OPEN = encode('{"type":"O","frame":');
const CLOSE = encode('{"type":"C","frame":');
const AT = encode(',"at":');
const CLOSE_BRACE = 0x7d;
const COMMA = 0x2c;
