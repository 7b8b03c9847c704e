/** Scripts in Lua, on real packets. Their programs are linked in as those of any extension, so that one kernel is enough. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trace, UsageError } from '../../dist/index.js';
import { compiled, ipft, Network, parseEvents, ROOT, scriptWithProgram, Tracing, traceWhile } from './harness.js';

const PLAIN = { IPFT_COMPAT: 'ipftrace2' };
const GSO = join(ROOT, 'examples/scripts/gso.lua');
const dir = mkdtempSync(join(tmpdir(), 'ipft-test-'));
let network: Network;
let object: string;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  object = compiled(join(ROOT, 'examples/scripts/gso.bpf.c'));
});
afterAll(() => {
  network?.[Symbol.dispose]();
  rmSync(dir, { recursive: true, force: true });
});

/** A script with the program of gso.lua, which it reads relative to the working directory. */
function script(source: string, name = 'test.lua'): string {
  const path = join(dir, name);
  const program = JSON.stringify(relative(ROOT, object));
  writeFileSync(path, `api_version = 1\nprogram = io.open(${program}, "rb"):read("*all")\n${source}`);
  return path;
}

const ping = () => network.ping(9, { count: 1 });
const show = (path: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  traceWhile(['-m', '9', '-r', '^(ip_output|dev_hard_start_xmit)$', '-e', path, ...args], ping, env);

describe('examples/scripts/gso.lua', () => {
  test('its fields in text', async () => {
    const { status, stdout } = await show(scriptWithProgram(GSO), [], PLAIN);
    expect(status).toBe(0);
    const fields = (len: number) => `( gso_segs: 0 gso_size: 0 gso_type: none len: ${len} )`;
    expect(stdout.replace(/^\d+ +\d{3} +/gm, '')).toBe(
      `${stdout.split('\n')[0]}\n===\nvmlinux                        ip_output ${fields(84)}\n` +
        `vmlinux              dev_hard_start_xmit ${fields(98)}\n`,
    );
  });

  test('its fields in JSON, typed', async () => {
    const { stdout } = await show(scriptWithProgram(GSO), ['-o', 'json']);
    expect(parseEvents(stdout)).toMatchObject([
      { function: 'ip_output', gso_segs: 0, gso_size: 0, gso_type: 'none', len: 84 },
      { function: 'dev_hard_start_xmit', gso_segs: 0, gso_size: 0, gso_type: 'none', len: 98 },
    ]);
  });

  test('its fields on a page, behind built-in ones, and of large packets', async () => {
    const page = join(dir, 'page.html');
    const args = ['-o', 'html', '--output-file', page, '--fields', 'dev'];
    expect((await show(scriptWithProgram(GSO), args)).status).toBe(0);
    expect(readFileSync(page, 'latin1')).toContain('"journeys":1');
    const large = await traceWhile(
      ['-m', '9', '-o', 'json', '-r', '^ip_output$', '-e', scriptWithProgram(GSO), '--fields', 'dev'],
      () => network.send('tcp', '10.11.0.2', 9, 20_000),
    );
    const events = parseEvents(large.stdout);
    expect(events.some(({ gso_type }) => gso_type === 'tcpv4')).toBe(true);
    for (const { len, gso_size, gso_segs } of events as Record<string, number>[]) {
      if (gso_size !== 0) expect(len).toBeGreaterThan(gso_size! * (gso_segs! - 1));
    }
  });
});

const COUNTING = `
print("chunk")
local n = 0
function init() print("init") end
function decode(data)
  n = n + 1
  return { n = n, len = string.unpack("=I4", data), half = n / 2 }
end
function fini() print("fini", n) end`;

test('entries and returns are decoded once each, packet by packet, and prints stand in the text', async () => {
  const { status, stdout } = await traceWhile(
    ['-m', '9', '-r', '^__ip_local_out$', '-t', 'function_graph', '-e', script(COUNTING)],
    () => network.ping(9, { count: 2 }),
    PLAIN,
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/^chunk\ninit\nTimestamp/);
  expect(stdout).toMatch(/\nfini\t\d+\n$/);
  const numbers = [...stdout.matchAll(/ \( half: (\S+) len: \d+ n: (\d+) \)$/gm)].map(([, half, n]) => [
    half,
    Number(n),
  ]);
  // Of each of the two packets the call and its return, where it still lives.
  expect(numbers).toHaveLength(4);
  // As Lua shows numbers.
  expect(numbers).toEqual(numbers.map((_, index) => [((index + 1) / 2).toFixed(1), index + 1]));
  expect(Number(/fini\t(\d+)/.exec(stdout)?.[1])).toBe(numbers.length);
});

test('prints leave JSON as it is', async () => {
  const path = script(COUNTING);
  const result = await show(path, ['-o', 'json']);
  expect(parseEvents(result.stdout).map(({ n, half }) => [n, half])).toEqual([
    [1, 0.5],
    [2, 1],
  ]);
  expect(result.stderr).toMatch(/chunk\n[\s\S]*init\n[\s\S]*fini\t2\n/);
});

test('-s takes a script of any name, and the last script counts', async () => {
  const args = ['-m', '9', '-r', '^ip_output$', '-o', 'json', '-e', '/no/such.lua', '-s', script(COUNTING, 'any.name')];
  const { stdout } = await traceWhile(args, ping);
  expect(parseEvents(stdout)).toMatchObject([{ n: 1, len: 84 }]);
});

describe('what goes wrong ends with a sentence, and exit status 1', () => {
  test('decode fails: what came before is written', async () => {
    const source = `local n = 0
      function decode(data) n = n + 1 if n == 2 then error("no more") end return { n = n } end
      function fini() print("fini") end`;
    for (const output of ['json', 'aggregate']) {
      const { status, stdout, stderr } = await show(script(source), ['-o', output], PLAIN);
      expect(status, output).toBe(1);
      const events = stdout
        .trimEnd()
        .split('\n')
        .slice(output === 'json' ? 0 : 2);
      expect(events, output).toHaveLength(1);
      expect(events[0], output).toMatch(/ip_output.*n"?: ?1\b/);
      expect(stderr, output).toMatch(/test\.lua, decode: .*test\.lua:4: no more\n/);
      expect(stderr, output).not.toMatch(/^ +at /m);
      expect(stdout + stderr).not.toContain('fini');
    }
  });

  test.each([
    ['function init() error("not today") end', /test\.lua, init: .*test\.lua:3: not today\n/],
    ['while true do end', /test\.lua:3: it has run for more than 10 seconds\n/],
    ['x = = 1', /test\.lua:3: unexpected symbol near '='\n/],
    ['decode = 5', /decode is a number, and must be a function\n/],
  ])('%j', (source, message) => {
    const { status, stderr } = ipft('-m', '9', '-r', '^ip_output$', '-e', script(source));
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(status).toBe(1);
  });

  test('fini fails, behind the result', async () => {
    const { status, stdout, stderr } = await show(script('function fini() print("x") error("late") end'), [], PLAIN);
    expect(stdout).toMatch(/ip_output \( \)\n.*dev_hard_start_xmit \( \)\nx\n$/);
    expect(stderr).toMatch(/test\.lua, fini: .*test\.lua:3: late\n/);
    expect(status).toBe(1);
  });

  test('a recording can’t hold the fields', () => {
    const file = join(dir, 'x.ipft');
    const { status, stderr } = ipft('record', file, '-m', '9', '-r', '^ip_output$', '-e', script(COUNTING));
    expect(stderr).toContain("a recording can't hold the fields of the extension");
    expect(status).toBe(2);
    expect(existsSync(file)).toBe(false);
  });
});

test('ipft check runs the chunk, and asks the verifier', () => {
  const { status, stdout, stderr } = ipft('check', script(COUNTING));
  const [title, cost, decoding, ...more] = stdout.split('\n');
  expect(title).toBe(`what decode of ${join(dir, 'test.lua')} gets, 64 bytes`);
  expect(cost).toMatch(/^module\(\) and all that it calls: \d+ instructions, 6 calls$/);
  expect([decoding, ...more]).toEqual([
    'decode takes some 10 us for each event that is shown, outside of the kernel',
    '',
  ]);
  expect(stderr).toMatch(/^chunk\n/);
  expect(stderr).toContain('links, and the verifier accepts it');
  expect(stderr).not.toContain('init');
  expect(status).toBe(0);
});

test('the library takes a script, whose integers are numbers where they fit', async () => {
  const source =
    'function decode(data) return { len = string.unpack("=I4", data), big = math.mininteger, word = "x" } end';
  const session = await trace({ mark: 9, functions: /^ip_output$/, follow: true, extension: script(source) });
  ping();
  await expect(session.record(join(dir, 'y.ipft'))).rejects.toThrow(UsageError);
  await session.stop();
  expect((await session.allEvents()).map(({ fields }) => fields)).toEqual([{ len: 84, big: -(2n ** 63n), word: 'x' }]);
  const failing = await trace({
    mark: 9,
    functions: /^ip_output$/,
    follow: true,
    extension: script('function decode() return 1 end'),
  });
  ping();
  await failing.stop().catch(() => {});
  await expect(failing.allEvents()).rejects.toThrow('it returned a number');
  await expect(trace({ mark: 9, extension: script(source), fields: { len: 'number' } })).rejects.toThrow(
    'its fields are computed for each event',
  );
});

test('Ctrl-C ends a trace with a script as any other', async () => {
  using tracing = new Tracing(['-m', '9', '-r', '^ip_output$', '-e', script(COUNTING)]);
  await tracing.ready();
  const { status, stdout } = await tracing.stop();
  expect([status, stdout]).toEqual([0, expect.stringMatching(/^chunk\ninit\nTimestamp.*\nfini\t0\n$/)]);
});
