/** `ipft check` with files that are no extension: one clear message, no crash, nothing left behind. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { ExtensionError, IpftError } from '../../src/base/errors.js';
import { link } from '../../src/capture/load.js';
import { compileExtension } from '../../src/fields/c/compile.js';
import { parseExtension } from '../../src/fields/c/extension.js';
import { combineFields } from '../../src/fields/field-set.js';
import { kprobeMulti } from '../../src/probes/kprobe-multi.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-objects-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

interface Checked {
  readonly status: number | null;
  readonly stderr: string;
  readonly stdout: string;
}

function check(files: readonly string[], env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Checked {
  // Its own, in which nobody else writes.
  const temporary = mkdtempSync(join(dir, 'temporary-'));
  const { status, stdout, stderr } = spawnSync(process.execPath, ['bin/ipft.js', 'check', ...options, ...files], {
    cwd: ROOT,
    env: { ...process.env, TMPDIR: temporary, ...env },
    encoding: 'utf8',
    timeout: 300_000,
    maxBuffer: 1 << 26,
  });
  expect(readdirSync(temporary)).toEqual([]);
  return { status, stdout, stderr };
}

function expectRefusal(result: Checked, message: string | RegExp, status = 1): void {
  expect(result.stderr).toMatch(
    message instanceof RegExp ? message : new RegExp(message.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')),
  );
  expect(result.stderr).not.toMatch(/^ +at |bug:/m);
  expect(result.status).toBe(status);
}

const file = (name: string, content: string | Uint8Array) => {
  const path = join(dir, name);
  writeFileSync(path, content);
  return path;
};

const HEAD = '#include <ipft/extension.h>\nstruct sk_buff;\n';
const EVENT = 'struct event { __u32 len; } __ipft_event_struct;\n';
const MODULE = '__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64]) { return 0; }\n';

describe('files that are no extension', () => {
  test('missing, a directory, a pipe, a wrong suffix', () => {
    expectRefusal(check([join(dir, 'missing.o')]), 'no such file');
    mkdirSync(join(dir, 'directory.c'));
    expectRefusal(check([join(dir, 'directory.c')]), 'no regular file');
    execFileSync('mkfifo', [join(dir, 'pipe.c')]);
    expectRefusal(check([join(dir, 'pipe.c')]), 'no regular file');
    expectRefusal(check([file('x.txt', '')]), 'must end in .c', 2);
    expectRefusal(check([join(file('file.o', ''), 'below.o')]), /reading the extension .*below\.o: no such file/);
    expectRefusal(check([join(dir, `${'n'.repeat(300)}.c`)]), /reading the extension .*n\.c: its name is too long/);
    truncateSync(file('large.o', ''), 1e9);
    expectRefusal(check([join(dir, 'large.o')]), 'it is larger than any extension (64M)');
  });

  test('empty, text, an object for another machine, one without BTF', () => {
    expectRefusal(check([file('empty.o', '')]), 'ELF at byte 0: ends within the header');
    expectRefusal(check([file('text.o', 'text\n'.repeat(50))]), 'does not begin with');
    expectRefusal(check([file('node.o', readFileSync('/bin/true'))]), /is for machine \d+, not for BPF/);
    const source = file('plain.bpf.c', HEAD + EVENT + MODULE);
    const flags = [
      '-target',
      'bpf',
      '-O2',
      '-idirafter',
      `/usr/include/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
    ];
    execFileSync('clang', [...flags, `-I${ROOT}/bpf/include`, '-c', source, '-o', join(dir, 'plain.o')]);
    expectRefusal(check([join(dir, 'plain.o')]), /has no BTF.*\n.*-g/);
  });

  test.each<[string, string, string | RegExp]>([
    ['no module', `${HEAD + EVENT}int x = 1;\n`, 'defines no function module'],
    ['module is a variable', `${HEAD}${EVENT}int module = 1;\n`, 'module is no function'],
    [
      'module is static',
      `${HEAD}${EVENT}static ${MODULE.replace('__hidden', '__attribute__((used))')}`,
      'module is static',
    ],
    [
      'other parameters',
      `${HEAD}${EVENT}__hidden int module(void *ctx) { return 0; }\n`,
      'takes 1 parameter, and must take 3',
    ],
    ['no event struct', HEAD + MODULE, 'there is no __ipft_event_struct'],
    ['an event struct of an int', `${HEAD}int __ipft_event_struct;\n${MODULE}`, 'is int, and must be a struct'],
    ['no members', `${HEAD}struct event {} __ipft_event_struct;\n${MODULE}`, 'has no members'],
    ['an empty file', '\n', 'the source declares nothing'],
    [
      "the tracer's section",
      `${HEAD}${EVENT}${MODULE}const volatile int z SEC(".rodata.ipft");\n`,
      'it has a section .rodata.ipft',
    ],
    [
      'too large',
      `${HEAD}struct event { __u8 a[1025]; } __ipft_event_struct;\n${MODULE}`,
      /has 1025 bytes, .* room for 1024/,
    ],
    ['flexible array', `${HEAD}struct event { int n; int a[]; } __ipft_event_struct;\n${MODULE}`, 'without elements'],
    [
      'unknown tag',
      `${HEAD}struct event { int n __ipft_fmt("octal"); } __ipft_event_struct;\n${MODULE}`,
      'unknown tag ipft:fmt:octal',
    ],
    [
      'a tag that does not fit',
      `${HEAD}struct event { int n __ipft_fmt_mac; } __ipft_event_struct;\n${MODULE}`,
      'struct event, member n: the tag ipft:fmt:mac does not fit the type int',
    ],
    [
      'a reference to nothing',
      `${HEAD}struct event { int n __ipft_fmt_enum(x); } __ipft_event_struct;\n${MODULE}`,
      "no variable 'x'",
    ],
    [
      "the tracer's own names",
      `${HEAD}${EVENT}${MODULE}int ipft_events = 1;\n`,
      "it defines ipft_events: names that begin with ipft_ are the tracer's",
    ],
    [
      'a license that is not the GPL',
      `${HEAD}${EVENT}${MODULE}char l[] SEC("license") = "MIT";\n`,
      "license 'MIT' is not compatible",
    ],
    [
      'a function that is nowhere',
      `${HEAD}${EVENT}extern int nowhere(void);\n__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64]) { return nowhere(); }\n`,
      'it uses nowhere(), which no file defines',
    ],
    [
      'an event for data',
      `${HEAD}${EVENT}${MODULE.replace('__u8 data[64]', 'struct event *data')}`,
      'has struct event * for its parameter 3, which must be __u8 *',
    ],
    [
      'a program for module',
      `${HEAD}${EVENT}SEC("kprobe") ${MODULE.replace('__hidden', '')}`,
      'module stands in the section kprobe',
    ],
    ['a compile error', `${HEAD}${EVENT}int oops\n`, /error: .*\n[\s\S]*failed with exit status 1/],
  ])('%s', (name, source, message) => {
    expectRefusal(check([file(`${name.replaceAll(/\W/g, '-')}.bpf.c`, source)]), message);
  });

  test('several files: two modules, two event structs, none', () => {
    const whole = file('whole.bpf.c', HEAD + EVENT + MODULE);
    expectRefusal(check([whole, file('again.bpf.c', HEAD + MODULE)]), 'module is defined in');
    expectRefusal(
      check([whole, file('struct.bpf.c', `${HEAD}${EVENT}int x = 1;\n`)]),
      '__ipft_event_struct is declared in',
    );
    expectRefusal(
      check([file('one.bpf.c', HEAD + MODULE), file('two.bpf.c', `${HEAD}int y = 1;\n`)]),
      'there is no __ipft_event_struct',
    );
  });

  test('several files: one twice, a function twice', () => {
    const whole = file('main.bpf.c', HEAD + EVENT + MODULE);
    const twice = [1, 2].map((n) =>
      file(`twice-${n}.bpf.c`, `${HEAD}__hidden int twice(int x) { return ${n} * x; }\n`),
    );
    expectRefusal(check([whole, whole]), `${whole} is given twice`);
    expectRefusal(check([whole, `${dir}/./main.bpf.c`]), `is given as ${whole} and as ${dir}/./main.bpf.c`);
    expectRefusal(check([whole, ...twice]), `twice() is defined in ${twice[0]} and in ${twice[1]}`);
  });
});

describe('files that look odd, and are an extension', () => {
  const READS = MODULE.replace('return 0;', 'return !ctx;');
  test.each([
    [
      'a ctx of any pointer type',
      `${HEAD}struct pt_regs;\n${EVENT}${READS.replace('void *ctx', 'struct pt_regs *ctx')}`,
    ],
    ['a ctx that is a pointer to numbers', `${HEAD}${EVENT}${READS.replace('void *ctx', 'const __u64 *ctx')}`],
    [
      "the C library's integers",
      `#include <stdint.h>\n#include <stddef.h>\n${HEAD}struct event { uint64_t a; uintptr_t b; int_fast32_t c; } __ipft_event_struct;
_Static_assert(sizeof(uintptr_t) == sizeof(void *) && sizeof(size_t) == 8, "64 bits");\n${MODULE}`,
    ],
  ])('%s', (name, source) => {
    const result = check([file(`${name.replaceAll(/\W/g, '-')}.bpf.c`, source)]);
    expect(result.stderr).toMatch(/^kprobe: links/m);
    expect(result.status).toBe(0);
  });
});

describe('compilers that do not do their work', () => {
  const source = () => file('sound.bpf.c', HEAD + EVENT + MODULE);
  test.each<[string, string, string, string[]]>([
    ['does not exist', '/nonexistent/cc', "/nonexistent/cc can't be run", []],
    ['says nothing and fails', 'false', 'false failed with exit status 1', []],
    ['says nothing and makes nothing', 'true', 'true wrote no object', []],
    ['writes something else', 'echo', 'echo wrote something else than an object', []],
    ['floods', 'yes >&2;', 'did not end within 1 s', ['--compile-timeout', '1']],
    ['leaves something running', 'setsid sleep 20 & false', 'failed with exit status 1', []],
    ['is gcc', 'echo "error: unrecognized command-line option \'-target\'" >&2; false', 'CC must be clang', []],
    ['is blank', ' ', 'links', []],
    ['never ends', 'sleep 1000 #', 'did not end within 1 s', ['--compile-timeout', '1']],
  ])('%s', (_name, compiler, message, options) => {
    expectRefusal(check([source()], { CC: compiler }, options), message, compiler === ' ' ? 0 : 1);
  });

  test('CC and CFLAGS are words for the shell, the file name is not', () => {
    const awkward = file(
      `it's; a "name" $(touch pwned) -x.bpf.c`,
      `${HEAD}struct event { NUMBER n; } __ipft_event_struct;\n${MODULE}`,
    );
    const result = check([awkward], { CC: 'env LANG=C clang', CFLAGS: '-DNUMBER="unsigned  short" -Wall' });
    expect(result.stderr).not.toContain('error');
    expect(result.stdout).toContain('unsigned short');
    expect(readdirSync(ROOT)).not.toContain('pwned');
  });
});

describe('damaged objects', () => {
  const SOURCE = `${HEAD}enum color { red, green } __ipft_ref(colors);
char _license[] SEC("license") = "GPL";
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
struct event { __u32 len; char name[8]; __u8 color __ipft_fmt_enum(colors); struct { int a; int b : 3; } nested; } __ipft_event_struct;
const volatile __u32 factor = 3;
__hidden int module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
	__u32 key = 1; __u64 one = 1;
	bpf_map_update_elem(&counts, &key, &one, 0);
	((struct event *)data)->len = factor;
	return 0;
}
`;
  let object: Uint8Array;
  beforeAll(async () => {
    object = await compileExtension(file('damaged.bpf.c', SOURCE));
  });

  /** Reads the bytes, and links them if they can be read, as a trace would. */
  async function use(bytes: Uint8Array): Promise<'fine' | 'refused' | 'crashed libbpf'> {
    try {
      const fields = combineFields([parseExtension([{ path: 'damaged.o', bytes, compiled: false }])]);
      await link(kprobeMulti, 'function', { fields });
      return 'fine';
    } catch (error) {
      expect(error).toBeInstanceOf(IpftError);
      return /could not cope/.test((error as Error).message) ? 'crashed libbpf' : 'refused';
    }
  }

  test('the object itself is fine', async () => {
    expect(await use(object)).toBe('fine');
  });

  test('one that holds libbpf up: linking ends when it is to, and so does the child', async () => {
    const stopping = new AbortController();
    const fields = combineFields([parseExtension([{ path: 'damaged.o', bytes: object, compiled: false }])]);
    const linking = link(kprobeMulti, 'function', { fields }, { signal: stopping.signal });
    const findChild = () =>
      Number(spawnSync('pgrep', ['-P', String(process.pid), '-f', 'link-child'], { encoding: 'utf8' }).stdout);
    const child = await vi.waitUntil(findChild, { timeout: 60_000 });
    process.kill(child, 'SIGSTOP');
    stopping.abort(new Error('enough'));
    await expect(linking).rejects.toThrow('enough');
    expect(existsSync(`/proc/${child}`)).toBe(false);
  });

  test('cut off at every 64th byte: refused', () => {
    for (let length = 0; length < object.length; length += 64) {
      expect(() => parseExtension([{ path: 'cut.o', bytes: object.slice(0, length), compiled: false }])).toThrow(
        ExtensionError,
      );
    }
  });

  test('1,000 copies with random bytes changed: used or refused, nothing else', { timeout: 600_000 }, async () => {
    let seed = 20261122;
    const random = (below: number) => {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const outcomes = { fine: 0, refused: 0, 'crashed libbpf': 0 };
    for (let copy = 0; copy < 1000; copy++) {
      const bytes = new Uint8Array(object);
      for (let change = random(8); change >= 0; change--) bytes[random(bytes.length)] = random(256);
      outcomes[await use(bytes)]++;
    }
    process.stderr.write(`damaged objects: ${JSON.stringify(outcomes)}\n`);
    expect(outcomes.refused).toBeGreaterThan(100);
  });
});
