/** `--connection`: what answers a packet, in the running kernel, through NAT. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countFunctions, createTranslatingRoute } from './counted-functions.js';
import type { Route } from './harness.js';
import { HAS_ALL_TESTS } from './kernels.js';

describe('through a router that translates addresses', () => {
  let route: Route;
  beforeAll(() => {
    route = createTranslatingRoute();
  });
  afterAll(() => route?.[Symbol.dispose]());

  const pingFar = (mark: number) =>
    route.exec(route.near, 'ping', '-q', '-c1', '-w300', '-m', String(mark), '10.22.0.3');
  const request = ['icmp[0] = 8 and src host 10.21.0.1'];
  const there = { ip_output: 2, ip_forward: 1, icmp_rcv: 1 };
  const thereAndBack = { ip_output: 4, ip_forward: 2, icmp_rcv: 2 };

  test('the answer is seen from the first function on, though it goes to another address; others are not', async () => {
    const traffic = () => {
      route.exec(route.middle, 'ping', '-q', '-c1', '-w300', '10.22.0.3');
      pingFar(0);
      route.exec(route.far, 'ping', '-q', '-c1', '-w300', '10.22.0.2');
    };
    // Without the option nothing in the kernel is asked for answers.
    if (HAS_ALL_TESTS) expect(await countFunctions(request, traffic)).toEqual(there);
    expect(await countFunctions([...request, '--connection'], traffic)).toEqual(thereAndBack);
  });

  test('of a packet that a mark, or its place, has chosen', async () => {
    // The programs of a place with an expression have all that those of a mark have.
    const args = ['-m', '9', '--connection', '--snaplen', '96'];
    if (HAS_ALL_TESTS) expect(await countFunctions(args, () => [pingFar(9), pingFar(8)])).toEqual(thereAndBack);
    const place = ['icmp', '--dev', 'near0', '--connection'];
    expect((await countFunctions(place, () => pingFar(0)))['ip_output']).toBe(3);
  });
});
