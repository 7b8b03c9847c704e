/** The floors of the benchmark (`programs/floor.bpf.c`): programs that do next to nothing, compiled for each backend. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ScriptError } from '../scripts/setup/script-error.js';

const SOURCE = fileURLToPath(new URL('programs/floor.bpf.c', import.meta.url));
const FLOORS = { empty: 0, record: 1, load: 2 };
/** The record of a floor is as large as the tracer's: with an extension 64 bytes more. */
const RECORD_BYTES = { empty: 24, record: 24, load: 88 };
const SECTIONS = {
  'kprobe-multi': ['-DKPROBE_SECTION="kprobe.multi"'],
  // Measured on kernels that can't read without a helper.
  kprobe: ['-DKPROBE_SECTION="kprobe"', '-DLOAD_BY_HELPER'],
  'fentry-multi': [],
};

/**
 * Compiles them, to `BACKEND-FLOOR.o`.
 * @param {string} work a directory
 */
export function compileFloors(work) {
  const headers = ['-idirafter', '/usr/include/x86_64-linux-gnu'];
  for (const [backend, section] of Object.entries(SECTIONS)) {
    for (const [floor, number] of Object.entries(FLOORS)) {
      const bytes = RECORD_BYTES[/** @type {keyof typeof RECORD_BYTES} */ (floor)];
      const args = ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-D__TARGET_ARCH_x86', ...section, ...headers];
      const { status, stderr } = spawnSync(
        'clang',
        [
          ...[...args, `-DFLOOR=${number}`, `-DRECORD_BYTES=${bytes}`],
          ...['-c', SOURCE, '-o', join(work, `${backend}-${floor}.o`)],
        ],
        { encoding: 'utf8' },
      );
      if (status !== 0) throw new ScriptError(`compiling the floor ${floor} failed:\n${stderr}`);
    }
  }
}
