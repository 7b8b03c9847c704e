import { createRequire } from 'node:module';
import { join } from 'node:path';

import { expect, test } from 'vitest';
// The one that brings an API: TypeScript 7 has none.
import type ts from '../../../node_modules/@microsoft/api-extractor/node_modules/typescript/lib/typescript.js';
import { BtfBuilder } from '../../../tests/support/btf-builder.js';
import { type Btf, parseBtf } from '../../btf/btf.js';
import { formatDeclarations } from './declarations.js';

/** A kernel with what a packet leads to, and one of each kind of member. */
function kernelLike(): Btf {
  const builder = new BtfBuilder();
  const int = builder.int('int', 4, 1);
  const u8 = builder.typedef('__u8', builder.int('unsigned char', 1));
  const be16 = builder.typedef('__be16', builder.int('unsigned short', 2));
  const ulong = builder.int('unsigned long', 8);
  const char = builder.int('char', 1, 2);
  const bool = builder.int('_Bool', 1, 4);
  const name = builder.array(char, 16);
  const handler = builder.pointer(builder.type(13, '', int));
  const state = builder.enumeration('tcp_state', { TCP_ESTABLISHED: 1, TCP_CLOSE: 7 });
  const ops = builder.struct('net_device_ops', 8, [{ name: 'ndo_open', type: handler, offset: 0 }]);
  const inner = builder.struct('', 4, [{ name: 'mark', type: int, offset: 0 }]);
  const union = builder.union('', 4, [
    { name: '', type: inner, offset: 0 },
    { name: 'reserved_tailroom', type: int, offset: 0 },
  ]);
  const device = builder.struct('net_device', 40, [
    { name: 'name', type: name, offset: 0 },
    { name: 'ifindex', type: int, offset: 16 },
    { name: 'netdev_ops', type: builder.pointer(builder.constant(ops)), offset: 24 },
  ]);
  const skb = builder.struct('sk_buff', 96, [
    { name: 'dev', type: builder.pointer(device), offset: 0 },
    { name: 'head', type: builder.pointer(u8), offset: 8 },
    { name: 'kind', type: builder.pointer(builder.constant(char)), offset: 16 },
    { name: 'raw', type: builder.pointer(0), offset: 24 },
    { name: '_nfct', type: ulong, offset: 32 },
    { name: 'protocol', type: be16, offset: 40 },
    { name: 'state', type: state, offset: 44 },
    { name: 'flags', type: builder.array(u8, 4), offset: 48 },
    { name: '', type: union, offset: 52 },
    { name: 'named', type: inner, offset: 56 },
    { name: 'is_big', type: bool, offset: 60 },
    { name: 'cloned', type: u8, offset: 61, bit: 2, bits: 1 },
    { name: 'self', type: builder.pointer(builder.pointer(device)), offset: 64 },
  ]);
  builder.struct('class', 8, [{ name: 'skb', type: builder.pointer(skb), offset: 0 }]);
  for (const header of ['iphdr', 'ipv6hdr', 'tcphdr', 'udphdr', 'ethhdr', 'icmphdr', 'icmp6hdr'])
    builder.struct(header, 4, [{ name: 'first', type: be16, offset: 0 }]);
  builder.struct('far_away', 4, [{ name: 'found', type: int, offset: 0 }]);
  return parseBtf(builder.bytes());
}

const sources = () => [{ btf: kernelLike(), module: undefined }];
const { text, count, missing } = formatDeclarations(sources(), ['class'], '6.12');

test('structs that a packet leads to are declared, and those that are named', () => {
  expect(text).toContain('export interface net_device_ops {');
  expect(text).not.toContain('far_away');
  expect(formatDeclarations(sources(), ['struct far_away'], '6.12').text).toContain('export interface far_away {');
  expect([count, missing]).toEqual([11, []]);
  expect(formatDeclarations(sources(), ['nothing'], '6.12').missing).toEqual(['nothing']);
});

test('what TypeScript reserves gets another name', () => {
  expect(text).toContain('export interface class_ {');
  expect(text).toContain("'struct class': class_;");
});

test('members have the types that expressions give them, and C’s in a comment', () => {
  const struct = text.slice(text.indexOf('export interface sk_buff {'));
  expect(struct.slice(0, struct.indexOf('\n}'))).toBe(`export interface sk_buff {
  /** struct net_device * */ readonly dev: net_device;
  /** __u8 * */ readonly head: Pointer<number>;
  /** const char * */ readonly kind: string;
  /** void * */ readonly raw: Address;
  /** unsigned long */ readonly _nfct: u64;
  /** __be16 */ readonly protocol: number;
  /** enum tcp_state */ readonly state: number;
  /** __u8[4] */ readonly flags: Elements<number>;
  /** int */ readonly mark: number;
  /** int */ readonly reserved_tailroom: number;
  /** struct {…} */ readonly named: {
    /** int */ readonly mark: number;
  };
  /** _Bool */ readonly is_big: boolean;
  /** __u8 : 1 */ readonly cloned: number;
  /** struct net_device ** */ readonly self: Pointer<net_device>;`);
  expect(text).toContain('/** function * */ readonly ndo_open: KernelFunction;');
  expect(text).toContain('/** enum tcp_state: 7 */ export const TCP_CLOSE: number;');
});

const compiler: typeof ts = createRequire(createRequire(import.meta.url).resolve('@microsoft/api-extractor'))(
  'typescript',
);

/** An editor's language server that has an extension and the written types open. */
function openEditor(extension: string) {
  const files = new Map([
    ['/ext/extension.ts', extension],
    ['/ext/ipft-env.d.ts', text],
  ]);
  const options: ts.CompilerOptions = {
    ...{ strict: true, target: compiler.ScriptTarget.ES2022, module: compiler.ModuleKind.Preserve, types: [] },
    lib: ['lib.es2022.d.ts'],
  };
  const libraries = compiler.getDefaultLibFilePath(options).replace(/[^/]*$/, '');
  const read = (path: string) => files.get(path) ?? compiler.sys.readFile(path);
  const server = compiler.createLanguageService({
    getCompilationSettings: () => options,
    getScriptFileNames: () => [...files.keys()],
    getScriptVersion: () => '1',
    getScriptSnapshot: (path) => {
      const content = read(path);
      return content === undefined ? undefined : compiler.ScriptSnapshot.fromString(content);
    },
    getCurrentDirectory: () => '/ext',
    getDefaultLibFileName: () => join(libraries, 'lib.es2022.d.ts'),
    fileExists: (path) => files.has(path) || compiler.sys.fileExists(path),
    readFile: read,
  });
  return {
    /** What is offered behind a text. */
    complete: (behind: string) =>
      server
        .getCompletionsAtPosition('/ext/extension.ts', extension.indexOf(behind) + behind.length, {})
        ?.entries.map(({ name }) => name),
    /** The type of what a text ends with. */
    hover: (of: string) => {
      const info = server.getQuickInfoAtPosition('/ext/extension.ts', extension.indexOf(of) + of.length - 1);
      return info?.displayParts?.map((part) => part.text).join('');
    },
    problems: () =>
      ['/ext/extension.ts', '/ext/ipft-env.d.ts'].flatMap((path) =>
        [...server.getSyntacticDiagnostics(path), ...server.getSemanticDiagnostics(path)].map(({ messageText }) =>
          compiler.flattenDiagnosticMessageText(messageText, ' '),
        ),
      ),
  };
}

test('an editor completes skb., knows the types, and tells of a wrong member', () => {
  const editor =
    openEditor(`import { extension, tcp, TCP_CLOSE, cast, ip, ip4, u64, type sk_buff } from 'ipft/extension';
const named = (skb: sk_buff) => skb.dev.name;
export default extension({
  fields: {
    name: (skb) => skb.dev.name,
    index: (skb) => skb.dev?.ifindex ?? -1,
    upper: { read: (skb: sk_buff) => skb.dev.name, format: 'string', show: (value) => value.toUpperCase() },
    number: { read: (skb) => skb.mark, show: (value) => value + 1 },
    closed: (skb) => skb.state === TCP_CLOSE && skb.is_big && !!skb.dev,
    conntrack: (skb) => (skb._nfct & ~7) > u64(0xffff_ffff_ffff_fff8n) || skb._nfct === 5,
    header: (skb) => cast('struct tcphdr', skb.head + skb.protocol).first + tcp(skb).first,
    byte: (skb) => skb.head[0] + skb.flags[1],
    address: (skb) => ip4(skb).first === ip('10.0.0.1'),
    open: (skb) => skb.dev.netdev_ops.ndo_open,
    named,
  },
  keep: (skb) => skb.dev && skb.mark > 3,
});
`);
  expect(editor.problems()).toEqual([]);
  expect(editor.complete('name: (skb) => skb.')).toEqual(
    expect.arrayContaining(['dev', 'head', 'mark', 'reserved_tailroom', 'cloned']),
  );
  expect(editor.complete('name: (skb) => skb.dev.')?.toSorted()).toEqual(['ifindex', 'name', 'netdev_ops']);
  expect(editor.complete("cast('struct ")).toEqual(expect.arrayContaining(['struct tcphdr', 'struct sk_buff']));
  expect(editor.hover('name: (skb) => skb.dev.name')).toBe('(property) net_device.name: string');
});

test.each([
  ['(skb) => skb.dev.nam', /Property 'nam' does not exist on type 'net_device'. Did you mean 'name'\?/],
  ['(skb) => skb.dev.name.foo', /Property 'foo' does not exist on type 'string'/],
  ['(skb) => skb.dev.name === 5', /no overlap/],
  ["(skb) => skb.mark === 'a'", /no overlap/],
  ['(skb) => skb.dev + 1', /Operator '\+' cannot be applied/],
  ["(skb) => tcp('skb' as unknown as number)", /not assignable/],
])('%s is a mistake to the type checker', (field, expected) => {
  const { problems } = openEditor(
    `import { extension, tcp } from 'ipft/extension';\nexport const t = tcp;\nexport default extension({ fields: { a: ${field} } });\n`,
  );
  expect(problems()).toEqual([expect.stringMatching(expected)]);
});
