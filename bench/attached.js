/** Programs that are attached to all traceable functions: the tracer's own, and floors in their place. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadPrograms } from '../dist/capture/load.js';
import { Ring } from '../dist/capture/ring.js';
import { Session } from '../dist/capture/session.js';
import { NO_FIELDS } from '../dist/fields/field-set.js';
import { markFilter } from '../dist/filter/mark.js';
import { loadKernelBtf } from '../dist/kernel/btf.js';
import { rolesOf } from '../dist/probes/roles.js';
import { loadTargets } from '../dist/probes/targets.js';
import { BpfObject } from '../dist/sys/libbpf.js';
import { PAGE_SIZE } from '../dist/sys/page-size.js';

/** @typedef {import('../dist/probes/backend.js').Backend} Backend */

const NOBODY = new AbortController().signal;

/** What was attached, and what it has cost so far. */
export class Attached {
  #names;

  /**
   * @param {() => Promise<void>} release
   * @param {() => void} empty takes what is there out of the ring: a program that finds no room does less
   * @param {(name: string) => boolean} names which programs count
   */
  constructor(release, empty, names) {
    this.release = release;
    this.empty = empty;
    this.#names = names;
  }

  /** What the programs have run so far, as the kernel counts it. Requires kernel.bpf_stats_enabled. */
  count() {
    const total = { runs: 0, ns: 0 };
    const listed = JSON.parse(
      execFileSync('bpftool', ['-j', 'prog', 'show'], { encoding: 'utf8', maxBuffer: 1 << 28 }),
    );
    for (const { name, run_cnt: runs = 0, run_time_ns: ns = 0 } of listed) {
      if (!this.#names(name ?? '')) continue;
      total.runs += runs;
      total.ns += ns;
    }
    return total;
  }

  /**
   * Measures what a call costs while packets pass, and what of it the programs do; then releases.
   * @param {() => number} pass sends packets, and tells how long it took
   * @param {number} none how long it takes without a tracer
   * @param {number} runs
   */
  async measureCalls(pass, none, runs) {
    const calls = [];
    const programs = [];
    for (let run = 0; run < runs; run++) {
      this.empty();
      const before = this.count();
      const ns = pass();
      const after = this.count();
      const count = after.runs - before.runs;
      calls.push((ns - none) / count);
      programs.push((after.ns - before.ns) / count);
    }
    await this.release();
    return { calls, programs };
  }
}

const RING_BYTES = 1 << 26;
/** @type {import('../dist/base/event.js').RecordTaker} */
const NOBODY_TAKES = { event() {}, began() {}, moved() {}, snapshot() {}, process() {}, ended() {} };

/** Has the kernel count how often programs run, and how long. */
export function countRuns() {
  writeFileSync('/proc/sys/kernel/bpf_stats_enabled', '1');
}

/**
 * Functions that mean nothing for what becomes of a packet, those that end it or give it to a socket, or all.
 * @typedef {'plain' | 'deciding' | 'all'} Functions
 */

/** @typedef {'empty' | 'record' | 'load'} Floor */

/**
 * @typedef {object} Choice
 * @property {Functions} functions
 * @property {RegExp | undefined} only those whose names match
 */

/** @param {RegExp | undefined} only */
const filterOf = (only) => ({ functionPattern: only && { regExp: only, text: only.source } });

/**
 * @param {Backend} backend
 * @param {Choice} choice
 */
async function chooseTargets(backend, { functions, only }) {
  const { targets } = await loadTargets(backend, filterOf(only));
  const all = targets.map((probe, index) => {
    return { probe, index, hidden: false, roles: rolesOf(probe, 'function') };
  });
  return all.filter(({ roles }) => functions === 'all' || (functions === 'plain') === (roles.length === 0));
}

/**
 * Attaches programs to functions, and nothing else.
 * @param {Backend} backend
 * @param {BpfObject} object loaded
 * @param {Choice} choice
 */
async function attachPrograms(backend, object, choice) {
  const moduleBtfs = new Map();
  const attachment = backend.attachment({ tracer: 'function', object, vmlinux: loadKernelBtf(), moduleBtfs });
  await attachment.attach(await chooseTargets(backend, choice), NOBODY);
  const ring = new Ring(object.mapFd('ipft_events'), RING_BYTES, PAGE_SIZE);
  const release = async () => {
    await attachment.release(() => {});
    ring[Symbol.dispose]();
    object[Symbol.dispose]();
  };
  const empty = () => void ring.read(NOBODY_TAKES);
  return new Attached(release, empty, (name) => name.startsWith('ipft_entry'));
}

/**
 * Attaches the programs of a floor.
 * @param {Backend} backend
 * @param {string} directory where `compileFloors` has put them
 * @param {Floor} floor
 * @param {Choice} choice
 */
export async function attachFloor(backend, directory, floor, choice) {
  const object = new BpfObject(readFileSync(join(directory, `${backend.name}-${floor}.o`)));
  const programs = backend.programs('function', (await loadTargets(backend)).targets);
  for (const { name, type, attachTo } of programs) {
    if (type) object.setProgramType(name, type.program, type.attach);
    if (attachTo !== undefined) object.setAttachTarget(name, attachTo);
  }
  object.load(new Set(programs.map(({ name }) => name)));
  return await attachPrograms(backend, object, choice);
}

const DEFAULTS = {
  ...{ tracer: /** @type {const} */ ('function'), packets: markFilter(1, 0xffffffff), samplePeriod: 1, snaplen: 0 },
  ...{ ringSizeBytes: RING_BYTES, follow: false, who: false, fields: NO_FIELDS },
};

/**
 * Attaches the tracer's programs, without what watches how packets end. Nobody reads the rings.
 * @param {Backend} backend
 * @param {Partial<import('../dist/capture/session.js').SessionOptions>} options
 * @param {Choice} choice
 */
export async function attachOwnPrograms(backend, options, choice) {
  const { targets } = await loadTargets(backend);
  const { object } = await loadPrograms(backend, targets, { ...DEFAULTS, ...options });
  return await attachPrograms(backend, object, choice);
}

/**
 * How long it takes to load the tracer, in nanoseconds.
 * @param {Backend} backend
 * @param {() => Partial<import('../dist/capture/session.js').SessionOptions>} options
 * @param {RegExp | undefined} only functions whose names match
 */
export async function timeLoading(backend, options, only) {
  const { targets, deciding } = await loadTargets(backend, filterOf(only));
  const begin = process.hrtime.bigint();
  const session = await Session.open({ ...DEFAULTS, backend, targets, deciding, ...options() });
  const ns = Number(process.hrtime.bigint() - begin);
  await session.release();
  return ns;
}

/**
 * Attaches the tracer as a whole. Nobody reads its rings.
 * @param {Backend} backend
 * @param {Partial<import('../dist/capture/session.js').SessionOptions>} options
 * @param {RegExp | undefined} only functions whose names match
 */
export async function attachTracer(backend, options, only) {
  const { targets, deciding } = await loadTargets(backend, filterOf(only));
  const session = await Session.open({ ...DEFAULTS, backend, targets, deciding, ...options });
  await session.attach(NOBODY);
  return new Attached(
    () => session.release(),
    () => void session.read(NOBODY_TAKES),
    (name) => name.startsWith('ipft_'),
  );
}
