/** `ipft check FILE…`: everything that can be known about an extension before it traces. */
import { canLoadPrograms, checkExtension, type Extension, loadExtension, printable, raiseLimits } from '../internal.js';
import type { Terminal } from './terminal.js';
import type { Writer } from './writer.js';

export interface CheckOptions {
  readonly files: readonly string[];
  readonly verbose: boolean;
  readonly compileTimeoutSeconds: number;
}

/** Prints the layout of the events; throws the first problem. */
export async function check(options: CheckOptions, terminal: Terminal, out: Writer): Promise<void> {
  const extension = await loadExtension(options.files, {
    timeoutSeconds: options.compileTimeoutSeconds,
    color: terminal.hasColor,
    onOutput: (text) => process.stderr.write(text),
  });
  await out.write(Buffer.from(formatLayout(extension)));
  const { warnings, jsonConflicts } = extension.eventStruct;
  for (const warning of warnings) terminal.warn(warning);
  for (const name of jsonConflicts) {
    terminal.warn(`-o json will refuse the member ${name}: the output has a key of that name`);
  }
  const verify = canLoadPrograms();
  if (verify) raiseLimits();
  const checks = await checkExtension(extension, verify);
  for (const { problem } of checks) if (problem) throw problem;
  for (const { backend, result, why } of checks) {
    const unasked = why === undefined ? 'links' : `links; the verifier could not be asked: ${printable(why)}`;
    terminal.line(`${backend}: ${result === 'verified' ? 'links, and the verifier accepts it' : unasked}`);
  }
  if (!verify) terminal.line('the verifier was not asked: that needs root, or CAP_BPF and CAP_PERFMON');
}

/** A row for each field: offset in bytes (and bits), size, type, name, format. */
function formatLayout({ eventStruct }: Extension): string {
  const rows = eventStruct.fields.map(({ name, offset, bitOffset, bits, type, format }) => [
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
  return `${eventStruct.label}, ${eventStruct.sizeBytes} bytes\n${lines.join('\n')}\n`;
}
