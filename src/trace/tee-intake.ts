/** Makes journeys of the records of a source; and, while there is a recorder, a recording of the same bytes. */
import type { Reading, RecordSource, SourceEnd } from '../base/record-source.js';
import type { Recorder } from '../recording/recorder.js';
import type { JourneyIntake } from './journey-intake.js';
import type { Intake } from './run.js';

export class TeeIntake implements Intake {
  readonly #journeys: JourneyIntake;
  #recorder: Recorder | undefined;

  constructor(journeys: JourneyIntake) {
    this.#journeys = journeys;
  }

  /** Records what is read from now on. */
  record(recorder: Recorder): void {
    recorder.decoded = this.#journeys.tracker;
    this.#recorder = recorder;
  }

  read(source: RecordSource, limit: number): Reading {
    if (!this.#recorder) return this.#journeys.read(source, limit);
    const reading = this.#recorder.read(source, limit);
    this.#journeys.tracker.settle(reading.upToNs);
    return reading;
  }

  finish(end: SourceEnd): void {
    this.#recorder?.finish(end);
    this.#journeys.finish(end);
  }

  get ended(): number {
    return this.#journeys.ended;
  }

  get over(): number | undefined {
    return this.#journeys.over;
  }
}
