/** The names of drop reasons, from the kernel's own BTF. */
import { readdirSync } from 'node:fs';
import { printable } from '../base/printable.js';
import { BTF_KIND_ENUM, type Btf } from '../btf/btf.js';
import { loadKernelBtf, loadModuleBtf } from './btf.js';

/** SKB_DROP_REASON_SUBSYS_SHIFT: from this bit on stands the number of the subsystem that a reason belongs to. */
const SUBSYSTEM_SHIFT = 16;
const SUBSYSTEMS = 'skb_drop_reason_subsys';

/**
 * The name of a drop reason. A reason without a name is shown as its number, with its subsystem if that is known.
 * Undefined if the kernel tells no reasons (before Linux 5.17).
 */
export type ReasonNames = (reason: number) => string | undefined;

/**
 * Reads the core's reasons from the kernel's BTF; those of subsystems from the BTF of modules, when the first one is
 * asked for.
 */
export function loadReasonNames(): ReasonNames {
  const vmlinux = loadKernelBtf();
  return createReasonNames(vmlinux, () => loadModuleBtfs(vmlinux));
}

/** @param modules returns the BTF of all modules; called when a reason of a subsystem is not known yet */
export function createReasonNames(vmlinux: Btf, modules: () => readonly Btf[]): ReasonNames {
  const names = readReasons(vmlinux, new Map());
  const searched = new Set<number>();
  return (reason) => {
    if (names.size === 0) return undefined;
    const subsystem = reason >>> SUBSYSTEM_SHIFT;
    if (subsystem !== 0 && !names.has(reason) && !searched.has(subsystem)) {
      searched.add(subsystem);
      for (const btf of modules()) readReasons(btf, names);
    }
    return names.get(reason) ?? describeNumber(vmlinux, reason);
  };
}

/** Adds the members of a BTF's enums of drop reasons. */
function readReasons(btf: Btf, names: Map<number, string>): Map<number, string> {
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_ENUM || !btf.name(id).endsWith('drop_reason')) continue;
    for (const [value, name] of readEnum(btf, id)) if (!names.has(value)) names.set(value, name);
  }
  return names;
}

function* readEnum(btf: Btf, id: number): Iterable<[number, string]> {
  for (let index = 0; index < btf.vlen(id); index++) {
    yield [btf.tail(id, index * 2 + 1), printable(btf.string(btf.tail(id, index * 2)))];
  }
}

function loadModuleBtfs(vmlinux: Btf): Btf[] {
  return readdirSync('/sys/kernel/btf')
    .filter((module) => module !== 'vmlinux')
    .map((module) => loadModuleBtf(module, vmlinux))
    .filter((btf) => !('problem' in btf)) as Btf[];
}

function describeNumber(vmlinux: Btf, reason: number): string {
  const subsystem = reason >>> SUBSYSTEM_SHIFT;
  for (let id = vmlinux.firstId; subsystem !== 0 && id < vmlinux.endId; id++) {
    if (vmlinux.kind(id) !== BTF_KIND_ENUM || vmlinux.name(id) !== SUBSYSTEMS) continue;
    for (const [value, name] of readEnum(vmlinux, id)) {
      if (value === subsystem) return `${name} ${reason & ((1 << SUBSYSTEM_SHIFT) - 1)}`;
    }
  }
  return String(reason);
}
