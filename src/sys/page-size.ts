/** The size of a page of memory in bytes: 4 KiB on x86-64; arm64 kernels have 4, 16 or 64. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export const PAGE_SIZE = loadPageSize();

/** The auxiliary vector tells (AT_PAGESZ = 6: `linux/auxvec.h`). */
function loadPageSize(): number {
  let vector: Buffer;
  try {
    vector = readFileSync('/proc/self/auxv');
  } catch {
    // /proc is hidden. x86-64 has pages of one size.
    return process.arch === 'x64' ? 4096 : Number(execFileSync('getconf', ['PAGESIZE'], { encoding: 'latin1' }));
  }
  for (let at = 0; at + 16 <= vector.length; at += 16) {
    if (vector.readBigUInt64LE(at) === 6n) return Number(vector.readBigUInt64LE(at + 8));
  }
  return 4096;
}
