import { writeSync } from 'node:fs';
import { expect, test } from 'vitest';
import { OutputPipe } from './output-pipe.js';

test('OutputPipe: takes what is there, and keeps no more than its limit', () => {
  using pipe = new OutputPipe(8);
  pipe.drain();
  expect(pipe).toMatchObject({ text: '', isCut: false });
  const bytes = Buffer.from('aé€');
  writeSync(pipe.writeFd, bytes.subarray(0, 2));
  pipe.drain();
  // A character comes when all of it has.
  expect(pipe.text).toBe('a');
  writeSync(pipe.writeFd, bytes.subarray(2));
  pipe.drain();
  expect(pipe).toMatchObject({ text: 'aé€', isCut: false });
  writeSync(pipe.writeFd, '1234');
  pipe.drain();
  expect(pipe).toMatchObject({ text: 'aé€12', isCut: true });
  pipe.closeEnd();
  pipe.drain();
  expect(() => pipe.writeFd).toThrow('closed');
});
