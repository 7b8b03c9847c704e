import fc from 'fast-check';
import { expect, test } from 'vitest';
import { joinWords, NO_FIELDS, optionValue, splitWords, toFields, toWords } from './words.js';

test('fields become words, the expression as one of them', () => {
  const fields = {
    expression: ' host 10.0.0.5 and port 80 ',
    functions: '^ip_',
    snaplen: '96',
    more: "--dev 'my eth' --follow",
  };
  expect(toWords(fields)).toEqual([
    ...['--dev', 'my eth', '--follow', '-r', '^ip_', '--snaplen', '96'],
    'host 10.0.0.5 and port 80',
  ]);
  expect(toWords(NO_FIELDS)).toEqual([]);
});

test('words of a command line become fields', () => {
  expect(toFields(['-r', '^tcp_', 'tcp', '--follow', 'port', '80', '--netns=blue', '-m1', '--mask', '0xff'])).toEqual({
    ...{ expression: 'tcp port 80', functions: '^tcp_', snaplen: '' },
    more: '--follow --netns=blue -m1 --mask 0xff',
  });
  expect(toFields(['--regex=a=b', '--snaplen=1', '--dev'])).toEqual({
    ...{ expression: '', functions: 'a=b', snaplen: '1', more: '--dev' },
  });
  expect(toFields([])).toEqual(NO_FIELDS);
});

test('the words of fields give the same fields', () => {
  const fields = { expression: 'ip[0] & 0xf != 5', functions: '^a|b$', snaplen: '64', more: `--inner 'host 1.1.1.1'` };
  expect(toFields(toWords(fields))).toEqual(fields);
});

test('any words can be written and read', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', ' ', "'", '"', '\\', '-', '\n', 'ä') })), (words) => {
      expect(splitWords(joinWords(words))).toEqual(words);
    }),
  );
  expect(splitWords(`a"b c"'d' '' "open`)).toEqual(['ab cd', '', 'open']);
});

test('the value of an option', () => {
  expect(optionValue(['--inner', 'a', '--inner', 'b'], '--inner')).toBe('b');
  expect(optionValue(['--inner=c d'], '--inner')).toBe('c d');
  expect(optionValue(['inner'], '--inner')).toBeUndefined();
});
