/** `ipft check FILE…`: what can be known about an extension before it traces. */

import { type IpftError, VerifierError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { printable } from '../../base/printable.js';
import { canLoadPrograms, checkExtension, type ExtensionCheck, findProblem } from '../../capture/check.js';
import { raiseLimits } from '../../capture/process.js';
import { KernelTypes } from '../../expression/kernel-types.js';
import { findVerdict } from '../../fields/c/verifier-log.js';
import { findJsonConflicts } from '../../fields/event-struct.js';
import { type ExtensionFiles, loadExtension } from '../../fields/extension.js';
import type { StructLayout } from '../../fields/layout.js';
import { kernelTypeSource } from '../../kernel/type-source.js';
import { ScriptPrints } from '../script-prints.js';
import type { Terminal } from '../terminal.js';
import type { Writer } from '../writer.js';

export interface CheckOptions {
  readonly extension: ExtensionFiles;
  readonly verbose: boolean;
  readonly compileTimeoutSeconds: number;
}

/** Prints the layout of the events. @throws the first problem */
export async function check(options: CheckOptions, terminal: Terminal, out: Writer): Promise<void> {
  if (options.extension.kind === 'typescript') {
    terminal.line(`${printable(options.extension.paths[0] ?? '')} is executed, in a thread of its own`);
  }
  const extension = await loadExtension(options.extension, {
    timeoutSeconds: options.compileTimeoutSeconds,
    color: terminal.hasColor,
    onOutput: (text) => terminal.write(text),
    printer: new ScriptPrints(terminal, false),
    types: () => new KernelTypes(kernelTypeSource()),
    asRead: true,
  });
  await out.write(Buffer.from(formatLayout(extension.layout)));
  const { layout } = extension;
  for (const warning of layout.warnings) terminal.warn(warning);
  for (const name of findJsonConflicts(layout)) {
    terminal.warn(`-o json will refuse the member ${name}: the output has a key of that name`);
  }
  const verify = canLoadPrograms();
  if (verify) raiseLimits();
  const checks = await checkExtension(extension, verify);
  const problem = findProblem(checks);
  // A problem with all backends is told once.
  if (problem && checks.every(({ result }) => result !== 'verified')) throw problem;
  for (const line of describeChecks(checks)) terminal.line(line);
  if (problem) throw problem;
  if (!verify) terminal.line('the verifier was not asked: that needs root, or CAP_BPF and CAP_PERFMON');
}

/** A line for each backend; two where the result depends on the tracer. */
export function describeChecks(checks: readonly ExtensionCheck[]): string[] {
  return [...groupBy(checks, ({ backend }) => backend)].flatMap(([backend, its]) => {
    const [first, second] = its.map(describeCheck);
    if (second === undefined || first === second) return `${backend}: ${first}`;
    return its.map((check) => `${backend} -t ${check.tracer}: ${describeCheck(check)}`);
  });
}

function describeCheck({ result, why, problem }: ExtensionCheck): string {
  if (problem) return `refused: ${printable(verdict(problem))}`;
  if (result === 'verified') return 'links, and the verifier accepts it';
  return why === undefined ? 'links' : `links; the verifier could not be asked: ${printable(why)}`;
}

/** The verifier's reason, if its log has one. */
function verdict(problem: IpftError): string {
  const text = problem instanceof VerifierError ? findVerdict(problem.log) : undefined;
  return text ?? problem.message;
}

/** A row for each field that lies in the data: offset in bytes (and bits), size, type, name, format. */
function formatLayout({ label, fields, sizeBytes }: StructLayout): string {
  if (fields.length === 0) return `${label}, ${sizeBytes} bytes\n`;
  const rows = fields.map(({ name, offset, bitOffset, bits, type, format }) => [
    bits % 8 === 0 && bitOffset === 0 ? String(offset) : `${offset}.${bitOffset}`,
    bits % 8 === 0 ? String(bits / 8) : `${bits} bits`,
    printable(type),
    printable(name),
    printable(format),
  ]);
  const table = [['OFFSET', 'SIZE', 'TYPE', 'FIELD', 'FORMAT'], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${label}, ${sizeBytes} bytes\n${lines.join('\n')}\n`;
}
