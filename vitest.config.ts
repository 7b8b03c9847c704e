import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { measurePatience } from './tests/support/patience.js';

/** Changes the kernel until the next boot: it comes last. */
const LOCKDOWN = 'tests/vm/lockdown.test.ts';
/** One kernel is enough, and it needs what `npm test` has packed. */
const PACKAGE = 'tests/vm/package.test.ts';
/** Shows a freshly booted machine: modules that other tests load (connection tracking) would be in its traces. */
const DOCS = 'tests/vm/docs.test.ts';
/** Tests of behaviour that is the same on all kernels: one kernel is enough. */
const SAME = [
  'answers-same',
  'builtin-fields-same',
  'cache',
  'command-same',
  'count-same',
  'command-line',
  'expressions-same',
  'extension-same',
  'library',
  'many-packets',
  'modules',
  'mark-help',
  'live-same',
  'pcapng-same',
  'places',
  'process',
  'record-same',
  'script-same',
  'trace-same',
  'ui-same',
  'wireshark-same',
].map((name) => `tests/vm/${name}.test.ts`);
class LockdownLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLast = ({ moduleId }: TestSpecification) => moduleId.endsWith(LOCKDOWN);
    const sorted = await super.sort(files);
    return [...sorted.filter((file) => !isLast(file)), ...sorted.filter(isLast)];
  }
}

/** The time limits end tests that hang, never those that are slow. A test may wait for several conditions. */
const patienceMs = measurePatience();
const patience = {
  testTimeout: 3 * patienceMs,
  hookTimeout: 3 * patienceMs,
  expect: { poll: { timeout: patienceMs } },
  provide: { patienceMs },
};
const setupFiles = ['tests/support/seed.ts'];
/** A project of its own; that its own runner finds its tests is in tests/package, that they pass is seen in a guest. */
const EXAMPLE = {
  include: ['examples/library/*.test.ts'],
  setup: 'tests/vm/library-example.ts',
  alias: { ipft: fileURLToPath(new URL('dist/index.js', import.meta.url)) },
};
/** One emulated machine, one trace at a time; one process for all files, since starting it takes seconds there. */
const vm = { ...patience, fileParallelism: false, isolate: false };

/**
 * `unit` runs anywhere; `objects` runs the built ipft on object files, with clang and libbpf; `package` packs and
 * installs it; `browser` opens pages in Chromium; `vm` and those that begin so run as root in a guest each (`scripts/vm`), and trace real
 * packets; scripts/test.js tells on which kernels.
 * No cache and no watcher: in a guest the sources are read-only.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LockdownLast },
    projects: [
      {
        test: {
          name: 'unit',
          // Pure code needs no process of its own for each file: that takes as long as the tests.
          ...{ pool: 'threads', isolate: false },
          ...patience,
          setupFiles,
          include: [
            ...['src/**/*.test.ts', 'scripts/**/*.test.ts', 'ui/src/**/*.test.ts', 'tests/recording/**/*.test.ts'],
            'tests/wireshark/**/*.test.ts',
          ],
          environment: 'node',
        },
      },
      { test: { name: 'objects', include: ['tests/objects/**/*.test.ts'], ...patience, setupFiles } },
      { test: { name: 'browser', include: ['tests/browser/**/*.test.ts'], ...patience, fileParallelism: false } },
      { test: { name: 'guest', include: ['tests/guest/**/*.test.ts'], ...patience } },
      { test: { name: 'package', include: ['tests/package/**/*.test.ts'], ...patience } },
      { test: { ...vm, name: 'vm', include: ['tests/vm/**/*.test.ts'], exclude: [DOCS, PACKAGE, ...SAME] } },
      {
        test: { ...vm, name: 'vm-same', include: [...SAME, ...EXAMPLE.include], globalSetup: EXAMPLE.setup },
        resolve: { alias: EXAMPLE.alias },
      },
      { test: { ...vm, name: 'vm-docs', include: [DOCS] } },
      { test: { ...vm, name: 'vm-package', include: [PACKAGE] } },
    ],
  },
});
