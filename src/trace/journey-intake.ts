/** Makes journeys of the records of a source. */
import type { Places } from '../base/places.js';
import type { Reading, RecordSource, SourceEnd } from '../base/record-source.js';
import type { Choice } from '../journey/choice.js';
import type { TargetFilter } from '../journey/target-filter.js';
import { type EventSink, JourneyTracker } from '../journey/tracker.js';
import type { Intake } from './run.js';

export class JourneyIntake implements Intake {
  readonly tracker: JourneyTracker;
  readonly #choice: Choice | undefined;

  /**
   * @param choice the choice of journeys that the sink shows; undefined if it shows all
   * @param filter the choice of functions whose events it gets
   */
  constructor(sink: EventSink, places: Places, choice?: Choice, filter?: TargetFilter) {
    this.tracker = new JourneyTracker(choice?.looksAtEvents ? lookingSink(sink, choice) : sink, places, filter);
    this.#choice = choice;
  }

  read(source: RecordSource, limit: number): Reading {
    const reading = source.read(this.tracker, limit);
    this.tracker.settle(reading.upToNs);
    return reading;
  }

  finish({ living, atNs }: SourceEnd): void {
    this.tracker.finish(living, atNs);
  }

  /** The number of ended journeys among those that are shown. */
  get ended(): number {
    return this.#choice?.taken ?? this.tracker.journeys;
  }

  get over(): number | undefined {
    return this.#choice ? undefined : this.tracker.over;
  }
}

/** Has the choice look at each event before the sink gets it. */
function lookingSink(sink: EventSink, choice: Choice): EventSink {
  return {
    get hasRoom() {
      return sink.hasRoom;
    },
    event(event, journey) {
      choice.look(event, journey);
      sink.event(event, journey);
    },
    ended: (journey) => sink.ended(journey),
  };
}
