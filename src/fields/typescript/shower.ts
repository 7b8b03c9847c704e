/** Asks the thread of an extension for what its `show` functions make of values, and waits for the answers. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import type { ComputedValue, FieldValue } from '../../base/field.js';
import { printable } from '../../base/printable.js';
import type { ModuleProblem, ShowAnswer, ShowQuestion, ThreadRequest } from './messages.js';
import { ModuleError } from './problem.js';

/** How long a function may take, in milliseconds. Nothing else is done meanwhile. */
export const SHOW_MS = 1000;
/** How many answers are kept for a field. Most fields have few values. */
const MAX_KEPT = 4096;

/** Shows what was read. Equal values are shown alike: a function is asked once for each. */
export class Shower {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #answered = new Int32Array(new SharedArrayBuffer(4));
  readonly #kept = new Map<string, Map<FieldValue, ComputedValue | undefined>>();
  readonly #explain: (field: string, problem: ModuleProblem) => ModuleError;
  readonly #about: string;
  readonly #timeoutMs: number;
  #isEnded = false;

  /** Takes the thread over, which ends with it. @param about the extension, in messages */
  constructor(
    worker: Worker,
    about: string,
    explain: (field: string, problem: ModuleProblem) => ModuleError,
    timeoutMs = SHOW_MS,
  ) {
    this.#worker = worker;
    this.#about = about;
    this.#explain = explain;
    this.#timeoutMs = timeoutMs;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const request: ThreadRequest = { port: port2, answered: this.#answered };
    worker.postMessage(request, [port2]);
    worker.on('error', () => {});
    // The process ends without it.
    worker.unref();
    port1.unref();
  }

  /**
   * @returns undefined where the field is to be left out
   * @throws ModuleError if the function throws, gives nothing that can be shown, or does not end
   */
  show(field: string, value: FieldValue): ComputedValue | undefined {
    const kept = this.#kept.get(field) ?? new Map<FieldValue, ComputedValue | undefined>();
    this.#kept.set(field, kept);
    if (kept.has(value)) return kept.get(value);
    const shown = this.#ask({ field, value });
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(value, shown);
    return shown;
  }

  close(): void {
    this.#isEnded = true;
    this.#port.close();
    void this.#worker.terminate();
  }

  #ask(question: ShowQuestion): ComputedValue | undefined {
    const about = `${this.#about}: show of the field ${printable(question.field)}`;
    if (this.#isEnded) throw new ModuleError(`${about} has been ended`, undefined);
    Atomics.store(this.#answered, 0, 0);
    this.#port.postMessage(question);
    Atomics.wait(this.#answered, 0, 0, this.#timeoutMs);
    const answer = receiveMessageOnPort(this.#port)?.message as ShowAnswer | undefined;
    if (!answer) {
      this.close();
      throw new ModuleError(
        `${about} has not ended after ${this.#timeoutMs / 1000} s`,
        'it is called for each new value, and must be quick',
      );
    }
    if ('problem' in answer) throw this.#explain(question.field, answer.problem);
    return answer.value;
  }
}
