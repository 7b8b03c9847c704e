/** Fields of several sources in one record. With every backend and tracer, builtin-fields.test.ts has them. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { BackendName, TracerName } from '../../src/base/method.js';
import { TextBuffer } from '../../src/base/text-buffer.js';
import { parseBtf } from '../../src/btf/btf.js';
import { parseElf, sectionBytes } from '../../src/bytecode/elf.js';
import { Session } from '../../src/capture/session.js';
import { parseEventStruct } from '../../src/fields/event-struct.js';
import { chooseExtension, extensionSource } from '../../src/fields/extension.js';
import { type EventFields, type FieldSource, loadFields } from '../../src/fields/field-set.js';
import { markFilter } from '../../src/filter/mark.js';
import { BACKENDS } from '../../src/probes/backends.js';
import { loadTargets } from '../../src/probes/targets.js';
import { compiled, example, extension, Network, ROOT } from './harness.js';
import { CHOSEN_METHODS, HAS_ALL_TESTS, MAIN_METHODS, testMethod } from './kernels.js';

/** Elsewhere what `ipft` chooses without returns is enough: larger programs have had all backends. */
const TRIED = HAS_ALL_TESTS
  ? MAIN_METHODS
  : MAIN_METHODS.filter((method) => method === CHOSEN_METHODS.find((one) => one.endsWith(' function')));
/** For what each kernel's verifier has had in larger programs, and our side does alike. */
const CHOSEN = HAS_ALL_TESTS ? CHOSEN_METHODS : [];

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
});
afterAll(() => network?.[Symbol.dispose]());

const MARK = 48;

/** Fields that the user side has made code for: `doubled.bpf.c`. */
const DOUBLED: FieldSource = {
  async load() {
    const bytes = readFileSync(compiled(join(ROOT, 'tests/vm/fields/doubled.bpf.c')));
    const btf = sectionBytes(bytes, parseElf(bytes), '.BTF')!;
    const layout = parseEventStruct(parseBtf(btf));
    return {
      ...{ label: 'the doubled fields', part: 'fields', layout, btf, dataBytes: 8 },
      ...{ objects: [{ name: 'doubled', bytes, compiled: true }], hasLicense: false, declaresRdonlyCast: false },
    };
  },
};
const inC = (file: string) => extensionSource(chooseExtension([compiled(file)]), {});

interface Shown {
  readonly isReturn: boolean;
  /** The fields as they stand in a line of JSON; empty if there are none. */
  readonly json: string;
  readonly text: string;
}

/** The fields of all events of two pings, a short one and one that is longer by a kilobyte. */
async function show(fields: EventFields, method: string): Promise<Shown[]> {
  const [name, tracer] = method.split(' ') as [BackendName, TracerName];
  const backend = BACKENDS.find((one) => one.name === name)!;
  const { targets, deciding } = await loadTargets(backend, {
    functionPattern: { regExp: /^(ip_output|dev_hard_start_xmit)$/, text: '' },
  });
  using session = await Session.open({
    ...{
      backend,
      tracer,
      targets,
      deciding,
      packets: markFilter(MARK, 0xffffffff),
      samplePeriod: 1,
      snaplen: 0,
      follow: false,
    },
    ...{ ringSizeBytes: 1 << 20, fields },
  });
  await session.attach(new AbortController().signal);
  network.ping(MARK, { count: 1 });
  network.ping(MARK, { count: 1, bytes: 1080 });
  const writer = fields.createWriter(() => {});
  const out = new TextBuffer(256);
  const shown: Shown[] = [];
  session.read({
    event({ isReturn, hasFields, data, dataOffset }) {
      if (hasFields) writer.json(out, data, dataOffset);
      const json = out.takeText();
      if (hasFields) writer.text(out, data, dataOffset);
      shown.push({ isReturn, json, text: out.takeText() });
    },
    ...{ began() {}, moved() {}, snapshot() {}, process() {}, ended() {} },
  });
  await session.release();
  return shown;
}

const entriesOf = (shown: readonly Shown[]) => shown.filter(({ isReturn }) => !isReturn);

describe('an extension and a second source', () => {
  for (const method of CHOSEN) {
    testMethod(method, 'the fields of both, in the order of the sources', async () => {
      const fields = await loadFields([inC(example('skb-len.bpf.c')), DOUBLED]);
      const shown = await show(fields, method);
      const lengths = [84, 98, 1108, 1122];
      expect(entriesOf(shown).map(({ json }) => json)).toEqual(
        lengths.map((len) => `,"len":${len},"twice":${2 * len},"was_clear":true`),
      );
      expect(entriesOf(shown)[0]!.text).toBe(' len: 84 twice: 168 was_clear: true');
      // ip_output returns when the packet is sent, and may be freed.
      for (const { json } of shown) expect(json).toMatch(/^(|,"len":(\d+),"twice":\d+,"was_clear":true)$/);
    });
  }

  for (const method of TRIED) {
    testMethod(method, 'the extension behind the other one, which it leaves out with the whole event', async () => {
      const fields = await loadFields([DOUBLED, inC(extension('drop-small.bpf.c'))]);
      const shown = await show(fields, method);
      expect(entriesOf(shown).map(({ json }) => json)).toEqual(
        [1108, 1122].map((len) => `,"twice":${2 * len},"was_clear":true,"len":${len}`),
      );
    });
  }
});

for (const method of CHOSEN) {
  testMethod(method, 'a second source alone: its fields, in no more bytes than it needs', async () => {
    const fields = await loadFields([DOUBLED]);
    expect(fields.dataBytes).toBe(8);
    expect(entriesOf(await show(fields, method)).map(({ json }) => json)).toEqual(
      [84, 98, 1108, 1122].map((len) => `,"twice":${2 * len},"was_clear":true`),
    );
  });
}
