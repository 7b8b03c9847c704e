/** `node user-side.js WHAT EVENTS RUNS`: prints nanoseconds an event, or bytes an event, for each run as JSON. */
import { openSync, writeSync } from 'node:fs';
import { Places } from '../dist/base/places.js';
import { JourneyTracker } from '../dist/journey/tracker.js';
import { AggregateOutput } from '../dist/output/aggregate.js';
import { createJsonOutput } from '../dist/output/json.js';
import { drain, recordTrace } from './recorded.js';

const TARGETS = 1600;
/** As in a ping to a neighbour, and back. */
const EVENTS_PER_JOURNEY = 28;
const FOREVER = 1n << 62n;

const [what = '', count = '', runs = ''] = process.argv.slice(2);
const events = Number(count);
const targets = Array.from({ length: TARGETS }, (_, index) => {
  const module = index % 10 === 0 ? 'nf_tables' : 'vmlinux';
  return { name: `skb_function_number_${index}`, module };
});
const { rings, journeys, endNs } = recordTrace({
  events,
  eventsPerJourney: EVENTS_PER_JOURNEY,
  targets: TARGETS,
  dataSize: 0,
});
const nowhere = openSync('/dev/null', 'w');

/** @template {import('../dist/output/output.js').Output} T @param {(context: import('../dist/output/output.js').OutputContext) => T} create */
function follow(create) {
  const places = new Places();
  const output = create({
    ...{ targets, hasReturns: false, fields: undefined, dataSize: 0 },
    places,
    names: { reason: () => undefined, symbol: () => undefined },
  });
  return { output, tracker: new JourneyTracker(output, places) };
}

/** What is measured is the usual way of a journey. @param {JourneyTracker} tracker */
function checkEnds({ counts }) {
  if (counts.get('delivered') !== journeys)
    throw new Error('the records are not those of bpf/abi/record.h: journeys lost their ends');
}

/** @param {(bytes: Uint8Array) => void} write */
function json(write) {
  const { output, tracker } = follow((context) => createJsonOutput(context));
  drain(rings, tracker, (idleMs) => {
    tracker.settle(FOREVER);
    output.tick(idleMs);
    if (output.pendingBytes === 0) return;
    const text = output.take();
    write(text);
    output.giveBack?.(text);
  });
  checkEnds(tracker);
  tracker.finish([], endNs);
  for (const piece of output.finish()) write(piece);
}

function aggregate() {
  const { output, tracker } = follow((context) => new AggregateOutput(context, { order: 'begin' }));
  drain(rings, tracker, () => tracker.settle(FOREVER));
  checkEnds(tracker);
  return output;
}

/** The lines of JSON, copied one by one into a buffer that is written when it is full. */
function prepareCopy() {
  /** @type {Buffer[]} */
  const pieces = [];
  json((bytes) => pieces.push(Buffer.from(bytes)));
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
  const held = aggregate();
  const after = used();
  if (!held.hasRoom) throw new Error('the output has no room');
  return (after - before) / events;
}

const bodies = {
  json: () => json((bytes) => void writeSync(nowhere, bytes)),
  aggregate: () => void aggregate(),
  drain: () => void drain(rings, { event() {}, began() {}, moved() {}, ended() {} }, () => {}),
  copy: () => {},
};
if (what === 'memory') {
  process.stdout.write(JSON.stringify([memory()]));
} else {
  const body = what === 'copy' ? prepareCopy() : bodies[/** @type {keyof typeof bodies} */ (what)];
  // The engine gets warm before it is measured, but for the points of a curve.
  const cold = Number(runs) === 1 ? 0 : 2;
  const found = [];
  for (let run = 0; run < Number(runs) + cold; run++) {
    const begin = process.hrtime.bigint();
    body();
    const ns = Number(process.hrtime.bigint() - begin);
    if (run >= cold) found.push(ns / events);
  }
  process.stdout.write(JSON.stringify(found));
}
