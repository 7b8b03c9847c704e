/** The words of a query of packets, as this machine understands them. */
import { printable } from '../base/printable.js';
import type { KernelTypes } from '../expression/kernel-types.js';
import type { PacketFilter } from '../filter/packet-filter.js';
import { createPacketFilter, type PacketQuery } from '../filter/packet-query.js';
import { compileExpression, compileInner } from '../filter/pcap/expression.js';
import { MAX_GROUPS } from '../filter/process-query.js';
import { parseDeviceWords, type WantedPlaces } from '../filter/wanted-places.js';
import { compileWhere } from '../filter/where.js';
import { findCgroups } from '../kernel/cgroup-search.js';
import { findNetns, listDevices } from '../kernel/places.js';
import { checkProcess } from '../kernel/processes.js';
import { compileWithLibpcap } from '../sys/libpcap.js';
import type { OptionNames } from './plan.js';

/**
 * @param names of options, for messages
 * @param types of the running kernel, for conditions
 * @param warn told what is allowed, and hardly meant
 * @throws UsageError if libpcap refuses an expression, or a namespace, a process or a control group is not there;
 * EnvironmentError `NO_LIBPCAP`; UnsupportedFeatureError for control groups where there are none of version 2
 */
export function resolvePackets(
  packets: PacketQuery,
  { where: whereName }: OptionNames,
  types: () => KernelTypes,
  warn: (text: string) => void,
): PacketFilter {
  for (const pid of packets.processes?.pids ?? []) checkProcess(pid);
  const compile = (text: string | undefined, by: typeof compileExpression) => {
    const compiled = text === undefined ? undefined : by(text, compileWithLibpcap);
    for (const warning of compiled?.warnings ?? []) warn(warning);
    return compiled;
  };
  const expression = compile(packets.expression, compileExpression);
  const inner = compile(packets.inner, compileInner);
  const where = packets.where === undefined ? undefined : compileWhere(packets.where, whereName, types());
  const places = resolvePlaces(packets, warn);
  const cgroups = findCgroups(packets.processes?.groups ?? [], MAX_GROUPS);
  return createPacketFilter(packets, { expression, inner, where, places, cgroups });
}

function resolvePlaces({ netns, dev }: PacketQuery, warn: (text: string) => void): WantedPlaces | undefined {
  if (netns.length === 0 && dev.length === 0) return undefined;
  const words = dev.map((device) => parseDeviceWords(device)!);
  const places = {
    netns: netns.map(findNetns),
    devices: words.map(({ name, netns }) => ({ name, netns: netns === undefined ? undefined : findNetns(netns) })),
  };
  for (const [index, device] of findMissing(places.devices)) {
    const where = device.netns === undefined ? '' : ` in the namespace ${printable(words[index]!.netns!)}`;
    warn(`there is no interface '${printable(device.name)}'${where} now; ipft waits for it`);
  }
  return places;
}

/** The devices that are not there, with their index. Where nobody may look, a device may be. */
function findMissing(devices: WantedPlaces['devices']) {
  const known: ReturnType<typeof listDevices> = devices.length > 0 ? listDevices() : new Map();
  return [...devices.entries()].filter(([, { name, netns }]) => {
    const where = netns === undefined ? [...known.values()] : [known.get(netns)];
    return where.every((names) => names !== undefined && !names.has(name));
  });
}
