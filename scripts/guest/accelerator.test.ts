import { describe, expect, test, vi } from 'vitest';
import { acceleratorArguments, chooseKvm } from './accelerator.js';

describe('chooseKvm', () => {
  const world = (wish: string | undefined, open = vi.fn<() => void>()) => ({ wish, open, say: vi.fn() });

  test.each([undefined, '', '0'])('does not even look where nobody wants it (IPFT_VM_KVM=%s)', (wish) => {
    const there = world(wish);
    expect(chooseKvm({}, there)).toBe(false);
    expect(there.open).not.toHaveBeenCalled();
    expect(there.say).not.toHaveBeenCalled();
  });

  test('takes it where it is wanted and can be opened', () => {
    expect(chooseKvm({ kvm: true }, world(undefined))).toBe(true);
    expect(chooseKvm({}, world('1'))).toBe(true);
  });

  test('emulates, and says why, where it can not', () => {
    const there = world(
      '1',
      vi.fn(() => {
        throw new Error("EACCES: permission denied, open '/dev/kvm'");
      }),
    );
    expect(chooseKvm({}, there)).toBe(false);
    expect(there.say.mock.calls).toEqual([
      ["vm: the guest is emulated, since KVM can't be had: EACCES: permission denied, open '/dev/kvm'\n"],
    ]);
  });

  test('counts instructions in the emulator, whatever the environment says', () => {
    const there = world('1');
    expect(chooseKvm({ icount: true }, there)).toBe(false);
    expect(there.open).not.toHaveBeenCalled();
  });

  test('refuses what it does not know', () => {
    expect(() => chooseKvm({}, world('yes'))).toThrow("IPFT_VM_KVM is 0 or 1, not 'yes'");
  });
});

test('acceleratorArguments', () => {
  const emulated = 'max,smap=off,smep=off,umip=off,pku=off,erms=off,fsrm=off,la57=off';
  expect(acceleratorArguments({ threads: false })).toEqual(['-accel', 'tcg,thread=single', '-cpu', emulated]);
  expect(acceleratorArguments({ threads: true })).toEqual(['-accel', 'tcg,thread=multi', '-cpu', emulated]);
  expect(acceleratorArguments({ threads: false, icount: true })).toEqual([
    ...['-accel', 'tcg,thread=single', '-icount', 'shift=0,sleep=off'],
    ...['-cpu', 'max'],
  ]);
  expect(acceleratorArguments({ threads: false, kvm: true })).toEqual([
    ...['-accel', 'kvm', '-accel', 'tcg,thread=single'],
    ...['-cpu', 'max'],
  ]);
});
