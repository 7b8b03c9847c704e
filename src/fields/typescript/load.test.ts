import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeExpression } from '../../../tests/support/written-expression.js';
import { ExtensionError } from '../../base/errors.js';
import { loadTypeScript } from './load.js';
import type { ModuleError } from './problem.js';

const dir = mkdtempSync(join(tmpdir(), 'ipft-typescript-'));
afterAll(() => rmSync(dir, { recursive: true }));

const HEAD = "import { extension } from 'ipft/extension';\n";
const GOOD = `${HEAD}export default extension({ fields: { len: (skb) => skb.len } });\n`;

function write(name: string, text: string): string {
  const path = join(dir, name);
  writeFileSync(path, text);
  return path;
}

test('a module gives its fields, with the lines that they stand on', async () => {
  write(
    'helpers.ts',
    'export type Port = number;\nexport const PORTS: readonly Port[] = [53];\nexport const twice = (x: number) => x * 2;\n',
  );
  write('numbers.json', '{ "mask": 7 }');
  write('plain.mjs', 'export default 9;\n');
  const path = write(
    'good.ts',
    `${HEAD}import { PORTS, twice, type Port } from './helpers.js';
import numbers from './numbers.json' with { type: 'json' };
import nine from './plain.mjs';
import { join } from 'node:path';
const name: string = join('a', 'b');
console.log('loading', name);
export default extension({
  fields: {
    len: (skb) => twice(skb.len),
    other: { read: (skb) => skb.mark & numbers.mask & nine, format: 'hex', show: (value: Port) => value + 1 },
  },
  keep: (skb) => PORTS.includes(skb.len),
});
`,
  );
  let printed = '';
  const { fields, keep, files, shower } = await loadTypeScript(path, { onOutput: (text) => (printed += text) });
  expect(fields.map((field) => ({ ...field, expression: writeExpression(field.expression) }))).toEqual([
    {
      name: 'len',
      expression: '(skb.len * 2)',
      format: undefined,
      hasShow: false,
      file: path,
      line: 10,
      column: 10,
      text: 'len: (skb) => twice(skb.len),',
    },
    expect.objectContaining({
      name: 'other',
      expression: '((skb.mark & 7) & 9)',
      format: 'hex',
      hasShow: true,
      line: 11,
    }),
  ]);
  expect(keep && writeExpression(keep.expression)).toBe('(skb.len == 53)');
  expect([...files.keys()].sort()).toEqual(['good.ts', 'helpers.ts', 'plain.mjs'].map((name) => join(dir, name)));
  expect(printed).toBe('loading a/b\n');
  expect(shower?.show('other', 4)).toBe(5);
  shower?.close();
});

test('JavaScript is taken as it is', async () => {
  for (const suffix of ['.js', '.mjs']) {
    const { fields } = await loadTypeScript(write(`plain${suffix}`, GOOD));
    expect(fields.map(({ name }) => name)).toEqual(['len']);
  }
});

const FIELDS = 'export default extension({ fields: { a: (skb) => skb.len } });';

/** What the message says behind the path, and the hint. */
test.each([
  ['a syntax error', 'const a = ;', /:1:11: Unexpected token/, undefined],
  ['a throw', 'const a = 1;\nthrow new TypeError("no");', /:2:7: it throws TypeError: no$/, undefined],
  ['a throw of no error', 'throw "no";', /: it throws no$/, undefined],
  [
    'a reference to nothing',
    'const a = 1;\n  nothing();',
    /:2:3: it throws ReferenceError: nothing is not defined/,
    undefined,
  ],
  ['a throw in what it imports', "import './throws.ts';", /throws\.ts:2:7: it throws here/, undefined],
  [
    'an import of a file that is not there',
    "\nimport { a } from './none.ts';",
    /:2:19: importing .*none\.ts: no such file/,
    undefined,
  ],
  [
    'an import of a package that is not there',
    "import a from 'no-such-package';",
    /:1:15: importing no-such-package: there is no such package/,
    /by its path/,
  ],
  [
    'an import of a name that is not there',
    "import { a } from './empty.ts';",
    /:1:10: \.\/empty\.ts exports no a/,
    undefined,
  ],
  [
    'an import of all of ipft/extension',
    "import * as a from 'ipft/extension';",
    /:1:8: import \* is not taken/,
    /import \{ extension \}/,
  ],
  ['a circle of imports', "import './circle.ts';", /circle\.ts:1:8: the files import each other/, /third one/],
  [
    'a name of the kernel outside of functions',
    "import { TCP_ESTABLISHED } from 'ipft/extension';\nconst a = TCP_ESTABLISHED + 1;",
    /:2:27: it throws TCP_ESTABLISHED is known in the kernel only/,
    undefined,
  ],
  ['an end of the process', 'process.exit(3);', /ends its thread before it is loaded/, /process\.exit\(\)/],
  ['an await without end', 'await new Promise(() => {});', /ends its thread before it is loaded/, /await/],
  [
    'memory without end',
    'const a = []; for (;;) a.push(new Array(1e5).fill(a.length));',
    /takes more than 256 MB of memory/,
    undefined,
  ],
  ['no default export', 'export const a = 1;', /: it has no default export$/, /export default extension/],
  [
    'another default export',
    'export default 5;',
    /: its default export is not what extension\(\) makes/,
    /export default extension/,
  ],
  ['nothing in extension()', `${HEAD}export default extension();`, /takes an object/, undefined],
  ['no fields', `${HEAD}export default extension({ fields: {} });`, /neither fields nor keep/, undefined],
  [
    'a key that there is not',
    `${HEAD}export default extension({ field: {} });`,
    /knows no field: it takes fields and keep/,
    undefined,
  ],
  [
    'a name that no field may have',
    `${HEAD}export default extension({ fields: { 'a-b': (skb) => 1 } });`,
    /can't be called 'a-b'/,
    /letters, digits and _/,
  ],
  [
    'a key of a field that there is not',
    `${HEAD}export default extension({ fields: { a: { raed: 1 } } });`,
    /the field a has a raed/,
    undefined,
  ],
  [
    'a show that is no function',
    `${HEAD}export default extension({ fields: { a: { read: (skb) => 1, show: 1 } } });`,
    /show of the field a is no function/,
    undefined,
  ],
  [
    'too many fields',
    `${HEAD}export default extension({ fields: Object.fromEntries(Array.from({ length: 65 }, (_, i) => ['a' + i, () => 1])) });`,
    /it has 65 fields, and may have 64/,
    undefined,
  ],
  [
    'a field that can not be compiled',
    `${HEAD}\nexport default extension({ fields: { a: (skb) => skb.len >>> 1 } });`,
    /:3:50: >>>$/,
    />>/,
  ],
  [
    'another file that can not be compiled',
    `${HEAD}import { f } from './refused.ts';\nexport default extension({ fields: { f } });`,
    /: .*refused\.ts:1:32: >>>/,
    undefined,
  ],
  ['an enum', `${HEAD}enum A { b }\n${FIELDS}`, /:2:1: an enum/, /as const/],
])('%s is told in a sentence', async (_, text, message, hint) => {
  write('throws.ts', 'const a = 1;\nthrow new Error("here");\n');
  write('empty.ts', 'export const b = 1;\n');
  write('circle.ts', "import './bad.ts';\n");
  write('refused.ts', 'export const f = (skb: any) => skb.len >>> 1;\n');
  const error = await loadTypeScript(write('bad.ts', text)).then(
    () => expect.fail('it is taken'),
    (problem: unknown) => problem,
  );
  expect(error).toBeInstanceOf(ExtensionError);
  const { message: said, hint: hinted } = error as ModuleError;
  expect(said.startsWith(`the extension ${join(dir, 'bad.ts')}`)).toBe(true);
  expect(said).toMatch(message);
  expect(said).not.toContain('\n');
  if (hint) expect(hinted).toMatch(hint);
});

test('a module that never ends is ended, and the process lives on', async () => {
  const path = write('endless.ts', 'for (;;) {}\n');
  await expect(loadTypeScript(path, { timeoutMs: 200 })).rejects.toThrow(/endless\.ts has not ended after 0\.2 s/);
  expect((await loadTypeScript(write('after.ts', GOOD))).fields).toHaveLength(1);
});

test('the reason of a signal ends it', async () => {
  const stop = new AbortController();
  const loading = loadTypeScript(write('endless.ts', 'for (;;) {}\n'), { signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(loading).rejects.toThrow('stopped');
});

test('what is no file is refused', async () => {
  mkdirSync(join(dir, 'folder.ts'));
  spawnSync('mkfifo', [join(dir, 'pipe.ts')]);
  for (const [name, problem] of [
    ['folder.ts', /it is a folder/],
    ['pipe.ts', /it is no regular file/],
    ['none.ts', /no such file/],
  ] as const)
    await expect(loadTypeScript(join(dir, name))).rejects.toThrow(problem);
});

/** Loads a module whose field a is shown by a function. */
const showing = async (show: string, showMs?: number) =>
  (
    await loadTypeScript(
      write(
        'showing.ts',
        `${HEAD}export default extension({ fields: { a: { read: (skb) => skb.len, show: ${show} } } });\n`,
      ),
      showMs === undefined ? {} : { showMs },
    )
  ).shower!;

test('functions that show are asked once for each value, and give texts, numbers and booleans, or nothing', async () => {
  const shower = await showing(
    '((n) => (value) => (value === 1 ? undefined : value === 2 ? true : value + ":" + n++))(0)',
  );
  expect([7, 8, 7, 1, 2].map((value) => shower.show('a', value))).toEqual(['7:0', '8:1', '7:0', undefined, true]);
  shower.close();
});

test.each([
  [
    'a throw',
    '(value) => { throw new Error("no " + value); }',
    /showing\.ts:2:\d+: show of the field a: it throws no 7/,
  ],
  ['what can not be shown', '() => ({})', /show of the field a: it gives an object/],
  ['no end', '() => { for (;;) {} }', /show of the field a has not ended after 0\.2 s/],
])('of functions that show, %s is told in a sentence', async (_, show, message) => {
  const shower = await showing(show, 200);
  expect(() => shower.show('a', 7)).toThrow(message);
  shower.close();
});
