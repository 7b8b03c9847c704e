/** The verifier's log, cut down to what tells an author what is wrong. Pure. */
import { printable } from '../base/printable.js';

/** How many lines before the verdict are worth a look. */
const CONTEXT_LINES = 6;

/**
 * The C line that was being verified, the last lines before the verdict and the verdict; the rest is counted.
 *
 * The log of a program with line information has lines like `; ev->len = skb->len; @ file.c:22` (without the place
 * before Linux 6.10) before the instructions that were made of them, and ends with statistics.
 */
export function summarizeVerifierLog(log: string): string {
  const lines = log
    .split('\n')
    .map((line) => printable(line, { multiline: true }).trimEnd())
    .filter((line) => line !== '' && !/^(processed \d+ insns|verification time|stack depth)/.test(line));
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
