import { expect, test } from 'vitest';
import type { Target } from '../base/target.js';
import { TargetFilter } from './target-filter.js';

const pattern = (text: string) => ({ text, regExp: new RegExp(text) });

test('TargetFilter: functions and modules that match, those included that come later', () => {
  const targets: Target[] = [
    { name: 'ip_rcv', module: 'vmlinux' },
    { name: 'ip_rcv', module: 'other' },
    { name: 'tcp_ack', module: 'vmlinux' },
  ];
  const filter = new TargetFilter(targets, { functions: pattern('^ip_'), modules: pattern('^vm') });
  expect([0, 1, 2, 3].map((index) => filter.shows(index))).toEqual([true, false, false, false]);
  targets.push({ name: 'ip_output', module: 'vmlinux' });
  expect(filter.shows(3)).toBe(true);
});
