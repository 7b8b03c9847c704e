/**
 * The kernel's structs as declarations of TypeScript, so that an editor completes `skb.dev.name`. Pure.
 *
 * A pointer to a struct has the struct's type, since a dot follows it. Integers and enums are numbers, arrays of char and
 * pointers to it are strings, members of anonymous structs stand at their parent's level.
 */
import {
  BTF_KIND_ARRAY,
  BTF_KIND_ENUM,
  BTF_KIND_ENUM64,
  BTF_KIND_FLOAT,
  BTF_KIND_FUNC_PROTO,
  BTF_KIND_INT,
  BTF_KIND_PTR,
  BTF_KIND_STRUCT,
  BTF_KIND_UNION,
  type Btf,
} from '../../btf/btf.js';
import { typeName } from '../../btf/type-name.js';
import { macroMembers } from '../../expression/macro-members.js';
import { API } from './api.js';

/** Types of the kernel, and where they are from. */
export interface TypeSource {
  readonly btf: Btf;
  /** Undefined: the kernel proper. */
  readonly module: string | undefined;
}

/** Structs that every packet leads to, and headers. Those that the kernel does not have are left out. */
export const ROOTS: readonly string[] = [
  ...['sk_buff', 'sock', 'net_device', 'net', 'skb_shared_info', 'iphdr', 'ipv6hdr', 'tcphdr', 'udphdr', 'ethhdr'],
  ...['icmphdr', 'icmp6hdr', 'arphdr', 'vlan_hdr', 'vlan_ethhdr', 'sctphdr', 'ip_esp_hdr', 'vxlanhdr', 'genevehdr'],
  ...['nf_conn', 'tcp_sock', 'udp_sock', 'inet_sock', 'inet6_sock', 'inet_connection_sock', 'unix_sock', 'rtable'],
  ...['rt6_info', 'neighbour', 'nf_hook_state', 'task_struct', 'Qdisc', 'request_sock', 'inet_timewait_sock'],
];

/** How deep anonymous structs and arrays may stand within each other. */
const MAX_DEPTH = 16;
const INT_BOOL = 4;
const INT_SIGNED = 1;
/** Words that can't name an interface. */
const RESERVED = new Set([
  ...['any', 'unknown', 'never', 'bigint', 'boolean', 'number', 'string', 'symbol', 'object', 'void', 'undefined'],
  ...['break', 'case', 'catch', 'class', 'const', 'continue', 'debugger', 'default', 'delete', 'do', 'else', 'enum'],
  ...['export', 'extends', 'false', 'finally', 'for', 'function', 'if', 'import', 'in', 'instanceof', 'new', 'null'],
  ...['return', 'super', 'switch', 'this', 'throw', 'true', 'try', 'typeof', 'var', 'while', 'with', 'implements'],
  ...['interface', 'let', 'package', 'private', 'protected', 'public', 'static', 'yield', 'await'],
  // Names of the module's own types.
  ...[...API.matchAll(/^export (?:type|interface) (\w+)/gm)].map(([, name]) => name!),
]);
const IDENTIFIER = /^[A-Za-z_]\w*$/;
/** Names that the module has besides enumerators. */
const VALUES = new Set([...API.matchAll(/^export (?:function|const) (\w+)/gm)].map(([, name]) => name!));

/** What a file begins with. */
export const FIRST_LINE = '// The types of';

/** The named structs and unions of a BTF alone, without its base's. @param names only those */
export function listStructs(btf: Btf, names?: readonly string[]): Map<string, number> {
  const wanted = names && new Set(names.flatMap((name) => btf.findString(tagOf(name))));
  const found = new Map<string, number>();
  for (let id = btf.firstId; id < btf.endId && wanted?.size !== 0; id++) {
    const kind = btf.kind(id);
    if (kind !== BTF_KIND_STRUCT && kind !== BTF_KIND_UNION) continue;
    const offset = btf.nameOffset(id);
    if (wanted && !wanted.has(offset)) continue;
    const name = btf.string(offset);
    if (name !== '' && !found.has(name)) found.set(name, id);
  }
  return found;
}

/** `nf_conn` of `struct nf_conn`. */
function tagOf(name: string): string {
  return name.replace(/^(struct|union)\s+/, '');
}

export interface Declarations {
  /** The text of the file. */
  readonly text: string;
  /** How many structs and unions. */
  readonly count: number;
  /** Of the names that were asked for, those that no source has. */
  readonly missing: readonly string[];
}

/**
 * The declarations of the module `ipft/extension`: what it exports, the structs that can be reached from `ROOTS` and from
 * those that are named, and all enumerators.
 * @param sources the kernel's first
 * @param names structs or unions, as `nf_conn` or `struct nf_conn`
 * @param kernel the release, for the file's first line
 */
export function formatDeclarations(
  sources: readonly TypeSource[],
  names: readonly string[],
  kernel: string,
): Declarations {
  const writer = new Writer(sources);
  const asked = names.map(tagOf);
  const found = writer.declareNamed([...ROOTS, ...asked]);
  const structs = writer.finish();
  const constants = formatEnumerators(sources);
  const lines = [
    `${FIRST_LINE} Linux ${kernel}, as ipft types wrote them. It may be made anew at any time.`,
    "declare module 'ipft/extension' {",
    API.replaceAll(/^declare /gm, ''),
    ...structs,
    ...constants,
    '}',
    '',
  ];
  return {
    text: lines.join('\n'),
    count: writer.count,
    missing: names.filter((_, index) => !found.has(asked[index]!)),
  };
}

/** A struct that is to be declared. */
interface Pending {
  readonly btf: Btf;
  readonly id: number;
  readonly name: string;
  readonly module: string | undefined;
}

class Writer {
  readonly #sources: readonly TypeSource[];
  /** The name of each struct, by its BTF and id. */
  readonly #known = new Map<Btf, Map<number, string>>();
  readonly #described = new Map<Btf, Map<number, { written: string; type: string }>>();
  readonly #taken = new Set<string>();
  readonly #pending: Pending[] = [];
  readonly #lines: string[] = [];
  readonly #types: string[] = [];
  count = 0;

  constructor(sources: readonly TypeSource[]) {
    this.#sources = sources;
  }

  /** @returns those that are there */
  declareNamed(names: readonly string[]): Set<string> {
    const found = new Set<string>();
    for (const { btf } of this.#sources) {
      const missing = names.filter((name) => !found.has(name));
      for (const [name, id] of listStructs(btf, missing)) {
        found.add(name);
        this.#nameOf(btf, id);
      }
    }
    return found;
  }

  /** Declares all that can be reached. */
  finish(): string[] {
    for (let struct = this.#pending.pop(); struct; struct = this.#pending.pop()) {
      const keyword = struct.btf.kind(struct.id) === BTF_KIND_UNION ? 'union' : 'struct';
      const tag = struct.btf.name(struct.id);
      this.count++;
      const from = struct.module === undefined ? '' : ` of the module ${struct.module}`;
      this.#lines.push(`/** ${keyword} ${tag}, ${struct.btf.sizeOrType(struct.id)} bytes${from} */`);
      this.#lines.push(`export interface ${struct.name} {`);
      const seen = new Set<string>();
      this.#members(struct.btf, struct.id, this.#lines, '  ', seen, 0);
      for (const { name, path } of macroMembers({ btf: struct.btf, id: struct.id })) {
        if (seen.has(name)) continue;
        seen.add(name);
        const type = path.map((step) => `['${step}']`).join('');
        this.#lines.push(`  /** ${path.join('.')} */ readonly ${name}: ${struct.name}${type};`);
      }
      this.#lines.push('}');
      if (IDENTIFIER.test(tag)) this.#types.push(`  '${keyword} ${tag}': ${struct.name};`);
    }
    const scalars = ['u8', 'u16', 'u32', 's8', 's16', 's32'].map((name) => `  ${name}: number;`);
    return [
      ...this.#lines,
      '/** What cast() takes. */',
      'export interface KernelTypes {',
      ...[...scalars, '  u64: u64;', '  s64: s64;'],
      ...new Map(this.#types.map((line) => [line.split(':')[0], line])).values(),
      '}',
    ];
  }

  /** The interface of a struct, which is declared later. */
  #nameOf(btf: Btf, id: number): string {
    // The types of the kernel proper are the same for all of its modules.
    const owner = id < btf.firstId && btf.base ? btf.base : btf;
    const known = this.#known.get(owner) ?? new Map<number, string>();
    this.#known.set(owner, known);
    const there = known.get(id);
    if (there !== undefined) return there;
    const tag = owner.name(id);
    const plain = IDENTIFIER.test(tag) ? tag : 'unnamed';
    let name = RESERVED.has(plain) ? `${plain}_` : plain;
    for (let number = 2; this.#taken.has(name); number++) name = `${plain}_${number}`;
    this.#taken.add(name);
    known.set(id, name);
    const module = this.#sources.find((source) => source.btf === owner)?.module;
    this.#pending.push({ btf: owner, id, name, module });
    return name;
  }

  #members(btf: Btf, struct: number, into: string[], indent: string, seen: Set<string>, depth: number): void {
    const hasBits = btf.kindFlag(struct);
    for (let index = 0; index < btf.vlen(struct); index++) {
      const name = btf.string(btf.tail(struct, index * 3));
      const type = btf.tail(struct, index * 3 + 1);
      if (name === '') {
        const inner = btf.resolve(type);
        const kind = btf.kind(inner);
        const isNested = kind === BTF_KIND_STRUCT || kind === BTF_KIND_UNION;
        if (isNested && depth < MAX_DEPTH) this.#members(btf, inner, into, indent, seen, depth + 1);
        continue;
      }
      if (seen.has(name) || !IDENTIFIER.test(name)) continue;
      seen.add(name);
      const bits = hasBits ? btf.tail(struct, index * 3 + 2) >>> 24 : 0;
      const { written, type: its } = this.#describe(btf, type, indent, depth);
      into.push(`${indent}/** ${written}${bits > 0 ? ` : ${bits}` : ''} */ readonly ${name}: ${its};`);
    }
  }

  /** A type as C writes it, and as TypeScript does. Most members have one of few types. */
  #describe(btf: Btf, id: number, indent: string, depth: number): { written: string; type: string } {
    const owner = id < btf.firstId && btf.base ? btf.base : btf;
    const known = this.#described.get(owner) ?? new Map<number, { written: string; type: string }>();
    this.#described.set(owner, known);
    const there = known.get(id);
    if (there) return there;
    const made = { written: typeName(btf, id), type: this.#typeOf(btf, id, indent, depth) };
    // Those in braces depend on where they stand.
    if (!made.type.includes('\n')) known.set(id, made);
    return made;
  }

  /** The type of a value. */
  #typeOf(btf: Btf, type: number, indent: string, depth: number): string {
    if (depth > MAX_DEPTH) return 'unknown';
    const id = btf.resolve(type);
    switch (btf.kind(id)) {
      case BTF_KIND_INT:
        return integerType(btf, id);
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
      case BTF_KIND_FLOAT:
        return 'number';
      case BTF_KIND_ARRAY: {
        const element = btf.tail(id, 0);
        return isChar(btf, element) ? 'string' : `Elements<${this.#typeOf(btf, element, indent, depth + 1)}>`;
      }
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return this.#structType(btf, id, indent, depth);
      case BTF_KIND_PTR:
        return this.#pointerType(btf, btf.resolve(btf.sizeOrType(id)), indent, depth);
      default:
        return 'unknown';
    }
  }

  #structType(btf: Btf, id: number, indent: string, depth: number): string {
    if (btf.name(id) !== '') return this.#nameOf(btf, id);
    const lines: string[] = [];
    this.#members(btf, id, lines, `${indent}  `, new Set(), depth + 1);
    return lines.length === 0 ? '{}' : `{\n${lines.join('\n')}\n${indent}}`;
  }

  #pointerType(btf: Btf, to: number, indent: string, depth: number): string {
    switch (btf.kind(to)) {
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return this.#structType(btf, to, indent, depth);
      case BTF_KIND_FUNC_PROTO:
        return 'KernelFunction';
      case BTF_KIND_INT:
        return isChar(btf, to) ? 'string' : `Pointer<${integerType(btf, to)}>`;
      case BTF_KIND_PTR:
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
      case BTF_KIND_ARRAY:
        return `Pointer<${this.#typeOf(btf, to, indent, depth + 1)}>`;
      default:
        return 'Address';
    }
  }
}

function integerType(btf: Btf, id: number): string {
  const encoding = (btf.tail(id, 0) >>> 24) & 15;
  if (encoding & INT_BOOL) return 'boolean';
  if (btf.sizeOrType(id) < 8) return 'number';
  return encoding & INT_SIGNED ? 's64' : 'u64';
}

function isChar(btf: Btf, type: number): boolean {
  const id = btf.resolve(type);
  return btf.kind(id) === BTF_KIND_INT && btf.sizeOrType(id) === 1 && btf.name(id) === 'char';
}

/** All enumerators as constants; of several with one name, the first. */
function formatEnumerators(sources: readonly TypeSource[]): string[] {
  const lines: string[] = [];
  const seen = new Set(VALUES);
  for (const { btf } of sources) {
    for (let id = btf.firstId; id < btf.endId; id++) {
      const kind = btf.kind(id);
      if (kind !== BTF_KIND_ENUM && kind !== BTF_KIND_ENUM64) continue;
      const isSigned = btf.kindFlag(id);
      const words = kind === BTF_KIND_ENUM ? 2 : 3;
      const of = btf.name(id);
      for (let index = 0; index < btf.vlen(id); index++) {
        const name = btf.string(btf.tail(id, index * words));
        if (seen.has(name) || RESERVED.has(name) || !IDENTIFIER.test(name)) continue;
        seen.add(name);
        const low = btf.tail(id, index * words + 1);
        let value: bigint | number = isSigned ? low | 0 : low;
        if (kind === BTF_KIND_ENUM64) {
          const whole = (BigInt(btf.tail(id, index * words + 2)) << 32n) | BigInt(low);
          value = isSigned ? BigInt.asIntN(64, whole) : whole;
        }
        lines.push(`/** ${of === '' ? '' : `enum ${of}: `}${value} */ export const ${name}: number;`);
      }
    }
  }
  return lines;
}
