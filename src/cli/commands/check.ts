/** `ipft check`: what can be known about an extension, and about expressions, before they trace. */

import { counted } from '../../base/counted.js';
import { type IpftError, VerifierError } from '../../base/errors.js';
import { groupBy } from '../../base/group-by.js';
import { printable } from '../../base/printable.js';
import { canLoadPrograms, checkFields, type ExtensionCheck, findProblem } from '../../capture/check.js';
import { needsHelper } from '../../capture/load.js';
import { raiseLimits } from '../../capture/process.js';
import { KernelTypes } from '../../expression/kernel-types.js';
import { findVerdict } from '../../fields/c/verifier-log.js';
import { findJsonConflicts } from '../../fields/event-struct.js';
import { type ShowText, showSource } from '../../fields/expression/show.js';
import { type ExtensionFiles, loadExtension } from '../../fields/extension.js';
import { combineFields, type FieldSet, fieldsAsRead } from '../../fields/field-set.js';
import { compileWhere } from '../../filter/where.js';
import { loadKernelBtf } from '../../kernel/btf.js';
import { kernelTypeSource } from '../../kernel/type-source.js';
import { ScriptPrints } from '../script-prints.js';
import type { Terminal } from '../terminal.js';
import type { Writer } from '../writer.js';

export interface CheckOptions {
  /** Without files: none. */
  readonly extension: ExtensionFiles;
  readonly show: readonly ShowText[];
  readonly where: string | undefined;
  readonly verbose: boolean;
  readonly compileTimeoutSeconds: number;
}

/** Prints layouts and costs. @throws the first problem */
export async function check(options: CheckOptions, terminal: Terminal, out: Writer): Promise<void> {
  const types = new KernelTypesOnce();
  const sets = await loadSets(options, types, terminal);
  const fields = fieldsAsRead(combineFields(sets));
  // No event is shown: what would show their fields ends now.
  for (const { asRead, computed } of sets) if (asRead) computed?.end?.();
  const where = options.where === undefined ? undefined : compileWhere(options.where, '--where', types.get());
  const byHelper = needsHelper(fields);
  for (const set of fields.sets) await out.write(Buffer.from(formatLayout(set, byHelper)));
  if (where) await out.write(Buffer.from(`--where: ${formatCost(where.cost(loadKernelBtf(), byHelper))}\n`));
  for (const warning of fields.warnings) terminal.warn(warning);
  for (const name of findJsonConflicts(fields)) {
    terminal.warn(`-o json will refuse the member ${name}: the output has a key of that name`);
  }
  const verify = canLoadPrograms();
  if (verify) raiseLimits();
  const checks = await checkFields(fields, where, verify);
  const problem = findProblem(checks);
  // A problem with all backends is told once.
  if (problem && checks.every(({ result }) => result !== 'verified')) throw problem;
  for (const line of describeChecks(checks)) terminal.line(line);
  if (problem) throw problem;
  if (!verify) terminal.line('the verifier was not asked: that needs root, or CAP_BPF and CAP_PERFMON');
}

/** The running kernel's types, read when they are asked for first. */
class KernelTypesOnce {
  #types: KernelTypes | undefined;

  readonly get = (): KernelTypes => {
    this.#types ??= new KernelTypes(kernelTypeSource());
    return this.#types;
  };
}

async function loadSets(options: CheckOptions, types: KernelTypesOnce, terminal: Terminal): Promise<FieldSet[]> {
  const { extension, show } = options;
  const sets: FieldSet[] = [];
  if (show.length > 0) sets.push(await showSource(show, '--show', types.get).load());
  if (extension.paths.length === 0) return sets;
  if (extension.kind === 'typescript') {
    terminal.line(`${printable(extension.paths[0] ?? '')} is executed, in a thread of its own`);
  }
  sets.push(
    await loadExtension(extension, {
      timeoutSeconds: options.compileTimeoutSeconds,
      color: terminal.hasColor,
      onOutput: (text) => terminal.write(text),
      printer: new ScriptPrints(terminal, false),
      types: types.get,
    }),
  );
  return sets;
}

function formatCost({ instructions, calls }: { readonly instructions: number; readonly calls: number }): string {
  return `${counted(instructions, 'instruction')}, ${counted(calls, 'call')}`;
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

/** A row for each field that lies in the data: offset in bytes (and bits), size, type, name, format, and what it costs; then what all of them cost. */
function formatLayout({ layout, costs: costsOf, cost, computed }: FieldSet, byHelper: boolean): string {
  const { label, fields, sizeBytes } = layout;
  const costs = costsOf?.(byHelper);
  const whole = [
    ...(cost ? [`module() and all that it calls: ${formatCost(cost)}`] : []),
    ...(computed?.cost === undefined ? [] : [computed.cost]),
  ].map((line) => `${line}\n`);
  if (fields.length === 0) return `${label}, ${sizeBytes} bytes\n${whole.join('')}`;
  const rows = fields.map(({ name, offset, bitOffset, bits, type, format }, index) => [
    bits % 8 === 0 && bitOffset === 0 ? String(offset) : `${offset}.${bitOffset}`,
    bits % 8 === 0 ? String(bits / 8) : `${bits} bits`,
    printable(type),
    printable(name),
    printable(format),
    ...(costs ? [formatCost(costs[index]!)] : []),
  ]);
  const table = [['OFFSET', 'SIZE', 'TYPE', 'FIELD', 'FORMAT', ...(costs ? ['COST'] : [])], ...rows];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  const lines = table.map((row) =>
    row
      .map((cell, column) => (column < 2 ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${label}, ${sizeBytes} bytes\n${lines.join('\n')}\n${whole.join('')}`;
}
