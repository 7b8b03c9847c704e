/** Libraries that are called libpcap, and are not it, or are too old. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';

const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
const HINT = '      install libpcap 1.8 or later: the package is libpcap0.8 or libpcap0.8t64 on Debian and Ubuntu, ';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ipft-test-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** A library with all functions of libpcap's that are called, which tells this version. */
const library = (version: string) => `
  const char *pcap_lib_version(void) { return ${version}; }
  void *pcap_open_dead(void) { return 0; }
  int pcap_compile(void) { return -1; }
  const char *pcap_geterr(void) { return 0; }
  void pcap_freecode(void) {}
  void pcap_close(void) {}`;

test.each([
  { what: 'an empty file', bytes: '', says: /libpcap\.so\.0\.8: file too short$/ },
  { what: 'a text', bytes: 'text '.repeat(1000), says: /libpcap\.so\.0\.8: invalid ELF header$/ },
  { what: 'another library', source: 'int other;', says: /: it is not libpcap: .*'pcap_lib_version'/ },
  {
    what: 'an old one',
    source: library('"libpcap version 1.7.4"'),
    says: /: it has version 1\.7, and 1\.8 is needed$/,
  },
  { what: 'one without a version', source: library('0'), says: /: it is not libpcap: it tells no version$/ },
  { what: 'one that opens nothing', source: library('"libpcap version 1.10.3"'), says: /: pcap_open_dead failed$/ },
])('$what in place of libpcap', ({ bytes = '', source, says }) => {
  const file = join(directory, 'libpcap.so.0.8');
  writeFileSync(file, bytes);
  if (source) {
    execFileSync('clang', ['-shared', '-nostdlib', '-fPIC', '-x', 'c', '-', '-o', file], { input: source });
  }
  for (const args of [['tcp port 80'], ['--inner', 'tcp']]) {
    const env = { ...process.env, LD_LIBRARY_PATH: directory };
    const { status, stdout, stderr } = spawnSync(IPFT, args, { encoding: 'utf8', env });
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    const [problem = '', hint, ...more] = stderr.trimEnd().split('\n');
    expect(problem).toMatch(/^ipft: loading libpcap, which compiles expressions: /);
    expect(problem).toMatch(says);
    expect(hint).toContain(HINT);
    expect(more).toEqual([]);
  }
});
