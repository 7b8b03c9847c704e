/** The file of a recording as text, and what is known of it then. */
import { createJsonOutput } from '../../src/output/json.js';
import { createContext } from '../../src/output/output.js';
import { Recording } from '../../src/recording/recording.js';
import { JourneyIntake } from '../../src/trace/journey-intake.js';

/** @returns its events as lines of JSON without the numbers of journeys, and the lines of the journeys */
export function showEvents(path: string) {
  using recording = Recording.open(path);
  const output = createJsonOutput(createContext(recording), {});
  const intake = new JourneyIntake(output, recording.places);
  let text = '';
  while (!recording.isOver) {
    intake.read(recording, 4096);
    while (output.tick(0)) text += Buffer.from(output.take()).toString();
    text += Buffer.from(output.take()).toString();
  }
  intake.finish(recording.end());
  for (const piece of output.finish()) text += Buffer.from(piece).toString();
  const lines = text.split('\n').filter((line) => line !== '');
  const isJourney = (line: string) => line.startsWith('{"type":"journey"');
  const { carried, continues, endedEarly, facts } = recording;
  return {
    events: lines.filter((line) => !isJourney(line)).map((line) => line.replace(/"journey":\d+/, '')),
    journeys: lines.filter(isJourney),
    late: intake.tracker.late,
    ...{ carried, continues, endedEarly, facts },
  };
}
