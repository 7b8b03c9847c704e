/** `openRecording`: from a file to a session that has ended. */
import { ExtensionError, UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';
import { arrangeParts } from '../recording/part-chains.js';
import { Recording } from '../recording/recording.js';
import type { EventOf, FieldSchema, FieldsOf, RecordedSession, RecordingOptions } from './api.js';
import { createCollector } from './collector.js';
import { checkRecordingOptions } from './options.js';
import { RecordedTrace } from './recorded-trace.js';
import { checkSchema, describeFields } from './schema.js';

/**
 * Opens a recording, as `ipft record` and `session.record` make it: a session of a trace that has ended. Needs neither
 * privileges nor Linux with BTF; the machine has to have the byte order of the one that was traced.
 *
 * ```ts
 * await using session = await openRecording('drops.ipft');
 * for await (const journey of session.journeys()) console.log(journey.outcome, journey.events.length);
 * ```
 *
 * @param path - the file, or consecutive files of one recording
 * @param options - how to read it
 * @returns the session; its file is read as loops take, and closed when all is read or the session is disposed of
 * @throws UsageError for options that make no sense
 * @throws IpftError `RECORDING` for a file that can't be read, or is no recording; one that is cut short or damaged behind
 * its header is read up to there, and `warnings` says so then
 * @throws ExtensionError where the recording has other fields than `options.fields`
 * @throws the reason of `signal`, when it is aborted
 */
export async function openRecording<const Schema extends FieldSchema = FieldSchema>(
  path: string | readonly string[],
  options: RecordingOptions<Schema> = {},
): Promise<RecordedSession<EventOf<'function_graph', FieldsOf<Schema>>>> {
  const opened = open(path, options);
  // The fields have the schema's types, which were compared with the recording's.
  return opened as unknown as RecordedSession<EventOf<'function_graph', FieldsOf<Schema>>>;
}

function open(path: unknown, options: unknown): RecordedTrace {
  const { files, fields: schema, maxEvents, signal } = checkRecordingOptions(path, options);
  signal.throwIfAborted();
  const recording = Recording.open(inOrder(files));
  try {
    const { fields } = recording.facts;
    if (schema) {
      if (!fields) throw new ExtensionError(`the events of the recording ${printable(files[0]!)} have no fields`);
      checkSchema(fields, schema);
    }
    const collector = createCollector(recording, schema && Object.keys(schema), maxEvents);
    return new RecordedTrace(recording, collector, describeFields(fields, schema), signal);
  } catch (error) {
    recording[Symbol.dispose]();
    throw error;
  }
}

/** @throws UsageError for files that are no consecutive parts of one recording, RECORDING for one that is none */
function inOrder(files: readonly string[]): readonly string[] {
  const [chain, ...others] = arrangeParts(files);
  if (chain && others.length === 0) return chain.paths;
  for (const path of files) Recording.open([path])[Symbol.dispose]();
  throw new UsageError(
    'openRecording needs consecutive parts of one recording, and these files are not',
    'open each recording by itself',
  );
}
