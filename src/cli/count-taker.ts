/** Shows what is counted: by the kernel side, or of a recording. */
import { counted } from '../base/counted.js';
import type { Counts } from '../base/counts.js';
import type { IpftError } from '../base/errors.js';
import type { RecordSource } from '../base/record-source.js';
import { MAX_COUNTED } from '../fields/expression/count.js';
import { Clock } from '../output/clock.js';
import { CountOutput } from '../output/counts.js';
import type { Intake } from '../trace/run.js';
import { type ColorChoice, hasColor } from './color.js';
import type { Taker } from './live.js';
import { reportLosses } from './report.js';
import type { Terminal } from './terminal.js';
import { TextClient } from './text-client.js';
import { explainFailure, type Writer } from './writer.js';

/** How counts are shown. */
export interface CountView {
  readonly isJson: boolean;
  readonly color: ColorChoice;
  /** In milliseconds; undefined: the terminal's own, and elsewhere only at the end. */
  readonly intervalMs: number | undefined;
  /** Whether a terminal shows them while they grow: not where a program writes to it, too, or nothing grows. */
  readonly isWatched: boolean;
}

/** How often a terminal shows them, in milliseconds. */
const LIVE_MS = 1000;

/** What is counted, and how it is known. */
export interface CountedSource {
  readonly intake: Intake;
  /** The counts so far. */
  readonly read: () => Counts;
  /** The time from which losses are told, in nanoseconds of CLOCK_MONOTONIC. */
  readonly beganNs: bigint;
  /** What is known of losses by reading records; undefined where there are none. */
  readonly tracked?: Parameters<typeof reportLosses>[2] | undefined;
}

const NOTHING_LOST = { late: 0, gaps: 0, lostJourneys: 0 };

export class CountTaker implements Taker {
  readonly intake: Intake;
  readonly client: TextClient;
  readonly isForPrograms: boolean;
  readonly #source: CountedSource;
  readonly #output: CountOutput;
  readonly #terminal: Terminal;
  readonly #out: Writer;

  constructor(source: CountedSource, view: CountView, terminal: Terminal, out: Writer) {
    const { isJson, color, intervalMs, isWatched } = view;
    this.intake = source.intake;
    this.isForPrograms = isJson;
    this.#source = source;
    this.#terminal = terminal;
    this.#out = out;
    const isLive = out.isTerminal && !isJson && isWatched;
    const screen = {
      get columns() {
        return out.columns;
      },
      get lines() {
        return out.lines;
      },
      get written() {
        return terminal.told;
      },
    };
    this.#output = new CountOutput(source.read, {
      ...{ isJson, hasColor: hasColor(color, { isTTY: out.isTerminal }) },
      intervalMs: intervalMs ?? (isLive ? LIVE_MS : undefined),
      screen: isLive ? screen : undefined,
    });
    this.client = new TextClient(this.#output, out, terminal, { isLines: true });
  }

  /** What was counted so far, and what could not be. */
  get events(): number {
    const { total, valueless, uncounted } = this.#output.last ?? this.#source.read();
    return total + valueless + uncounted;
  }

  ending(ending: Promise<void>): Promise<void> {
    return this.client.ending(ending);
  }

  report(): void {
    const counts = this.#output.last;
    if (!counts) return;
    const { per, total, valueless, uncounted, rows } = counts;
    this.#terminal.line(`Counted ${counted(total, per)} in ${counted(rows.length, 'row')}`);
    if (valueless > 0) {
      const had = 'never had all values at the same call';
      this.#terminal.line(
        `${counted(valueless, 'packet')} more ${had}, and ${valueless === 1 ? 'is' : 'are'} in no row`,
      );
    }
    if (uncounted > 0) {
      this.#terminal.warn(
        `${counted(uncounted, per)} more had values beyond the ${MAX_COUNTED} that are counted apart; expressions with fewer values help`,
      );
    }
  }

  async close(): Promise<IpftError | undefined> {
    // A reader that was given up would be waited for without end.
    if (!this.client.isGivenUp) {
      await this.client.flush();
      await this.#out.end();
    }
    return this.problem;
  }

  /** The error if not all could be written so far. */
  get problem(): IpftError | undefined {
    return this.client.problem ?? explainFailure(this.#out);
  }

  reportLosses(source: RecordSource, isCut: boolean): boolean {
    const { beganNs, tracked = NOTHING_LOST } = this.#source;
    const clock = Clock.since(beganNs);
    const isWhole = reportLosses(source.losses(), source.coverage, tracked, clock, this.#terminal, isCut);
    return isWhole && !this.#output.last?.uncounted;
  }
}
