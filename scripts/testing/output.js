/** The output of vitest's runs: some lines are shown at once, the rest is kept in case something fails. */

/** Begins a line that is shown at once. */
export const FILE_MARK = '>>> ';
/** Begins lines of the guest itself, which are shown at once, too: that it did not boot, for example. */
const GUEST_MARK = 'vm: ';

/** Takes the output of a run in pieces, and calls back for each line that is to be shown at once. */
export class RunOutput {
  /** The unfinished last line of each stream. */
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

  /** The run has ended. */
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

  /** All lines but those of files. */
  get kept() {
    return this.#kept;
  }
}

/** The status of `scripts/vm` when the guest could not run, or died. */
const GUEST_DIED = 125;

/**
 * Whether a guest died of an error of the emulator. The kernel patches its own code, and the emulator sometimes runs
 * the breakpoint that stands there meanwhile, which no real CPU does: such an error says nothing about the tests.
 * @param {number | null} status of `scripts/vm`
 * @param {string} output its stderr, with the guest's console
 */
export function diedOfEmulation(status, output) {
  return status === GUEST_DIED && /^.*\bOops: int3\b|^.*\bint3: 0000 \[#\d+\]/m.test(output);
}

/**
 * Adds a report of vitest to a total. A run without a report, or with an error outside of a test, counts as a failure.
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
