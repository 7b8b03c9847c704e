/** `ipft ui`: a trace that a page sees and steers. It is the same on all kernels: tested on one. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readTrace } from '../../ui/src/trace/read.js';
import { RunningUi, readProcess } from '../support/ui-server.js';
import { compiled, Network, ROOT } from './harness.js';

const FUNCTIONS = '^(ip_output|ip_rcv|icmp_rcv|udp_rcv)$';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

test('shows what is sent, starts and stops as the page asks, and its server is nobody', async () => {
  await using ui = await RunningUi.start('icmp', '-r', FUNCTIONS, '--netns', network.there);
  const tracing = await ui.untilStatus(({ state }) => ['tracing', 'ended'].includes(state), 'tracing');
  expect(tracing).toMatchObject({
    state: 'tracing',
    trace: 1,
    words: ['icmp', '-r', FUNCTIONS, '--netns', network.there],
  });
  const server = readProcess(ui.serverPid);
  expect(server).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
  expect(server).toMatch(/^Gid:\s+65534\s+65534\s+65534\s+65534$/m);
  expect(server).toMatch(/^Groups:\s*$/m);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb'])
    expect(server).toMatch(new RegExp(`^${set}:\\s+0+$`, 'm'));
  expect(server).toMatch(/^NoNewPrivs:\s+1$/m);

  // Parts come while it runs.
  const sent = network.ping(0, { count: 3 });
  await ui.untilStatus(({ journeys, parts }) => journeys >= 2 * sent && parts > 1, 'the packets');
  expect((await ui.post('start', { words: ['tcp'] })).status).toBe(400);
  expect((await ui.post('stop', {})).status).toBe(202);
  const ended = await ui.untilStatus(({ state }) => state === 'ended', 'the end');
  expect(ended).toMatchObject({ lost: 0, summed: { journeys: 0 } });
  const trace = await readTrace(await ui.parts(1));
  expect(trace.problem).toBeUndefined();
  // Requests and replies, each a journey, with the functions in this namespace.
  expect(trace.journeys.length).toBe(2 * sent);
  const texts = trace.journeys.map(({ text }) => text ?? '');
  expect(texts.filter((text) => text.includes('echo request'))).toHaveLength(sent);
  expect(texts.filter((text) => text.includes('echo reply'))).toHaveLength(sent);

  // Refused words start nothing.
  for (const words of [
    ['icmp', '-e', '/tmp/x.c'],
    ['icmp', '--', 'id'],
    ['icmp', '-o', 'json'],
    ['icmp', '--output-file', '/tmp/x'],
    ['icmp', '-w', '/tmp/x'],
    ['icmp', '--ready-file', '/tmp/x'],
    ['-l'],
    ['--help'],
    ['record', '/tmp/x', 'icmp'],
    [],
  ]) {
    const answer = await ui.post('start', { words });
    expect([words, answer.status]).toEqual([words, 400]);
    expect(JSON.parse(answer.text).problem.message).not.toBe('');
  }
  const wrong = await ui.post('start', { words: ['udp port and'] });
  expect([wrong.status, JSON.parse(wrong.text).problem.at]).toEqual([400, { from: 12, to: 12 }]);
  expect(await ui.status()).toMatchObject({ state: 'ended', trace: 1 });

  // Another trace, of other packets.
  expect((await ui.post('start', { words: ['udp', '-r', FUNCTIONS] })).status).toBe(202);
  await ui.untilStatus(({ state, trace: number }) => number === 2 && state === 'tracing', 'the second trace');
  expect((await ui.ask('parts?trace=1&from=0')).status).toBe(410);
  network.ping(0, { count: 2 });
  network.send('udp', '10.11.0.2', 0, 100);
  await ui.untilStatus(({ journeys }) => journeys >= 1, 'the datagram');
  await ui.post('stop', {});
  await ui.untilStatus(({ state }) => state === 'ended', 'the second end');
  const second = await readTrace(await ui.parts(2));
  expect(second.journeys.length).toBeGreaterThan(0);
  expect(second.journeys.every(({ text }) => text?.includes('UDP'))).toBe(true);
  ui.process.kill('SIGINT');
  expect(await ui.ended()).toBe(0);
});

describe('an extension and expressions of the command line', () => {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-ui-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const file = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const script = (source: string) => {
    const object = compiled(join(ROOT, 'examples/scripts/gso.bpf.c'));
    const program = `api_version = 1\nprogram = io.open(${JSON.stringify(object)}, "rb"):read("a")\n`;
    return file('x.lua', `${program}function decode(data)\n${source}\nend\n`);
  };
  const start = (...words: string[]) => RunningUi.start('icmp', '-r', '^ip_output$', '--netns', network.here, ...words);

  test.each([
    [
      '-e x.lua',
      () => ['-e', script('return { len = string.unpack("=I4", data), word = "Lua" }')],
      { len: 84, word: 'Lua' },
    ],
    [
      '-e x.ts',
      () => [
        '-e',
        file(
          'x.ts',
          `import { extension } from 'ipft/extension';
export default extension({ fields: { len: (skb) => skb.len, word: { read: (skb) => skb.len, show: () => 'TypeScript' } } });
`,
        ),
      ],
      { len: 84, word: 'TypeScript' },
    ],
    [
      '--show and --where',
      () => ['--show', 'skb->len, skb->mark as m:hex', '--where', 'skb->len == 84'],
      { len: 84, m: '0x7' },
    ],
  ])('%s: the page has its fields, and its own words can not name it', async (_, words, fields) => {
    const given = words();
    await using ui = await start(...given);
    await ui.untilStatus(({ state }) => state === 'tracing', 'tracing');
    network.ping(7, { count: 1 });
    await ui.untilStatus(({ journeys }) => journeys >= 1, 'the packet');
    const answer = await ui.post('start', { words: ['icmp', ...given] });
    expect([answer.status, JSON.parse(answer.text).problem.message]).toEqual([400, expect.any(String)]);
    expect((await ui.post('stop', {})).status).toBe(202);
    expect((await ui.untilStatus(({ state }) => state === 'ended', 'the end')).problem).toBeUndefined();
    const trace = await readTrace(await ui.parts(1));
    const [journey] = trace.journeys;
    expect((await trace.details(journey!)).fields).toEqual([fields]);
    const refused = await ui.post('start', { words: ['icmp', ...given] });
    expect(JSON.parse(refused.text).problem).toMatchObject({
      message: `the page does not take --${given[0] === '-e' ? 'extension' : 'where'}`,
      hint: 'ipft ui takes it, on the command line that opens the page',
    });
    // Without it there is another trace.
    expect((await ui.post('start', { words: ['icmp', '-r', '^ip_output$'] })).status).toBe(202);
    await ui.untilStatus(({ state, trace: number }) => number === 2 && state === 'tracing', 'the second trace');
  });

  test('a script that fails ends the trace, and the page says why', async () => {
    await using ui = await start('-e', script('error("no more")'));
    await ui.untilStatus(({ state }) => state === 'tracing', 'tracing');
    network.ping(7, { count: 1 });
    const { problem } = await ui.untilStatus(({ state }) => state === 'ended', 'the end');
    expect(problem?.message).toMatch(/x\.lua, decode: .*x\.lua:4: no more/);
    expect(ui.stderr).not.toMatch(/^ +at /m);
  });
});

test('many packets are shown or counted, each once', async () => {
  await using ui = await RunningUi.start('icmp', '--netns', network.there);
  await ui.untilStatus(({ state }) => state === 'tracing', 'tracing');
  const sent = network.ping(0, { count: 3000, more: ['-f'] });
  await ui.untilStatus(({ journeys, lost }) => journeys + lost >= 2 * sent, 'the packets');
  await ui.post('stop', {});
  const { journeys, events, summed, lost } = await ui.untilStatus(({ state }) => state === 'ended', 'the end');
  const trace = await readTrace(await ui.parts(1));
  expect(trace.journeys.length + summed.journeys).toBe(journeys);
  expect(trace.events.count + summed.events).toBe(events);
  expect(Object.values(summed.outcomes).reduce((sum, count) => sum + count, 0)).toBe(summed.journeys);
  // Copies for the socket of ping have journeys, too.
  expect(journeys + lost).toBeGreaterThanOrEqual(2 * sent);
});
