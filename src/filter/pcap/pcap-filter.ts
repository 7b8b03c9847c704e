/** Packets that an expression of pcap-filter matches. */
import { causedBy, UsageError } from '../../base/errors.js';
import type { NamedObject } from '../../base/named-object.js';
import { quote } from '../../base/printable.js';
import type { Btf } from '../../btf/btf.js';
import { findDirectReads } from '../../btf/direct-reads.js';
import { JumpTooFarError } from '../../bytecode/assembler.js';
import { writeFunctionObject } from '../../bytecode/function-object.js';
import { ANY_MARK, type PacketFilter, type WantedMark } from '../packet-filter.js';
import type { CompiledExpression } from './expression.js';
import { readDeviceLayout, readSkbLayout } from './skb-layout.js';
import { translate } from './translate.js';

/** Expressions, of which there is at least one: a packet must be what both say. */
export interface Expressions {
  readonly outer?: CompiledExpression | undefined;
  /** What the packet within a tunnel has to be. */
  readonly inner?: CompiledExpression | undefined;
}

/** Packets that the expressions match, and whose mark is this one. */
export function pcapFilter(expressions: Expressions, mark: WantedMark = ANY_MARK): PacketFilter {
  return {
    mark,
    compile: (vmlinux, byHelper) => compileObject(expressions, vmlinux, byHelper),
  };
}

/** The part of an expression that the verifier's log shows. */
const LINE_CHARACTERS = 200;

/** @throws UsageError if the expressions are too long, UnsupportedFeatureError if the kernel lacks what they read */
function compileObject({ outer, inner }: Expressions, vmlinux: Btf, byHelper: boolean): NamedObject {
  const layout = readSkbLayout(vmlinux);
  const direct = byHelper ? undefined : findDirectReads(vmlinux);
  const texts = [outer, inner].flatMap((expression) => (expression ? [expression.text] : []));
  const name = texts.map(quote).join(' and within ');
  try {
    const within = inner && { ...inner, device: readDeviceLayout(vmlinux) };
    const code = translate({ outer, inner: within, layout, direct });
    const lines = texts.map((text) => text.replace(/\s+/g, ' ').trim().slice(0, LINE_CHARACTERS));
    const text = lines.join('; within: ');
    const signature = { parameters: { skb: { struct: 'sk_buff' } }, returns: 'int' } as const;
    const about = { name: 'ipft_wants', ...signature, code, sourceFile: 'expression' };
    return { name, bytes: writeFunctionObject({ ...about, lines: [{ at: 0, text, line: 1 }] }) };
  } catch (error) {
    if (!(error instanceof JumpTooFarError)) throw error;
    throw causedBy(new UsageError(`the expression is too long: ${name}`), error);
  }
}
