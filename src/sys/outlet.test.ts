import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { errnoName } from './errno.js';
import { Outlet } from './outlet.js';

test('Outlet.write: a socket whose reader does not read takes what it has room for, and then nothing', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-outlet-'));
  const server = createServer({ pauseOnConnect: true }).listen(join(dir, 'socket'));
  let peer: Socket | undefined;
  const client = connect(join(dir, 'socket'));
  try {
    const accepted = once(server, 'connection');
    await once(client, 'connect');
    [peer] = (await accepted) as [Socket];
    const { fd } = (client as unknown as { _handle: { fd: number } })._handle;
    const outlet = new Outlet(fd);
    const bytes = new Uint8Array(1 << 16);
    let taken = 0;
    for (let count = outlet.write(bytes); count > 0; count = outlet.write(bytes)) taken += count;
    expect(taken).toBeGreaterThan(0);
    expect(outlet.write(bytes)).toBe(0);
    expect(outlet.hasReader).toBe(true);
  } finally {
    client.destroy();
    peer?.destroy();
    server.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

test('errnoName: of a number with two names, the one that the kernel uses', () => {
  expect([errnoName(11), errnoName(95), errnoName(524), errnoName(9999)]).toEqual([
    'EAGAIN',
    'EOPNOTSUPP',
    'ENOTSUPP',
    'errno 9999',
  ]);
});
