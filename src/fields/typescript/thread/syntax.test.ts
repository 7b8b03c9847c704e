import { expect, test } from 'vitest';
import { Problem } from './problem.js';
import { readModule } from './syntax.js';

const read = (text: string, path = 'x.ts') => readModule({ path, text });

/** The text without blanks at the ends of lines. */
const stripped = (text: string) => read(text).code.replaceAll(/[ ]+$/gm, '');

test.each([
  ['let a: number = 1;', 'let a         = 1;'],
  ['const f = <T,>(x: T, y?: string): T => x as T;', 'const f =     (x   , y         )    => x'.concat('     ;')],
  ['const b = a!.b satisfies object;', 'const b = a .b                 ;'],
  ['const c = (a as any).b;', 'const c = (a       ).b;'],
  ['const c = <any>a;', 'const c =      a;'],
  ['f<number>(1);', 'f        (1);'],
  ['interface A { b: 1 }\n(1)', ';\n(1)'],
  ['type A = 1\n[1]', ';\n[1]'],
  ['declare const a: number;\nb', ';\nb'],
  ['function f(this: A, b: B): void {}', 'function f(         b   )       {}'],
  ['function f(a: 1): 1;\nfunction f(a: any) { return a }', ';\nfunction f(a     ) { return a }'],
  ['let a!: number;', 'let a         ;'],
  [
    'abstract class A<T> extends B<T> implements C { private readonly x: 1 = 1; y?: 2; abstract z(): 1 }',
    '         class A    extends B                 {                  x    = 1; y    ;                 }',
  ],
  ['import type { A } from "b";\n1', '\n1'],
  ['import { type A, b } from "b";\n1', '\n1'],
  ['export const a = 1;', '       const a = 1;'],
  ['export default 5;', '__ipft_default=5;'],
  ['export type A = 1;', ''],
  ['try {} catch (error: unknown) {}', 'try {} catch (error         ) {}'],
  ['const { a }: A = b;', 'const { a }    = b;'],
])('%s', (text, expected) => {
  expect(stripped(text)).toBe(expected);
});

test('every character stays where it is, and the result is JavaScript', () => {
  const text = `import { x } from './x.ts';
export interface A<T> { a: T }
export const f = async <T extends A<1>>(a: T, ...rest: readonly string[]): Promise<T> => {
  const b = (a as unknown as { c?: number }).c! + (rest.length satisfies number);
  return { ...a, b } as T;
};
export default (a?: string): a is 'x' => a === 'x';
`;
  const { code, exports, imports } = read(text);
  expect(code).toHaveLength(text.length);
  expect(code.split('\n')).toHaveLength(text.split('\n').length);
  expect(code.indexOf('rest.length')).toBe(text.indexOf('rest.length'));
  expect(() => new Function(`let __ipft_default;${code}`)).not.toThrow();
  expect([...exports]).toEqual([
    ['f', 'f'],
    ['default', '__ipft_default'],
  ]);
  expect(imports.map(({ from, names }) => [from, names.map(({ local }) => local)])).toEqual([['./x.ts', ['x']]]);
});

test.each([
  ['enum A { b }', /an enum is not only a type/, /as const/, 'enum A { b }'],
  [
    'namespace A { export const b = 1 }',
    /a namespace is not taken/,
    /top of the file/,
    'namespace A { export const b = 1 }',
  ],
  [
    'class A { constructor(private b: number) {} }',
    /a parameter that declares a property/,
    /constructor/,
    'private b: number',
  ],
  ['export * from "./b"', /export \*/, /by its name/, 'export * from "./b"'],
  ['export { a } from "./b"', /export … from/, /import it/, 'export { a } from "./b"'],
  ['import a = require("b")', /import … =/, /import \{/, 'import a = require("b")'],
  ['const a = await import("b")', /import\(\)/, /top of the file/, 'import("b")'],
])('%s is refused, with what to write instead', (text, message, hint, place) => {
  const problem = refusal(text);
  expect([problem.message, problem.hint]).toEqual([expect.stringMatching(message), expect.stringMatching(hint)]);
  expect(text.slice(problem.span?.start, problem.span?.end)).toBe(place);
});

test('declared enums and namespaces are types', () => {
  expect(stripped('declare enum A { b }\ndeclare namespace B { const c: 1 }\n1')).toBe(';\n;\n1');
});

test('text that is no TypeScript is refused at its place', () => {
  const problem = refusal('const a = 1;\nconst = 2;');
  expect(problem.span?.start).toBe('const a = 1;\nconst '.length);
  expect(problem.message).not.toMatch(/\(\d+:\d+\)/);
  expect(refusal('let a: number = 1', 'x.js').hint).toMatch(/\.ts file/);
});

test('deep nesting is refused', () => {
  for (const text of ['('.repeat(1e5), `const a = ${'['.repeat(5e4)}${']'.repeat(5e4)}`, `x = ${'!'.repeat(1e5)}1`])
    expect(() => read(text)).toThrow(/nested too deep|can't be read|Unexpected/);
});

function refusal(text: string, path?: string): Problem {
  try {
    read(text, path);
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
  throw new Error('it is taken');
}
