import { Writable } from 'node:stream';
import { setImmediate as immediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { FrameWriter } from './frames.js';
import type { ServerMessage, TracerMessage } from './messages.js';
import { takeRequests } from './start.js';

const MANY = 1000;

async function* askWithoutEnd(): AsyncGenerator<ServerMessage> {
  for (let id = 0; ; id++) yield { type: 'start', id, words: [] };
}

test('takeRequests: a server that asks and takes no answers fills no memory', async () => {
  const pipe = new Writable({ highWaterMark: 64, write: () => {} });
  const out = new FrameWriter<TracerMessage>(pipe);
  let asked = 0;
  const taking = (async () => {
    for await (const request of takeRequests(askWithoutEnd(), out)) {
      if (request.type === 'start') out.send({ type: 'answer', id: request.id });
      if (++asked === MANY) return;
    }
  })();
  for (let turns = 0; turns < 100; turns++) await immediate();
  expect(asked).toBeLessThan(10);
  // Its end is seen all the same.
  pipe.destroy();
  await taking;
  expect(asked).toBe(MANY);
});
