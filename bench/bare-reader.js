/** `node bare-reader.js BACKEND`: traces mark 1 and takes the events out of the ring, without a look at them. */
import { setTimeout as sleep } from 'node:timers/promises';
import { raiseLimits } from '../dist/capture/process.js';
import { Session } from '../dist/capture/session.js';
import { NO_FIELDS } from '../dist/fields/field-set.js';
import { markFilter } from '../dist/filter/mark.js';
import { BACKENDS } from '../dist/probes/backends.js';
import { loadTargets } from '../dist/probes/targets.js';

const backend = BACKENDS.find(({ name }) => name === process.argv[2]);
if (!backend) throw new Error(`no backend ${process.argv[2]}`);
let stopped = false;
process.on('SIGINT', () => {
  stopped = true;
});
raiseLimits();
const { targets, deciding } = await loadTargets(backend);
const session = await Session.open({
  ...{
    backend,
    targets,
    deciding,
    tracer: 'function',
    packets: markFilter(1, 0xffffffff),
    samplePeriod: 1,
    snaplen: 0,
  },
  ...{ ringSizeBytes: 1 << 24, follow: false, fields: NO_FIELDS },
});
await session.attach(new AbortController().signal);
process.stderr.write('Trace ready!\n');
const nobody = { event() {}, began() {}, moved() {}, snapshot() {}, process() {}, ended() {} };
let events = 0;
while (!stopped) {
  const { events: count } = session.read(nobody, 1 << 12);
  events += count;
  await sleep(count > 0 ? 0 : 2);
}
events += session.read(nobody).events;
const lost = session.losses().cpus.reduce((sum, cpu) => sum + cpu.lost, 0n);
process.stderr.write(`${events} events\n${lost > 0n ? `warning: ${lost} events were lost\n` : ''}`);
await session.release();
