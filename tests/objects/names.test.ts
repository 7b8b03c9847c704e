/** Names of the tracer's objects, which an extension is linked with. */
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parseElf } from '../../src/bytecode/elf.js';
import { unpackObjects } from '../../src/sys/own-objects.js';

const OBJECTS = new URL('../../dist/bpf/', import.meta.url);
/** The extension's function, and the kernel's own. */
const SHARED = [
  ...['module', 'bpf_rdonly_cast', 'bpf_session_cookie', 'bpf_session_is_return'],
  ...['bpf_prog_active', 'current_kprobe'],
];

test.each(readdirSync(OBJECTS))('%s: an extension can use any name but those that begin with ipft_', (file) => {
  for (const [object, bytes] of unpackObjects(new URL(file, OBJECTS))) {
    const names = parseElf(bytes)
      .symbols.filter(({ binding }) => binding !== 'local')
      .map(({ name }) => name);
    expect(names.length, object).toBeGreaterThan(0);
    expect(
      names.filter((name) => !/^(__)?ipft_/.test(name) && !SHARED.includes(name)),
      object,
    ).toEqual([]);
  }
});
