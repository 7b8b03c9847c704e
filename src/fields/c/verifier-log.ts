/** Cuts the verifier's log down to the lines that help an author. Pure. */
import { printable } from '../../base/printable.js';
import type { SourceLine } from './line-info.js';

/**
 * The least stack that is left for module(), of BPF's 512 bytes, with any backend and tracer: docs/extension.md states
 * it.
 */
const LEAST_STACK_BYTES = 320;

/** The number of lines that are shown before the verdict. */
const CONTEXT_LINES = 6;

/**
 * The C line that was being verified, the last lines before the verdict, and the verdict; the other lines are counted.
 * The log of a program with line information has lines like `; ev->len = skb->len; @ file.c:22` (without the file
 * before Linux 6.10) before the instructions of the line, and ends with statistics.
 */
export function summarizeVerifierLog(log: string): string {
  const lines = linesOf(log);
  const shown = lines.slice(-CONTEXT_LINES);
  const source = lines.findLastIndex((line) => /^\s*;/.test(line));
  const hidden = Math.max(0, lines.length - shown.length);
  const sourceLine = source >= 0 && source < lines.length - CONTEXT_LINES ? [lines[source] ?? ''] : [];
  const count = hidden - sourceLine.length;
  return [
    ...(count > 0 ? [`  (${count} lines before)`] : []),
    ...[...sourceLine, ...shown].map((line) => `  ${line}`),
  ].join('\n');
}

/** The verdict, in one line. */
export function findVerdict(log: string): string | undefined {
  // A second line explains the first: `R3 min value is outside of the allowed memory range`.
  const lines = linesOf(log);
  const last = lines.findLastIndex((line) => /^\s*(;|\d+:)/.test(line));
  return lines.slice(last + 1, last + 3).join('; ') || undefined;
}

/** The C line that was being verified. */
export function findSourceLine(log: string): SourceLine | undefined {
  const line = linesOf(log).findLast((one) => /^\s*;/.test(one));
  const [, text = '', file, number] = /^\s*; (.*?)(?: @ (\S+):(\d+))?$/.exec(line ?? '') ?? [];
  if (text === '') return undefined;
  return { text: text.trim(), ...(file === undefined ? {} : { file, line: Number(number) }) };
}

/** A hint for the author. */
export function findHint(log: string): string | undefined {
  if (/combined stack size of \d+ calls/.test(log)) {
    return `at least ${LEAST_STACK_BYTES} bytes of stack are left for module() and what it calls; ipft check tells which backends take more`;
  }
  // Such a kernel does not count a function that is only called back, and finds one too many in the list of functions.
  if (/unrecognized bpf_ld_imm64 insn|number of funcs in func_info doesn't match/.test(log)) {
    return 'this kernel has no callbacks: Linux 5.13 is the first with bpf_for_each_map_elem, 5.17 with bpf_loop';
  }
  const [, helper] = /(?:invalid func|unknown func|cannot use helper) (?:unknown)?(\S*#\d+)/.exec(log) ?? [];
  if (helper !== undefined)
    return `this kernel lacks the helper ${printable(helper)}, or has it for other programs only`;
  return undefined;
}

function linesOf(log: string): string[] {
  return log
    .split('\n')
    .map((line) => printable(line, { multiline: true }).trimEnd())
    .filter((line) => line !== '' && !/^(processed \d+ insns|verification time|stack depth)/.test(line));
}
