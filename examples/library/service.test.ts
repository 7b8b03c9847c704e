import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from 'ipft';
import { afterEach, beforeEach, expect, test } from 'vitest';

let server: Server;

beforeEach(async () => {
  server = createServer((_request, response) => response.end('well\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  server.close();
});

test('a client gets its answer, and none of its packets is dropped', { timeout: 300_000 }, async () => {
  const { port } = server.address() as AddressInfo;
  // Any client will do: the packets are those of its sockets, and those that answer them.
  const client = `
    const response = await fetch('http://127.0.0.1:${port}/');
    process.stdout.write(await response.text());`;
  await using run = await trace.command([process.execPath, '--input-type=module', '-e', client], {
    // A few functions, since older kernels attach one by one.
    functions: /^(ip_output|ip_rcv|tcp_v4_rcv)$/,
  });
  const { exitCode, stdout, stderr, journeys } = await run.result();
  expect({ exitCode, stdout, stderr }).toEqual({ exitCode: 0, stdout: 'well\n', stderr: '' });
  const ways = journeys.map(({ packet }) => packet?.text ?? '');
  expect(ways.filter((text) => text.includes(`> 127.0.0.1:${port}: Flags [S]`))).toHaveLength(1);
  expect(ways.filter((text) => text.includes(`127.0.0.1:${port} >`) && text.includes('Flags [S.]'))).toHaveLength(1);
  expect(journeys.filter(({ outcome }) => outcome === 'dropped')).toEqual([]);
});
