/**
 * The accelerator of a guest: QEMU's emulator, or KVM where the user wants it and it is available. Nothing here needs
 * KVM.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { ScriptError } from '../setup/script-error.js';

const DEVICE = '/dev/kvm';

/**
 * Whether to use KVM. Where it is wanted and can't be had, a line says why, and the guest is emulated.
 * @param {{ kvm?: boolean, icount?: boolean }} options
 * @param {{ wish?: string | undefined, open?: () => void, say?: (line: string) => void }} [world] what the environment
 *   wishes, how the device is opened, and whom to tell
 * @returns {boolean}
 */
export function chooseKvm(
  { kvm = false, icount = false },
  { wish = process.env['IPFT_VM_KVM'], open = openDevice, say = (line) => process.stderr.write(line) } = {},
) {
  if (!['0', '1', '', undefined].includes(wish)) throw new ScriptError(`IPFT_VM_KVM is 0 or 1, not '${wish}'`, 2);
  // Only the emulator counts instructions.
  if (icount || !(kvm || wish === '1')) return false;
  try {
    open();
    return true;
  } catch (error) {
    say(`vm: the guest is emulated, since KVM can't be had: ${/** @type {Error} */ (error).message}\n`);
    return false;
  }
}

/** @throws the error of opening it */
function openDevice() {
  closeSync(openSync(DEVICE, constants.O_RDWR));
}

/**
 * Features of the processor that take the emulator long: those that keep the kernel from the memory of programs; fast
 * copying of bytes, which kernels then prefer; and address translation in five steps instead of four.
 */
const SLOW = ['smap', 'smep', 'umip', 'pku', 'erms', 'fsrm', 'la57'];
const WITHOUT_SLOW = SLOW.map((feature) => `,${feature}=off`).join('');

/**
 * @param {{ kvm?: boolean, threads: boolean, icount?: boolean }} options
 * @returns {string[]} arguments of QEMU; where KVM does not work after all, it emulates
 */
export function acceleratorArguments({ kvm = false, threads, icount = false }) {
  return [
    ...(kvm ? ['-accel', 'kvm'] : []),
    ...['-accel', `tcg,thread=${threads ? 'multi' : 'single'}`],
    // Counting instructions takes the whole CPU.
    ...(icount ? ['-icount', 'shift=0,sleep=off'] : []),
    ...['-cpu', icount || kvm ? 'max' : `max${WITHOUT_SLOW}`],
  ];
}
