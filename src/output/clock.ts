/**
 * Converts timestamps. The kernel's are nanoseconds of CLOCK_MONOTONIC, which starts with the machine; others are these
 * with a constant added. Pure: the caller knows the constant.
 *
 * As a number (JSON) a time is nanoseconds in any case. As text it is the same, or for `wall` local time of day:
 * `2026-11-23T04:14:46.123456789`.
 */
import { belowBillion, billions } from '../base/billion.js';
import { highHalf, lowHalf } from '../base/halves.js';
import { encode, type Fragment, type TextBuffer } from '../base/text-buffer.js';

const NS_PER_SECOND = 1_000_000_000n;
/** `2026-11-23T04:14:46.123456789` */
const TIME_OF_DAY_WIDTH = 29;
/** `2026-11-23` */
const DAY_WIDTH = 10;
/** `04:14:46.123456` */
const SHORT_TIME_OF_DAY_WIDTH = 15;
/** The digits of seconds: those of a day. */
const SECOND_DIGITS = 5;
const POINT = 0x2e;
const SPACE = 0x20;

export class Clock {
  /** The constant, in two halves, modulo 2^64. */
  readonly #low: number;
  readonly #high: number;
  readonly #offsetNs: bigint;
  /** Whether text is a time of day. */
  readonly #isTimeOfDay: boolean;
  /** The text of the last second that was written, which the next time usually shares. */
  #second = -1;
  #secondText: Fragment = encode('');
  /** The same without the day. */
  #timeText: Fragment = encode('');

  /** @param offsetNs the constant to add */
  private constructor(offsetNs: bigint, isTimeOfDay: boolean) {
    this.#offsetNs = offsetNs;
    this.#low = lowHalf(offsetNs);
    this.#high = highHalf(offsetNs);
    this.#isTimeOfDay = isTimeOfDay;
  }

  /** Nanoseconds since the machine's start: the kernel's own. */
  static mono(): Clock {
    return new Clock(0n, false);
  }

  /** Nanoseconds since a time of CLOCK_MONOTONIC, which no shown time may precede. */
  static since(beginNs: bigint): Clock {
    return new Clock(-beginNs, false);
  }

  /** Time of day. @param offsetNs CLOCK_REALTIME less CLOCK_MONOTONIC */
  static wall(offsetNs: bigint): Clock {
    return new Clock(offsetNs, true);
  }

  /** The width of a time as text, at most. */
  get textWidth(): number {
    return this.#isTimeOfDay ? TIME_OF_DAY_WIDTH : 20;
  }

  /** Appends nanoseconds, exactly. @param low the halves of a timestamp of the kernel */
  writeNumber(out: TextBuffer, low: number, high: number): void {
    const sum = low + this.#low;
    out.unsigned64(sum >>> 0, (high + this.#high + (sum > 0xffffffff ? 1 : 0)) >>> 0);
  }

  /** Appends microseconds, exactly: the nanoseconds stand behind a point. */
  writeMicroseconds(out: TextBuffer, low: number, high: number): void {
    const sum = low + this.#low;
    const sumLow = sum >>> 0;
    const seconds = billions(sumLow, (high + this.#high + (sum > 0xffffffff ? 1 : 0)) >>> 0);
    const rest = belowBillion(sumLow, seconds);
    const microseconds = Math.floor(rest / 1000);
    if (seconds > 0) out.unsigned(seconds);
    out.unsigned(microseconds, seconds > 0 ? 6 : 1);
    out.byte(POINT);
    out.unsigned(rest - microseconds * 1000, 3);
  }

  /** Appends seconds with six digits behind the point, right-aligned; of a time of day the day is left out. */
  writeSeconds(out: TextBuffer, low: number, high: number): void {
    const sum = low + this.#low;
    const sumLow = sum >>> 0;
    const second = billions(sumLow, (high + this.#high + (sum > 0xffffffff ? 1 : 0)) >>> 0);
    if (this.#isTimeOfDay) {
      this.#setSecond(second);
      out.bytes(this.#timeText);
    } else {
      for (let limit = 10, digits = SECOND_DIGITS; digits > 1; digits--, limit *= 10)
        if (second < limit) out.byte(SPACE);
      out.unsigned(second);
      out.byte(POINT);
    }
    out.unsigned(Math.floor(belowBillion(sumLow, second) / 1000), 6);
  }

  /** The width of what `writeSeconds` appends, for seconds of up to five digits. */
  get secondsWidth(): number {
    return this.#isTimeOfDay ? SHORT_TIME_OF_DAY_WIDTH : SECOND_DIGITS + 7;
  }

  /** The day of a time of day, as `2026-11-23`; undefined for other times. */
  dayOf(monotonicNs: bigint): string | undefined {
    return this.#isTimeOfDay ? this.format(monotonicNs).slice(0, DAY_WIDTH) : undefined;
  }

  /** Converts a time that is a bigint. */
  convert(monotonicNs: bigint): bigint {
    return monotonicNs + this.#offsetNs;
  }

  /** Appends a time for people. @param low the halves of a timestamp of the kernel */
  writeText(out: TextBuffer, low: number, high: number): void {
    if (!this.#isTimeOfDay) {
      this.writeNumber(out, low, high);
      return;
    }
    const sum = low + this.#low;
    const sumLow = sum >>> 0;
    const second = billions(sumLow, (high + this.#high + (sum > 0xffffffff ? 1 : 0)) >>> 0);
    this.#setSecond(second);
    out.bytes(this.#secondText);
    out.unsigned(belowBillion(sumLow, second), 9);
  }

  #setSecond(second: number): void {
    if (second === this.#second) return;
    this.#second = second;
    const text = formatLocalSecond(second);
    this.#secondText = encode(`${text}.`);
    this.#timeText = encode(`${text.slice(DAY_WIDTH + 1)}.`);
  }

  /** A time for people, from a bigint. */
  format(monotonicNs: bigint): string {
    const time = this.convert(monotonicNs);
    if (!this.#isTimeOfDay) return String(time);
    return `${formatLocalSecond(Number(time / NS_PER_SECOND))}.${String(time % NS_PER_SECOND).padStart(9, '0')}`;
  }
}

/** Formats a second since the Unix epoch as `2026-11-23T04:14:46`, in the time zone of this process. */
function formatLocalSecond(second: number): string {
  const date = new Date(second * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = [String(date.getFullYear()).padStart(4, '0'), two(date.getMonth() + 1), two(date.getDate())].join('-');
  return `${day}T${[date.getHours(), date.getMinutes(), date.getSeconds()].map(two).join(':')}`;
}
