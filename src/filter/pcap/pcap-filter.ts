/** Packets that an expression of pcap-filter matches. */
import { causedBy, UsageError } from '../../base/errors.js';
import type { NamedObject } from '../../base/named-object.js';
import type { Btf } from '../../btf/btf.js';
import { JumpTooFarError } from '../../bytecode/assembler.js';
import { writeFunctionObject } from '../../bytecode/function-object.js';
import { ANY_MARK, type PacketFilter, type WantedMark } from '../packet-filter.js';
import { type CompiledExpression, quote } from './expression.js';
import { findDirectReads, readSkbLayout } from './skb-layout.js';
import { translate } from './translate.js';

/** Packets that the expression matches, and whose mark is this one. */
export function pcapFilter(expression: CompiledExpression, mark: WantedMark = ANY_MARK): PacketFilter {
  return {
    mark,
    compile: (vmlinux, byHelper) => compileObject(expression, vmlinux, byHelper),
  };
}

/** The part of an expression that the verifier's log shows. */
const LINE_CHARACTERS = 200;

/** @throws UsageError if the expression is too long, UnsupportedFeatureError if the kernel lacks what it reads */
function compileObject(expression: CompiledExpression, vmlinux: Btf, byHelper: boolean): NamedObject {
  const { text } = expression;
  const layout = readSkbLayout(vmlinux);
  const direct = byHelper ? undefined : findDirectReads(vmlinux);
  try {
    const code = translate({ ...expression, layout, direct });
    const sourceLine = text.replace(/\s+/g, ' ').trim().slice(0, LINE_CHARACTERS);
    const about = { name: 'ipft_wants', parameters: { skb: 'sk_buff' }, code, sourceLine, sourceFile: 'expression' };
    return { name: quote(text), bytes: writeFunctionObject(about) };
  } catch (error) {
    if (!(error instanceof JumpTooFarError)) throw error;
    throw causedBy(new UsageError(`the expression is too long: ${quote(text)}`), error);
  }
}
