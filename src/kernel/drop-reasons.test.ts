import { expect, test } from 'vitest';
import { BtfBuilder } from '../../tests/support/btf-builder.js';
import { parseBtf } from '../btf/btf.js';
import { createReasonNames } from './drop-reasons.js';

test('createReasonNames: of the core, of subsystems in modules; a number where there is no name', () => {
  const core = new BtfBuilder();
  core.enumeration('skb_drop_reason', { SKB_CONSUMED: 1, SKB_DROP_REASON_NO_SOCKET: 3 });
  core.enumeration('skb_drop_reason_subsys', { SKB_DROP_REASON_SUBSYS_CORE: 0, SKB_DROP_REASON_SUBSYS_OPENVSWITCH: 3 });
  core.enumeration('other_reason', { NOT_A_REASON: 5 });
  const vmlinux = parseBtf(core.bytes());
  const module = new BtfBuilder(vmlinux);
  module.enumeration('ovs_drop_reason', { OVS_DROP_LAST_ACTION: 0x30001 });
  const ovs = parseBtf(module.bytes(), vmlinux);
  let asked = 0;
  const nameOf = createReasonNames(vmlinux, () => {
    asked++;
    return [ovs];
  });
  expect(nameOf(3)).toBe('SKB_DROP_REASON_NO_SOCKET');
  expect(nameOf(5)).toBe('5');
  expect(asked).toBe(0);
  expect(nameOf(0x30001)).toBe('OVS_DROP_LAST_ACTION');
  expect(nameOf(0x30002)).toBe('SKB_DROP_REASON_SUBSYS_OPENVSWITCH 2');
  expect(nameOf(0x70002)).toBe('458754');
  expect(asked).toBe(2);
});

test('createReasonNames: a kernel without reasons has no names', () => {
  const nameOf = createReasonNames(parseBtf(new BtfBuilder().bytes()), () => []);
  expect(nameOf(0)).toBeUndefined();
});
