/**
 * `node user-side.js WHAT EVENTS RUNS`: prints nanoseconds an event, or bytes an event, for each run as JSON.
 * `node user-side.js recording EVENTS FILE` writes a recording of packets that differ.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  write,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as immediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Places } from '../dist/base/places.js';
import { combineFields } from '../dist/fields/field-set.js';
import { loadScript } from '../dist/fields/lua/script.js';
import { JourneyTracker } from '../dist/journey/tracker.js';
import { AggregateOutput } from '../dist/output/aggregate.js';
import { createJsonOutput } from '../dist/output/json.js';
import { createLiveOutput } from '../dist/output/live.js';
import { createContext, JourneyOutput } from '../dist/output/output.js';
import { PathsOutput } from '../dist/output/paths.js';
import { createPcapngOutput } from '../dist/output/pcapng.js';
import { PerfettoEncoder } from '../dist/output/perfetto.js';
import { FileSink } from '../dist/recording/file-sink.js';
import { Origin } from '../dist/recording/part.js';
import { Recorder } from '../dist/recording/recorder.js';
import { Recording } from '../dist/recording/recording.js';
import { BATCH, drain, openRings, recordTrace } from './recorded.js';

const TARGETS = 1600;
/** As in a ping to a neighbour, and back. */
const EVENTS_PER_JOURNEY = 28;
/** As from one namespace through a gateway into another. */
const EVENTS_PER_LONG_JOURNEY = 60;
const FOREVER = 1n << 62n;
const SCRIPT_BYTES = 64;
const SCRIPTS = fileURLToPath(new URL('../examples/scripts/', import.meta.url));

const [what = '', count = '', runs = ''] = process.argv.slice(2);
const events = Number(count);
const targets = Array.from({ length: TARGETS }, (_, index) => {
  const module = index % 10 === 0 ? 'nf_tables' : 'vmlinux';
  return { name: `skb_function_number_${index}`, module };
});
/** As `-o pcapng` asks for. */
const snaplen = what.endsWith('pcapng') ? 256 : 0;
const isVaried = what === 'recording';
/** Those with a script in Lua have 64 bytes of data in each event. */
const isScript = what.startsWith('script');
const eventsPerJourney = isVaried ? EVENTS_PER_LONG_JOURNEY : EVENTS_PER_JOURNEY;
const trace = recordTrace({
  events,
  eventsPerJourney,
  targets: TARGETS,
  dataSize: isScript ? SCRIPT_BYTES : 0,
  snaplen,
  isVaried,
});
const nowhere = openSync('/dev/null', 'w');
const NOBODY = {
  event() {},
  began() {},
  moved() {},
  snapshot() {},
  process() {},
  ended() {},
  missed() {},
  notice() {},
  records() {},
};

/** @type {import('../dist/base/record-source.js').TraceHeader} */
const HEADER = {
  ...{
    version: '0',
    kernel: '6.12',
    tracer: 'function',
    backend: 'kprobe-multi',
    targets,
    fields: isScript ? scriptFields() : undefined,
  },
  ...{ names: { reason: () => undefined, symbol: () => undefined }, symbols: () => {} },
  ...{ netnsName: () => undefined, findGroup: () => undefined, beganNs: 0n, realtimeOffsetNs: 0n },
};
/** @type {import('../dist/base/record-source.js').SourceCoverage} */
const COVERAGE = { traced: TARGETS, refused: [], unwatched: [] };
/** @type {import('../dist/base/losses.js').TraceLosses} */
const NO_LOSSES = {
  ...{ cpus: [], unfollowed: 0n, ends: 0n, unseen: 0n, missed: { shown: 0n, deciding: 0n } },
  ...{ countsMisses: true, switchedOff: [] },
};
/** @type {import('../dist/recording/header.js').RecordingFacts} */
const FACTS = {
  ...{ ...HEADER, fields: undefined, host: 'here', id: '0123456789abcdef', part: 1, coverage: COVERAGE },
  plan: {
    ...{ packets: 'with mark 0x1', follow: false, functions: '', modules: '', samplePeriod: 1 },
    ringBytes: 1 << 24,
  },
};
const END = { atNs: trace.endNs, living: [] };

/**
 * The trace as if it were running.
 * @typedef {import('../dist/base/record-source.js').RecordSource} RecordSource
 * @returns {RecordSource & Required<Pick<RecordSource, 'readRaw'>>}
 */
function live() {
  const rings = openRings(trace);
  return {
    ...{ header: HEADER, places: new Places(), coverage: COVERAGE, isOver: false },
    read: (taker, limit) => rings.read(taker, limit),
    readRaw: (taker, limit) => rings.readRaw(taker, limit),
    end: () => END,
    losses: () => NO_LOSSES,
    countUnreadEnds: () => 0,
  };
}

/**
 * @template {import('../dist/output/output.js').Output} T
 * @param {RecordSource} source
 * @param {(context: import('../dist/output/output.js').OutputContext) => T} create
 * @param {(output: T) => void} handOn after each batch
 */
function follow(source, create, handOn = () => {}) {
  const output = create(createContext(source));
  const tracker = new JourneyTracker(output, source.places);
  const taker = Object.assign(tracker, { missed() {} });
  drain(
    () => source.read(taker, BATCH),
    (idleMs) => {
      tracker.settle(FOREVER);
      output.tick(idleMs);
      handOn(output);
    },
  );
  // What is measured is the usual way of a journey.
  if (tracker.counts.get('delivered') !== trace.journeys)
    throw new Error('the records are not those of bpf/abi/record.h: journeys lost their ends');
  return { output, tracker };
}

/**
 * Writes what an output makes as it comes.
 * @param {RecordSource} source
 * @param {(bytes: Uint8Array) => void} write
 * @param {(context: import('../dist/output/output.js').OutputContext) => import('../dist/output/output.js').Output} create
 */
function stream(source, write, create) {
  const { output, tracker } = follow(source, create, (output) => {
    do {
      if (output.pendingBytes === 0) continue;
      const text = output.take();
      write(text);
      output.giveBack?.(text);
    } while (output.tick(0));
  });
  tracker.finish([], trace.endNs);
  for (const piece of output.finish()) write(piece);
}

/** @param {RecordSource} source @param {(bytes: Uint8Array) => void} write */
const json = (source, write) => stream(source, write, (context) => createJsonOutput(context));

/** @param {RecordSource} source */
const liveText = (source) => stream(source, toNowhere, (context) => createLiveOutput(context));

/** @param {RecordSource} source */
const pcapng = (source) => stream(source, toNowhere, (context) => createPcapngOutput(context));

/** @param {RecordSource} source */
const perfetto = (source) =>
  stream(source, toNowhere, (context) => new JourneyOutput(new PerfettoEncoder(context), context, {}));

/** @param {RecordSource} source */
const aggregate = (source) => follow(source, (context) => new AggregateOutput(context, { order: 'begin' })).output;

/** @param {RecordSource} source */
function paths(source) {
  const { output, tracker } = follow(source, (context) => new PathsOutput(context));
  tracker.finish([], trace.endNs);
  for (const piece of output.finish()) writeSync(nowhere, piece);
}

/** Records as the command line does: the system takes pieces while the next ones are made. */
async function record(/** @type {number} */ fd, deflates = false) {
  const source = live();
  const origin = new Origin(source, FACTS, { deflates });
  const file = { name: 'file', write: (/** @type {Uint8Array} */ bytes) => writeAll(fd, bytes), close() {} };
  const sink = new FileSink(origin, { next: () => file });
  const recorder = new Recorder(origin, sink);
  for (let isDrained = false; !isDrained; ) {
    isDrained = recorder.read(source, BATCH).drained;
    await sink.drain();
    await immediate();
  }
  recorder.finish(source.end());
  await sink.close();
  if (recorder.ended !== trace.journeys) throw new Error('the recorder lost journeys');
}

const writeSome = promisify(write);

/** @param {number} fd @param {Uint8Array} bytes */
async function writeAll(fd, bytes) {
  for (let at = 0; at < bytes.length; ) at += (await writeSome(fd, bytes, at)).bytesWritten;
}

/** A file that is removed at the end, in memory where there is a place for it. */
function nameFile() {
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ipft-bench-'));
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }));
  return join(dir, 'recording');
}

/** Records once, and measures showing. @param {(source: RecordSource) => void} body */
async function prepareShow(body) {
  const file = nameFile();
  await record(openSync(file, 'w'));
  return () => {
    const recording = Recording.open(file);
    body(recording);
    recording[Symbol.dispose]();
  };
}

function prepareFile() {
  const fd = openSync(nameFile(), 'w');
  return async () => {
    ftruncateSync(fd);
    await record(fd);
  };
}

/** The fields of gso.lua; of the same script without `decode`, or with a word that has each call of it watched. */
function scriptFields() {
  const dir = mkdtempSync(join(tmpdir(), 'ipft-bench-'));
  const object = join(dir, 'gso.bpf.o');
  const include = ['-idirafter', '/usr/include/x86_64-linux-gnu'];
  const source = join(SCRIPTS, 'gso.bpf.c');
  execFileSync('clang', ['-target', 'bpf', '-O2', '-g', '-D__TARGET_ARCH_x86', ...include, '-c', source, '-o', object]);
  const path = join(dir, 'gso.lua');
  const script = readFileSync(join(SCRIPTS, 'gso.lua'), 'utf8').replace('"gso.bpf.o"', JSON.stringify(object));
  const more = { 'script-without-decode': 'decode = nil', 'script-watched': '-- gsub' }[what] ?? '';
  writeFileSync(path, `${script}\n${more}\n`);
  const fields = combineFields([loadScript(path)]);
  rmSync(dir, { recursive: true });
  return fields;
}

/** The lines of JSON, copied one by one into a buffer that is written when it is full. */
function prepareCopy() {
  /** @type {Buffer[]} */
  const pieces = [];
  json(live(), (bytes) => pieces.push(Buffer.from(bytes)));
  const text = Buffer.concat(pieces);
  /** @type {Buffer[]} */
  const lines = [];
  for (let begin = 0; begin < text.length; ) {
    const end = text.indexOf(10, begin) + 1;
    lines.push(text.subarray(begin, end));
    begin = end;
  }
  const buffer = Buffer.alloc(1 << 17);
  return () => {
    let at = 0;
    for (const line of lines) {
      if (at + line.length > buffer.length) {
        writeSync(nowhere, buffer, 0, at);
        at = 0;
      }
      line.copy(buffer, at);
      at += line.length;
    }
    writeSync(nowhere, buffer, 0, at);
  };
}

function memory() {
  const used = () => {
    global.gc?.();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = used();
  const held = aggregate(live());
  const after = used();
  if (!held.hasRoom) throw new Error('the output has no room');
  return (after - before) / events;
}

const toNowhere = (/** @type {Uint8Array} */ bytes) => void writeSync(nowhere, bytes);

/** What is measured, each made ready first. @type {Record<string, () => unknown>} */
const PREPARED = {
  json: () => () => json(live(), toNowhere),
  script: () => () => json(live(), toNowhere),
  'script-without-decode': () => () => json(live(), toNowhere),
  'script-watched': () => () => json(live(), toNowhere),
  live: () => () => liveText(live()),
  aggregate: () => () => aggregate(live()),
  paths: () => () => paths(live()),
  pcapng: () => () => pcapng(live()),
  drain: () => () => {
    const source = live();
    drain(() => source.read(NOBODY, BATCH));
  },
  'drain-raw': () => () => {
    const source = live();
    drain(() => source.readRaw(NOBODY, BATCH));
  },
  copy: prepareCopy,
  record: () => () => record(nowhere),
  'record-compressed': () => () => record(nowhere, true),
  'record-file': prepareFile,
  'show-json': () => prepareShow((recording) => json(recording, toNowhere)),
  'show-aggregate': () => prepareShow(aggregate),
  'show-pcapng': () => prepareShow(pcapng),
  'show-paths': () => prepareShow(paths),
  'show-perfetto': () => prepareShow(perfetto),
};
if (what === 'memory') {
  process.stdout.write(JSON.stringify([memory()]));
} else if (what === 'recording') {
  await record(openSync(runs, 'w'));
} else {
  const prepare = Object.hasOwn(PREPARED, what) ? PREPARED[what] : undefined;
  if (!prepare) throw new Error(`nothing to measure is called ${what}: there are ${Object.keys(PREPARED).join(', ')}`);
  const body = /** @type {() => unknown} */ (await prepare());
  // The engine gets warm before it is measured, but for the points of a curve.
  const cold = Number(runs) === 1 ? 0 : 2;
  const found = [];
  for (let run = 0; run < Number(runs) + cold; run++) {
    const begin = process.hrtime.bigint();
    await body();
    const ns = Number(process.hrtime.bigint() - begin);
    if (run >= cold) found.push(ns / events);
  }
  process.stdout.write(JSON.stringify(found));
}
