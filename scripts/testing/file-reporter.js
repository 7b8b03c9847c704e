/** A reporter for vitest, beside its own: a line for each file of tests as it ends. */
import { FILE_MARK } from './output.js';

export default class FileReporter {
  /** @param {import('vitest/node').TestModule} module */
  onTestModuleEnd(module) {
    const counts = { passed: 0, failed: 0, skipped: 0, pending: 0 };
    for (const test of module.children.allTests()) counts[test.result().state]++;
    // An error outside of a test fails the file.
    if (module.state() === 'failed' && counts.failed === 0) counts.failed++;
    const parts = Object.entries(counts).flatMap(([state, count]) => (count > 0 ? [`${count} ${state}`] : []));
    const seconds = Math.round(module.diagnostic().duration / 1000);
    process.stdout.write(`${FILE_MARK}${module.relativeModuleId}: ${parts.join(', ')}, ${seconds} s\n`);
  }
}
