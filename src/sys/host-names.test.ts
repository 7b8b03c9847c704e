import { expect, test } from 'vitest';
import { parseHostNames, readHostNames } from './host-names.js';

test('parseHostNames: addresses with all their names, and nothing else', () => {
  const text = [
    '127.0.0.1\tlocalhost',
    '# 10.0.0.1 commented',
    ' fd11::2  db db.example # the database',
    '0.0.0.0 blocked.example',
    'fe80::1%eth0 zone',
    '10.0.0.300 wrong',
    '10.0.0.7 ev\x1bil ok-name',
    '10.0.0.8',
  ].join('\n');
  expect(parseHostNames(text)).toEqual([
    { address: '127.0.0.1', name: 'localhost' },
    { address: 'fd11::2', name: 'db' },
    { address: 'fd11::2', name: 'db.example' },
    { address: '10.0.0.7', name: 'ok-name' },
  ]);
});

test('parseHostNames: there is a limit', () => {
  expect(parseHostNames('10.0.0.1 a b c\n'.repeat(1000))).toHaveLength(1000);
});

test('readHostNames: a file that is not there has none', () => {
  expect(readHostNames('/nonexistent/hosts')).toEqual([]);
});
