/** From a backend's object, and what belongs in its programs, to loaded programs. */

import { encodeConfig } from '../abi/config.js';
import { IPFT_MAX_COUNTED } from '../abi/layout.js';
import { causedBy, ExtensionError, IpftError, VerifierError } from '../base/errors.js';
import type { TracerName } from '../base/method.js';
import { printable } from '../base/printable.js';
import { findPosition, type SourcePosition } from '../fields/c/line-info.js';
import { findHint, findSourceLine, summarizeVerifierLog } from '../fields/c/verifier-log.js';
import { type EventFields, type FieldSet, NO_FIELDS, type Part, type PartSet } from '../fields/field-set.js';
import { setMark } from '../filter/mark.js';
import { type CompiledFilter, looksBeyondMark, objectsOf, type PacketFilter } from '../filter/packet-filter.js';
import { loadKernelBtf } from '../kernel/btf.js';
import { hasReadOnlyCast, mendsFaultsEverywhere, readTracepoints } from '../kernel/features.js';
import { findLimitHint } from '../kernel/memory.js';
import type { Backend } from '../probes/backend.js';
import type { Probe } from '../probes/probe.js';
import {
  BpfObject,
  LibbpfError,
  type Load,
  LoadingError,
  linkObjects,
  loadUndisturbed,
  wasInterrupted,
} from '../sys/libbpf.js';
import { linkInChild } from '../sys/link-child.js';
import { FIND_HEADER, loadOwnObject } from '../sys/own-objects.js';
import { switchSnapshots, switchWho } from './questions.js';

export interface LoadOptions {
  readonly tracer: TracerName;
  /** Which packets are followed. */
  readonly packets: PacketFilter;
  readonly samplePeriod: number;
  readonly ringSizeBytes: number;
  /** Whether packets are followed whatever becomes of their mark. */
  readonly follow: boolean;
  /** The bytes of a packet that snapshots have; 0: there are no snapshots. */
  readonly snaplen: number;
  /** Whether journeys have processes. */
  readonly who: boolean;
  /** What events carry; where there are none, the values by which is counted. */
  readonly fields: EventFields;
  /** What is counted, by the values of the fields; undefined: calls make events. */
  readonly countedPer?: 'packet' | 'call' | undefined;
}

/** The size of the ring of ends for a ring of events: an end is as large as a few events, and a journey has many. */
export function endsBytes(ringSizeBytes: number): number {
  return Math.max(1 << 20, ringSizeBytes / 4);
}

/** Maps of the backend's object that all other objects share. */
export const JOURNEY_MAPS = ['ipft_events', 'ipft_ends', 'ipft_cpus', 'ipft_journeys', '.bss.ipft'];
/** And those that objects share which have filters. */
export const SHARED_MAPS = [...JOURNEY_MAPS, 'ipft_connections', 'ipft_sockets', 'ipft_endpoints', 'ipft_neighbours'];

export interface LoadedPrograms {
  readonly object: BpfObject;
  /** Their configuration, a struct ipft_config. */
  readonly config: Uint8Array;
  readonly filter: CompiledFilter;
  /** Whether they are the build that reads with helpers. */
  readonly byHelper: boolean;
}

/**
 * Links, configures and loads the programs that the targets need; without targets, all of them.
 * @param signal ends it: a child, or the kernel's work on a program
 * @throws ExtensionError if the extension does not fit, VerifierError if the kernel refuses it; the reason of `signal`
 */
export async function loadPrograms(
  backend: Backend,
  targets: readonly Probe[] | undefined,
  options: LoadOptions,
  signal?: AbortSignal,
): Promise<LoadedPrograms> {
  const { fields, tracer, packets } = options;
  const { compile, where, ...rest } = packets;
  const { mark, places, connections, processes } = rest;
  // A read without a helper gives 0 both for a packet without a mark and for memory that can't be read.
  const zeroMatches =
    mark.value === 0 && (mark.mask !== 0 || !(compile || where || places || connections || processes));
  const byHelper = backend.alwaysByHelper || zeroMatches || needsHelper(fields);
  const filter: CompiledFilter = {
    ...rest,
    wants: compile?.(loadKernelBtf(), byHelper),
    where: where?.compile(loadKernelBtf(), byHelper),
    called: where?.needsHeaders ? [loadOwnObject(FIND_HEADER)] : [],
  };
  const hasNotices = options.snaplen > 0 || options.who;
  const linked = await link(backend, tracer, { fields, filter }, { byHelper, hasNotices, signal });
  const asking = switchWho(switchSnapshots(linked, options.snaplen > 0), options.who);
  const marked = setMark(asking, filter);
  return await loadUndisturbed(
    (load) => loadLinked(marked, { backend, targets, options, filter, byHelper }, load),
    signal,
  );
}

interface Wanted extends Pick<LoadedPrograms, 'filter' | 'byHelper'> {
  readonly backend: Backend;
  readonly targets: readonly Probe[] | undefined;
  readonly options: LoadOptions;
}

async function loadLinked(linked: Uint8Array, wanted: Wanted, load: Load): Promise<LoadedPrograms> {
  const { backend, targets, options, filter, byHelper } = wanted;
  const { fields, tracer } = options;
  const vmlinux = loadKernelBtf();
  const object = open(linked, fields);
  try {
    object.setMaxEntries('ipft_events', options.ringSizeBytes);
    object.setMaxEntries('ipft_ends', endsBytes(options.ringSizeBytes));
    if (!filter.connections && !filter.processes) object.setMaxEntries('ipft_connections', 1);
    if (!options.who) object.setMaxEntries('ipft_holders', 1);
    if (!filter.processes) for (const map of ['ipft_sockets', 'ipft_endpoints']) object.setMaxEntries(map, 1);
    if (!filter.processes?.withNeighbours) object.setMaxEntries('ipft_neighbours', 1);
    const counted = options.countedPer && fields.sets.find(({ counted }) => counted)?.counted;
    if (counted) {
      object.setKeySize('ipft_counted', fields.dataBytes);
      object.setMaxEntries('ipft_counted', IPFT_MAX_COUNTED);
    }
    // A program that calls nothing is one function, which no kernel gets wrong.
    const filters = looksBeyondMark(filter);
    const calls = fields.sets.length > 0 || filters || options.snaplen > 0 || options.who;
    const config = encodeConfig({
      ...{ samplePeriod: options.samplePeriod, follow: options.follow, snaplen: options.snaplen },
      ...{ wants: filter.wants !== undefined, where: filter.where !== undefined },
      ...{ places: filter.places, connections: filter.connections },
      ...{ processes: filter.processes !== undefined, who: options.who },
      neighbours: filter.processes?.withNeighbours ?? false,
      ...{ dataSize: fields.dataBytes, module: setIn('module', fields), fields: setIn('fields', fields) },
      ...{ script: setIn('script', fields), show: setIn('show', fields) },
      counting: counted && options.countedPer && { ...counted, per: options.countedPer },
      directReads: filter.mark.value !== 0 && (!calls || mendsFaultsEverywhere(vmlinux)),
      ...readTracepoints(vmlinux),
    });
    object.setInitialValue('.rodata.ipft', config);
    for (const [map, entries] of Object.entries(backend.maps(tracer, vmlinux))) object.setMaxEntries(map, entries);
    const programs = backend.programs(tracer, targets);
    for (const { name, type, attachTo } of programs) {
      if (type) object.setProgramType(name, type.program, type.attach);
      if (attachTo !== undefined) object.setAttachTarget(name, attachTo);
    }
    await load(object, new Set(programs.map(({ name }) => name)));
    return { object, config, filter, byHelper };
  } catch (error) {
    object[Symbol.dispose]();
    throw explainLoad(error, fields, filter);
  }
}

/** The set that a function of the kernel side writes. */
function setIn(part: Part, { sets }: EventFields): PartSet | undefined {
  return sets.find((set) => set.part === part);
}

export interface LinkOptions {
  /** Whether to use the build that reads with helpers. */
  readonly byHelper?: boolean;
  /** Whether the programs are to tell of journeys what takes functions: snapshots, or processes. */
  readonly hasNotices?: boolean;
  /** Ends linking. */
  readonly signal?: AbortSignal | undefined;
}

/** What is linked into a backend's programs. */
export interface LinkedIn {
  readonly fields: EventFields;
  readonly filter?: CompiledFilter | undefined;
}

/**
 * Links a backend's object and what belongs in its programs.
 * @throws ExtensionError if they don't fit together, the reason of `signal`
 */
export async function link(
  backend: Backend,
  tracer: TracerName,
  { fields, filter }: LinkedIn,
  { byHelper = needsHelper(fields), hasNotices = false, signal }: LinkOptions = {},
): Promise<Uint8Array> {
  const { sets } = fields;
  const isAsked = filter !== undefined && looksBeyondMark(filter);
  const build = { byHelper, hasCalls: sets.length > 0 || isAsked || hasNotices };
  const brought = sets.flatMap(({ objects, compile }) => [...objects, ...(compile ? [compile(byHelper)] : [])]);
  // Two sets may call the same.
  const added = brought.filter(({ name, bytes }, index) => {
    const first = brought.findIndex((other) => other.name === name && Buffer.compare(other.bytes, bytes) === 0);
    return first === index;
  });
  const asked = filter ? objectsOf(filter) : [];
  const objects = [
    loadOwnObject(`${backend.object(tracer, build)}.bpf.o`),
    ...added,
    // Fields and filter may call the same.
    ...asked.filter(({ name }) => added.every((object) => object.name !== name)),
    ...(sets.some(({ hasLicense }) => hasLicense) ? [] : [loadOwnObject('license.bpf.o')]),
  ];
  // libbpf trusts the objects that it reads, and a damaged one can crash it. An object that was compiled just now is
  // sound.
  const trusted = added.every(({ compiled }) => compiled);
  try {
    return trusted ? linkObjects(objects) : await linkInChild(objects, signal);
  } catch (error) {
    throw explainLink(error, fields);
  }
}

/** Whether programs can't read without a helper: the kernel can't do it (safely), or a linked object is in the way. */
export function needsHelper({ sets }: EventFields): boolean {
  if (sets.some(({ declaresRdonlyCast }) => declaresRdonlyCast)) return true;
  try {
    const vmlinux = loadKernelBtf();
    return !hasReadOnlyCast(vmlinux) || !mendsFaultsEverywhere(vmlinux);
  } catch {
    return false;
  }
}

function open(linked: Uint8Array, fields: EventFields): BpfObject {
  try {
    return new BpfObject(linked);
  } catch (error) {
    throw fields.sets.length > 0 ? explainLink(error, fields) : error;
  }
}

/** An error of linking for people, with libbpf's messages. */
function explainLink(error: unknown, { sets }: EventFields): unknown {
  if (!(error instanceof LibbpfError)) return error;
  const said = error.warnings.map((warning) => printable(warning)).join('; ');
  const hint = sets.find(({ linkHint }) => linkHint !== undefined)?.linkHint;
  return causedBy(new ExtensionError(`${error.message}${said === '' ? '' : `: ${said}`}`, hint), error);
}

/** What a failed load means, for people. @param fields, filter what was linked in */
export function explainLoad(error: unknown, { sets } = NO_FIELDS, filter?: CompiledFilter): unknown {
  if (!(error instanceof LibbpfError)) return error;
  if (wasInterrupted(error)) {
    const problem = `${error.message}: something interrupts the kernel each time it looks at a program`;
    return causedBy(
      new IpftError('LOAD', problem, 'a debugger, or many signals, may do that: try again without'),
      error,
    );
  }
  const log = error instanceof LoadingError ? error.verifierLog : '';
  const said = error.warnings.map((warning) => printable(warning)).join('; ');
  if (log.trim() === '') {
    return causedBy(new IpftError('LOAD', `${error.message}${said === '' ? '' : `: ${said}`}`, findLimitHint()), error);
  }
  const position = findSourcePosition(sets, log);
  const asked = filter
    ? [filter.wants, filter.where].flatMap((object) => (object ? [{ label: object.name }] : []))
    : [];
  const suspects = position ? [position.set] : sets.length > 0 ? sets : asked;
  const program = suspects.map(({ label }) => label).join(' and ') || "ipft's own program";
  const within = position
    ? `, in ${printable(position.function)}() at ${printable(position.file)}:${position.line}`
    : '';
  const hint = sets.length > 0 ? findHint(log) : undefined;
  return causedBy(
    new VerifierError(
      program,
      `the kernel's verifier refuses ${program}${within}:\n${summarizeVerifierLog(log)}`,
      log,
      [...(hint === undefined ? [] : [hint]), '-v shows all that the verifier said'].join('; '),
    ),
    error,
  );
}

/** The position of the line that was being verified, and its field source, if exactly one source has the line. */
function findSourcePosition(sets: readonly FieldSet[], log: string): (SourcePosition & { set: FieldSet }) | undefined {
  const source = findSourceLine(log);
  if (!source) return undefined;
  const positions = sets.flatMap((set) =>
    set.objects.flatMap(({ bytes }) => {
      const position = findPosition(bytes, source);
      return position ? [{ ...position, set }] : [];
    }),
  );
  return positions.length === 1 ? positions[0] : undefined;
}
