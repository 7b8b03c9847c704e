/** The thread that executes an extension's module, compiles its functions, and answers for its `show` functions. */
import { parentPort, workerData } from 'node:worker_threads';
import type { ModuleField, ShowAnswer, ShowQuestion, ThreadInput, ThreadMessage, ThreadRequest } from '../messages.js';
import { compileFunction } from './compile.js';
import { describeProblem, type Executed, Linker } from './linker.js';
import { findExtension, type GivenExtension } from './placeholders.js';
import { lineOf, Problem } from './problem.js';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const MAX_FIELDS = 64;
const KEYS = ['fields', 'keep'];
const FIELD_KEYS = ['read', 'format', 'show'];
const EXAMPLE = 'export default extension({ fields: { len: (skb) => skb.len } })';

const tell = (message: ThreadMessage) => parentPort?.postMessage(message);

const shows = new Map<string, (value: unknown) => unknown>();
const linker = new Linker();
const { path } = workerData as ThreadInput;
try {
  tell({ type: 'begins' });
  const executed = await linker.load(path);
  tell(compileExtension(executed));
  // It would keep the thread from ending.
  if (shows.size > 0) answerQuestions();
} catch (error) {
  const isDeep = error instanceof RangeError && /call stack/.test(error.message);
  const problem = isDeep ? new Problem('it is nested too deep') : linker.explain(error, { path, text: '' });
  tell({ type: 'failed', problem: describeProblem(problem) });
}

function compileExtension({ module, exports }: Executed): ThreadMessage {
  const { syntax } = module;
  const refuse = (message: string, hint?: string) => new Problem(message, hint, syntax);
  if (!('default' in exports)) throw refuse('it has no default export', EXAMPLE);
  const given = findExtension(exports['default']);
  if (!given) throw refuse('its default export is not what extension() makes', EXAMPLE);
  const { fields, keep } = readSpec(given, refuse);
  const compile = (value: unknown, what: string) => {
    const { node } = compileFunction(linker.world, value, { module, what });
    const found = linker.world.locate(value, what)!;
    const { text, path: file } = found.module.syntax;
    const { line, column } = lineOf(text, found.syntax.node.start ?? 0);
    return { expression: node, file, line, column, text: (text.split('\n')[line - 1] ?? '').trim() };
  };
  const compiled = fields.map(
    ({ name, read, format, show }): ModuleField => ({
      ...compile(read, name),
      ...{ name, format, hasShow: show !== undefined },
    }),
  );
  for (const { name, show } of fields) if (show !== undefined) shows.set(name, show as (value: unknown) => unknown);
  const files = new Map(linker.world.modules.map(({ syntax: { path, text } }) => [path, text]));
  return { type: 'loaded', fields: compiled, keep: keep === undefined ? undefined : compile(keep, 'keep'), files };
}

/** Answers questions from now on. */
function answerQuestions(): void {
  parentPort?.once('message', ({ port, answered }: ThreadRequest) => {
    port.on('message', (question: ShowQuestion) => {
      port.postMessage(answer(question));
      Atomics.store(answered, 0, 1);
      Atomics.notify(answered, 0);
    });
  });
}

/** What a function makes of a value. */
function answer({ field, value }: ShowQuestion): ShowAnswer {
  try {
    const shown = shows.get(field)?.(value);
    if (shown === undefined || shown === null) return { value: undefined };
    if (['string', 'number', 'bigint', 'boolean'].includes(typeof shown)) return { value: shown as string };
    return {
      problem: describeProblem(
        new Problem(
          `it gives ${typeof shown === 'object' ? 'an object' : `a ${typeof shown}`}`,
          'a text, a number or a boolean can be shown',
        ),
      ),
    };
  } catch (error) {
    return { problem: describeProblem(linker.explain(error, { path, text: '' })) };
  }
}

interface SpecField {
  readonly name: string;
  readonly read: unknown;
  readonly format: string | undefined;
  readonly show: unknown;
}

/** Checks what `extension()` was given. */
function readSpec({ spec }: GivenExtension, refuse: (message: string, hint?: string) => Problem) {
  if (typeof spec !== 'object' || spec === null) throw refuse('extension() takes an object', EXAMPLE);
  const { fields, keep } = spec as { fields?: unknown; keep?: unknown };
  const wrong = Object.keys(spec).find((key) => !KEYS.includes(key));
  if (wrong !== undefined) throw refuse(`extension() knows no ${wrong}: it takes ${KEYS.join(' and ')}`);
  if (typeof fields !== 'object' || fields === null) throw refuse('extension() needs fields', EXAMPLE);
  const names = Object.keys(fields);
  if (names.length === 0 && keep === undefined) throw refuse('extension() has neither fields nor keep', EXAMPLE);
  if (names.length > MAX_FIELDS) throw refuse(`it has ${names.length} fields, and may have ${MAX_FIELDS}`);
  return { keep, fields: names.map((name) => readField(name, (fields as Record<string, unknown>)[name], refuse)) };
}

function readField(name: string, given: unknown, refuse: (message: string, hint?: string) => Problem): SpecField {
  if (!NAME.test(name)) {
    throw refuse(`a field can't be called '${name}'`, 'a name has letters, digits and _, and begins with no digit');
  }
  if (typeof given !== 'object' || given === null) return { name, read: given, format: undefined, show: undefined };
  const wrong = Object.keys(given).find((key) => !FIELD_KEYS.includes(key));
  if (wrong !== undefined) throw refuse(`the field ${name} has a ${wrong}: it may have ${FIELD_KEYS.join(', ')}`);
  const { read, format, show } = given as { read?: unknown; format?: unknown; show?: unknown };
  if (format !== undefined && typeof format !== 'string') throw refuse(`the format of the field ${name} is no text`);
  if (show !== undefined && typeof show !== 'function') throw refuse(`show of the field ${name} is no function`);
  return { name, read, format, show };
}
