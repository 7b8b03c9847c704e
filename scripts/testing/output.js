/** What runs of vitest print: a part is shown at once, the rest is kept for the case that something failed. */

/** Begins a line that is shown at once. */
export const FILE_MARK = '>>> ';
/** So do lines of the guest's own: that it did not boot, for example. */
const GUEST_MARK = 'vm: ';

/** Takes what a run prints, in whatever pieces it comes, and tells which lines are to be shown at once. */
export class RunOutput {
  /** Of each stream, the beginning of a line that has not ended. */
  #open = new Map();
  #kept = '';
  #show;

  /** @param {(line: string) => void} show is called with each line that is to be shown at once, without its end */
  constructor(show) {
    this.#show = show;
  }

  /** @param {'stdout' | 'stderr'} stream @param {string} text */
  take(stream, text) {
    const lines = `${this.#open.get(stream) ?? ''}${text}`.split('\n');
    this.#open.set(stream, lines.pop() ?? '');
    for (const line of lines) this.#line(line);
  }

  /** No more comes. */
  end() {
    for (const line of this.#open.values()) if (line !== '') this.#line(line);
    this.#open.clear();
  }

  /** @param {string} line */
  #line(line) {
    const isOfFile = line.startsWith(FILE_MARK);
    if (isOfFile) this.#show(line.slice(FILE_MARK.length));
    else if (line.startsWith(GUEST_MARK)) this.#show(line);
    if (!isOfFile) this.#kept += `${line}\n`;
  }

  /** All but the lines of files. */
  get kept() {
    return this.#kept;
  }
}

/** `scripts/vm` ends with it when the guest could not run, or died. */
const GUEST_DIED = 125;

/**
 * Whether a guest died of its emulation: the kernel patches its own code, and the emulator, rarely, runs the
 * breakpoint that it has put there for the time. No real CPU does, and it says nothing about what was tested.
 * @param {number | null} status of `scripts/vm`
 * @param {string} output its stderr, with the guest's console
 */
export function diedOfEmulation(status, output) {
  return status === GUEST_DIED && /^.*\bOops: int3\b|^.*\bint3: 0000 \[#\d+\]/m.test(output);
}

/**
 * Counts a report of vitest in. A run that left none, or failed outside of a test, counts as a failure.
 * @typedef {{ passed: number, failed: number, skipped: number, names: string[] }} Total names: of what failed
 * @param {Total} total
 * @param {string} label of the run
 * @param {string | undefined} report JSON
 */
export function addReport(total, label, report) {
  if (report === undefined) {
    total.failed++;
    total.names.push(`${label}: it ended before its tests did`);
    return;
  }
  const result = JSON.parse(report);
  total.passed += result.numPassedTests;
  total.failed += result.numFailedTests;
  total.skipped += result.numPendingTests + result.numTodoTests;
  for (const { name, assertionResults } of result.testResults) {
    const failed = assertionResults.filter((/** @type {{ status: string }} */ { status }) => status === 'failed');
    for (const { fullName } of failed) total.names.push(`${label}: ${name}: ${fullName}`);
  }
  if (!result.success && result.numFailedTests === 0) {
    total.failed++;
    total.names.push(`${label}: it failed outside of a test`);
  }
}
