import { defineConfig } from 'vitest/config';

/** What it does to the kernel can't be undone before the next boot: it has a guest of its own. */
const LOCKDOWN = 'tests/vm/lockdown.test.ts';
/** One kernel is enough, and it needs what `npm test` has packed. */
const PACKAGE = 'tests/vm/package.test.ts';
/** Shows what a fresh machine does: modules that other tests load (connection tracking) would be in its traces. */
const DOCS = 'tests/vm/docs.test.ts';
/** What no kernel does otherwise than others: one is enough. */
const SAME = ['cache', 'command-line', 'library', 'library-example', 'many-packets', 'mark-help'].map(
  (name) => `tests/vm/${name}.test.ts`,
);
/** One emulated machine, one trace at a time; a second there is a tenth of a second elsewhere. */
const vm = { fileParallelism: false, testTimeout: 120_000, hookTimeout: 120_000 };

/**
 * `unit` runs anywhere; `objects` runs the built ipft on object files, with clang and libbpf; `package` packs and
 * installs it; `vm` and those that begin so run as root in a guest each (`scripts/vm`), and trace real
 * packets; scripts/test.js tells on which kernels.
 * No cache and no watcher: in a guest the sources are read-only.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          // Pure code needs no process of its own for each file: that takes as long as the tests.
          ...{ pool: 'threads', isolate: false },
          testTimeout: 20_000,
          include: ['src/**/*.test.ts', 'scripts/**/*.test.ts'],
          environment: 'node',
        },
      },
      { test: { name: 'objects', include: ['tests/objects/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'guest', include: ['tests/guest/**/*.test.ts'], testTimeout: 300_000 } },
      { test: { name: 'package', include: ['tests/package/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { ...vm, name: 'vm', include: ['tests/vm/**/*.test.ts'], exclude: [LOCKDOWN, DOCS, PACKAGE, ...SAME] } },
      { test: { ...vm, name: 'vm-same', include: SAME } },
      { test: { ...vm, name: 'vm-docs', include: [DOCS] } },
      { test: { ...vm, name: 'vm-lockdown', include: [LOCKDOWN] } },
      { test: { ...vm, name: 'vm-package', include: [PACKAGE] } },
    ],
  },
});
