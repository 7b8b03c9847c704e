/** The packed package in a TypeScript project of a user. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ROOT } from '../vm/harness.js';

const SOURCE = `
import { ExtensionError, type FieldSchema, type Journey, OUTCOMES, trace } from 'ipft';

export async function typed(): Promise<void> {
  await using session = await trace({
    mark: 1,
    extension: 'x.o',
    fields: { len: 'number', tcp: { seq: 'bigint' }, bytes: ['number'] },
  });
  for await (const event of session.events()) {
    const len: number = event.fields.len;
    const seq: bigint = event.fields.tcp.seq;
    const first: number | undefined = event.fields.bytes[0];
    console.log(len, seq, first);
    // @ts-expect-error there is no such field
    console.log(event.fields.length);
    // @ts-expect-error without returns there are no durations
    console.log(event.durationNs);
  }
}

export async function graph(fields: FieldSchema): Promise<Journey[]> {
  const session = await trace({ mark: 1, tracer: 'function_graph', extension: ['x.o'], fields });
  for await (const event of session.events()) {
    if (event.isReturn) console.log(event.durationNs, event.fields?.['x']);
    else console.log(event.fields['x']);
  }
  const journeys: Journey[] = [];
  for await (const journey of (await trace({ mark: 2 })).journeys()) journeys.push(journey);
  return journeys;
}

export async function wrong(): Promise<void> {
  // @ts-expect-error a mark is a number
  await trace({ mark: '1' }).catch((error: unknown) => error instanceof ExtensionError && console.log(error.log, OUTCOMES));
  // @ts-expect-error that is no type of a field
  await trace({ mark: 1, extension: 'x.o', fields: { len: 'int' } });
}
`;

const dir = mkdtempSync(join(tmpdir(), 'ipft-types-'));
beforeAll(() => {
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', dir], { cwd: ROOT });
  const tarball = readdirSync(dir).find((name) => name.endsWith('.tgz')) ?? '';
  mkdirSync(join(dir, 'node_modules/ipft'), { recursive: true });
  mkdirSync(join(dir, 'node_modules/@types'));
  execFileSync('tar', ['-xzf', tarball, '-C', 'node_modules/ipft', '--strip-components=1'], { cwd: dir });
  symlinkSync(join(ROOT, 'node_modules/@types/node'), join(dir, 'node_modules/@types/node'));
  symlinkSync(join(ROOT, 'node_modules/undici-types'), join(dir, 'node_modules/undici-types'));
  writeFileSync(join(dir, 'package.json'), '{ "type": "module" }');
  writeFileSync(join(dir, 'main.ts'), SOURCE);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test.each([
  ['node16', 'node16', 'es2023,esnext.disposable'],
  ['nodenext', 'nodenext', 'es2022'],
  ['esnext', 'bundler', 'es2022,dom'],
])(
  'a strict project with module %s and moduleResolution %s compiles, declarations and all',
  (module, resolution, lib) => {
    const strict = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--noUncheckedIndexedAccess',
      '--skipLibCheck',
      'false',
    ];
    const target = ['--noEmit', '--target', 'es2022', '--lib', lib, '--types', 'node'];
    const args = [...strict, ...target, '--module', module, '--moduleResolution', resolution, 'main.ts'];
    const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), args, { cwd: dir, encoding: 'utf8' });
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
  },
);

test('examples/library compiles', () => {
  symlinkSync(join(ROOT, 'node_modules/vitest'), join(dir, 'node_modules/vitest'));
  for (const file of ['drop.test.ts', 'service.test.ts', 'tsconfig.json'])
    cpSync(join(ROOT, 'examples/library', file), join(dir, 'example', file));
  // Errors in vitest's own declarations are not tested here.
  const args = ['-p', 'example', '--skipLibCheck'];
  const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/tsc'), args, { cwd: dir, encoding: 'utf8' });
  expect({ stdout, status }).toEqual({ stdout: '', status: 0 });
});
