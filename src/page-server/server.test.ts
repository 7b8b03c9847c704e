/** `ipft ui` as it is built, asked through sockets by whoever may reach them. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask, IPFT, isAlive, RunningUi } from '../../tests/support/ui-server.js';
import { readTrace } from '../../ui/src/trace/read.js';

const RECORDING = fileURLToPath(new URL('../../tests/recordings/v1/function.ipft', import.meta.url));

let dir: string;
let ui: RunningUi;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-ui-test-'));
  ui = await RunningUi.start(RECORDING);
});
afterAll(async () => {
  await ui?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const base = () => new URL(`http://127.0.0.1:${ui.port}/`);
const token = () => new URL(ui.address).pathname.split('/')[1]!;

/** Sends bytes, and waits for the end of the connection. @returns what came */
function sendRaw(bytes: string): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(ui.port, '127.0.0.1', () => socket.write(bytes));
    socket.on('data', (data) => {
      text += data;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** The server's connections, without those that wait in the kernel's queue. */
function countAccepted(): number {
  const own = `:${ui.port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((row) => row.trim().split(/ +/));
  return rows.filter(([, local, , state, , , , , , inode]) => local?.endsWith(own) && state === '01' && inode !== '0')
    .length;
}

test('a recording is shown: the page, its state and its parts', async () => {
  const page = await ui.ask('');
  expect(page.status).toBe(200);
  expect(page.text).toContain('data-part="live"');
  const policy = page.headers['content-security-policy'];
  expect(policy).toMatch(/^default-src 'none'; connect-src 'self'; script-src 'sha256-/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(page.headers).toMatchObject({
    ...{ 'cache-control': 'no-store', 'referrer-policy': 'no-referrer', 'x-content-type-options': 'nosniff' },
    ...{ 'cross-origin-resource-policy': 'same-origin', 'cross-origin-opener-policy': 'same-origin' },
  });
  expect(Object.keys(page.headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  const { trace, title, journeys } = await ui.untilStatus(({ state }) => state === 'ended', 'its end');
  expect([trace, title]).toEqual([1, 'function.ipft']);
  const shown = await readTrace(await ui.parts(1));
  expect(shown.problem).toBeUndefined();
  expect(shown.journeys).toHaveLength(journeys);
  expect(journeys).toBeGreaterThan(0);
  expect((await ui.ask('parts?trace=7&from=0')).status).toBe(410);
  expect((await ui.ask('parts?trace=1&from=-1')).status).toBe(400);
});

test('a recording is found from where ipft was started', async () => {
  await using other = await RunningUi.start(relative(process.cwd(), RECORDING));
  expect((await other.status()).title).toBe('function.ipft');
});

describe('who does not know the address, or is elsewhere, learns and changes nothing:', () => {
  test('no token, a wrong one', async () => {
    for (const path of ['', 'status', `${token().slice(1)}/status`, `${'A'.repeat(43)}/`, `x/${token()}/`, token()]) {
      const { status, text } = await ask(new URL(path, base()));
      expect([path, status, text]).toEqual([path, 404, '']);
    }
  });

  test('another origin, a rebinding name, what a browser says that another site has sent', async () => {
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { host: `evil.example:${ui.port}` },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
    ]) {
      for (const path of ['', 'status', 'parts?trace=1&from=0']) {
        const { status, text } = await ui.ask(path, { headers });
        expect([headers, path, status, text]).toEqual([headers, path, 403, '']);
      }
    }
  });

  test('what a form can send', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      for (const path of ['start', 'stop', 'check', 'open?name=x'])
        expect((await ui.ask(path, { method: 'POST', headers: { 'content-type': type }, body: '{}' })).status).toBe(
          415,
        );
    }
    expect((await ui.ask('start')).status).toBe(404);
    expect((await ui.ask('status', { method: 'OPTIONS' })).status).toBe(404);
  });

  test('a WebSocket, other protocols, and requests that are none', async () => {
    const upgrade =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n';
    expect(await sendRaw(`GET /${token()}/ HTTP/1.1\r\nHost: 127.0.0.1:${ui.port}\r\n${upgrade}\r\n`)).not.toContain(
      '101',
    );
    expect(await sendRaw('CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: 127.0.0.1:22\r\n\r\n')).toBe('');
    expect(await sendRaw('\x16\x03\x01\x02\x00\x01\x00\r\n\r\n')).toBe('');
    expect(await sendRaw(`GET /${token()}/ HTTP/1.1\r\nConnection: close\r\n\r\n`)).not.toContain('ipft');
  });
});

describe('bounds:', () => {
  test('a huge header, a body that is too long, one that is no JSON', async () => {
    expect(
      await sendRaw(`GET /${token()}/ HTTP/1.1\r\nHost: 127.0.0.1:${ui.port}\r\nX: ${'x'.repeat(1 << 20)}\r\n\r\n`),
    ).not.toContain('200 OK');
    const json = { 'content-type': 'application/json' };
    expect((await ui.ask('check', { method: 'POST', headers: json, body: '{' })).status).toBe(400);
    expect((await ui.ask('check', { method: 'POST', headers: json, body: '[1]' })).status).toBe(200);
    expect(
      (await ui.ask('check', { method: 'POST', headers: json, body: JSON.stringify({ expression: 7 }) })).status,
    ).toBe(400);
    // The connection may be ended before all is sent.
    const long = await ui.post('check', { expression: 'x'.repeat(1 << 17) }).catch(() => undefined);
    if (long) expect(long.status).toBe(413);
    expect((await ui.ask('status')).status).toBe(200);
  });

  test('words that the tracer does not take are answered at once', async () => {
    for (const words of [['icmp', '\0'], ['icmp', 7], Array(257).fill('icmp'), 'icmp', undefined])
      expect((await ui.post('start', { words })).status).toBe(400);
  });

  test('a thousand connections that say nothing, and the page is there all the time', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 1000; i++) {
      const socket = connect(ui.port, '127.0.0.1');
      socket.on('error', () => {});
      // Otherwise the end is not seen.
      socket.resume();
      sockets.push(socket);
    }
    // Where the kernel's queue is full, a connection is begun on one side only, and never ended.
    await ui.until(() => sockets.filter(({ closed }) => closed).length >= 200, 'the end of many of them');
    expect((await ui.ask('status')).status).toBe(200);
    expect(countAccepted()).toBeLessThanOrEqual(64);
    for (const socket of sockets) socket.destroy();
  });

  test('clients that ask for the trace and never read', async () => {
    const sockets = Array.from({ length: 40 }, () => {
      const socket = connect(ui.port, '127.0.0.1', () => {
        const ask = `GET /${token()}/ HTTP/1.1\r\nHost: 127.0.0.1:${ui.port}\r\n\r\n`;
        socket.pause();
        socket.write(ask.repeat(20));
      });
      socket.on('error', () => {});
      return socket;
    });
    await ui.until(() => sockets.every(({ bytesWritten }) => bytesWritten > 0), 'their requests');
    for (const socket of sockets) socket.destroy();
    await ui.until(async () => (await ui.ask('status')).status === 200, 'an answer');
  });
});

describe('recordings that a page sends', () => {
  const send = (body: Uint8Array, name = 'sent.ipft') =>
    ui.ask(`open?name=${encodeURIComponent(name)}`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body },
    });

  test('are shown as the next trace; what is none is refused, and what was shown stays', async () => {
    const before = await ui.untilStatus(({ state }) => state === 'ended', 'the first one');
    const refused = await send(Buffer.from('no recording'), '../<b>.ipft');
    expect(refused.status).toBe(400);
    expect(JSON.parse(refused.text).problem.message).toContain('<b>.ipft');
    expect((await ui.status()).trace).toBe(before.trace);
    expect((await send(readFileSync(RECORDING))).status).toBe(202);
    const after = await ui.untilStatus(
      ({ state, trace }) => state === 'ended' && trace > before.trace,
      'the second one',
    );
    expect(after).toMatchObject({ title: 'sent.ipft', journeys: before.journeys, events: before.events });
    expect((await readTrace(await ui.parts(after.trace))).journeys).toHaveLength(after.journeys);
  });

  test('are kept elsewhere where TMPDIR is no folder of the server', async () => {
    await using other = await RunningUi.startWith({ env: { ...process.env, TMPDIR: join(dir, 'nowhere') } });
    const { status } = await other.ask('open?name=sent.ipft', {
      ...{ method: 'POST', headers: { 'content-type': 'application/octet-stream' }, body: readFileSync(RECORDING) },
    });
    expect(status).toBe(202);
    await other.untilStatus(({ state }) => state === 'ended', 'its end');
  });

  test('that are cut are shown as far as they go', async () => {
    const { trace: before } = await ui.status();
    const whole = readFileSync(RECORDING);
    expect((await send(whole.subarray(0, whole.length - 100))).status).toBe(202);
    const { warnings } = await ui.untilStatus(({ state, trace }) => state === 'ended' && trace > before, 'its end');
    expect(warnings).toEqual([expect.stringMatching(/sent\.ipft.*recorder/)]);
  });
});

test('expressions are checked, with the place of what is wrong', async () => {
  expect((await ui.post('check', { expression: 'tcp port 443', inner: 'udp' })).status).toBe(200);
  const wrong = await ui.post('check', { expression: 'tcp prot 443' });
  expect(wrong.status).toBe(400);
  expect(JSON.parse(wrong.text).problem.at).toEqual({ from: 4, to: 8 });
});

describe('begin and end', () => {
  test('a recording is named from where ipft is called, and may lie where nobody else may look', async () => {
    const own = join(dir, 'own');
    mkdirSync(own, { mode: 0o700 });
    copyFileSync(RECORDING, join(own, 'near.ipft'));
    await using other = await RunningUi.startWith({ cwd: own }, 'near.ipft');
    const { title, journeys } = await other.untilStatus(({ state }) => state === 'ended', 'its end');
    expect(title).toBe('near.ipft');
    expect(journeys).toBeGreaterThan(0);
  });

  test('a port that is taken, a recording that is none, options that do not go together', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const fail = async (...args: string[]) => {
      const failing = new RunningUi(args);
      return [await failing.ended(), failing.stderr];
    };
    expect(await fail('--port', String(port))).toEqual([
      1,
      expect.stringContaining(`listening on port ${port} of 127.0.0.1: it is taken`),
    ]);
    taken.close();
    const text = join(dir, 'text.ipft');
    writeFileSync(text, 'text');
    expect(await fail(text)).toEqual([1, expect.stringContaining('reading the recording')]);
    expect(await fail(text, '-r', 'x')).toEqual([2, expect.stringContaining('takes no options of a trace')]);
    expect(await fail('tcp port and')).toEqual([2, expect.stringContaining('syntax error')]);
    expect(await fail('icmp', '-o', 'json')).toEqual([2, expect.stringContaining('ipft ui does not take --output')]);
    expect(await fail('--port', '70000')).toEqual([2, expect.stringContaining('--port')]);
  });

  test('an address that can not be written is told, and nothing is served', async () => {
    const full = openSync('/dev/full', 'w');
    const failing = new RunningUi([], { stdio: ['ignore', full, 'pipe'] });
    closeSync(full);
    expect([await failing.ended(), failing.stderr]).toEqual([1, expect.stringContaining('writing the address')]);
  });

  test.skipIf(spawnSync('unshare', ['-r', 'true']).status !== 0)('where there is no user nobody, it is told', () => {
    const { status, stderr } = spawnSync('unshare', ['-r', process.execPath, IPFT, 'ui'], { encoding: 'utf8' });
    expect([status, stderr]).toEqual([1, expect.stringContaining('serving the page as the user nobody')]);
  });

  // What another user's process has open, only root sees.
  test.skipIf(process.getuid?.() !== 0)(
    'the server has no descriptor of ipft, by which it could read a terminal',
    () => {
      const open = (pid: number) => [0, 1, 2].map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
      const own = open(ui.process.pid!);
      for (const file of open(ui.serverPid)) expect(own).not.toContain(file);
    },
  );

  test.each(['SIGTERM', 'SIGKILL'] as const)('the server ends with ipft, by %s too', async (signal) => {
    const other = await RunningUi.start();
    const pid = other.serverPid;
    expect(isAlive(pid)).toBe(true);
    // Somebody waits.
    const waiting = other.ask(`status?known=${(await other.status()).revision}`).catch(() => undefined);
    other.process.kill(signal);
    expect(await other.ended()).toBe(signal === 'SIGTERM' ? 0 : null);
    const began = performance.now();
    while (isAlive(pid) && performance.now() - began < 60_000) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isAlive(pid)).toBe(false);
    await waiting;
  });

  test('a server that was killed is told, and ipft ends', async () => {
    const other = await RunningUi.start();
    process.kill(other.serverPid, 'SIGKILL');
    expect(await other.ended()).toBe(1);
    expect(other.stderr).toContain('its server has ended (by SIGKILL)');
  });
});
