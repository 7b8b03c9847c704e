/** `ipft -l`: the functions that would be traced. */

import { printable } from '../../base/printable.js';
import { loadSymbolAddresses } from '../../kernel/functions.js';
import { formatAccess } from '../../probes/probe.js';
import { selectTargets } from '../../trace/live-trace.js';
import type { PlanOptions } from '../../trace/plan.js';
import { reportSelection } from '../report.js';
import type { Terminal } from '../terminal.js';
import type { Writer } from '../writer.js';

/**
 * Rows as the C format `%64s\t%16s\t0x%016x\t%d` has them. The header goes to stderr, so that stdout holds only rows.
 */
export async function list(
  { plan, verbose }: { readonly plan: PlanOptions; readonly verbose: boolean },
  terminal: Terminal,
  out: Writer,
): Promise<void> {
  // A signal ends the process by itself. Limits that can't be raised matter to traces alone.
  const { signal } = new AbortController();
  const { choice, selection } = await selectTargets(plan, { signal, warn: () => {} });
  const names = new Map<string, Set<string>>();
  for (const { module, name } of selection.targets) {
    names.set(module, (names.get(module) ?? new Set()).add(name));
  }
  const addresses = new Map<string, bigint>();
  for (const symbol of loadSymbolAddresses(names)) {
    const key = `${symbol.module}\t${symbol.name}`;
    // Of several symbols of one name the kernel attaches to the first.
    if (!addresses.has(key)) addresses.set(key, symbol.address);
  }
  terminal.line(`${'Function'.padStart(64)}\t${'Module'.padStart(16)}\t${'Address'.padEnd(18)}\tSKB`);
  const rows = selection.targets.map(({ module, name, packet, address: own }) => {
    const address = (own ?? addresses.get(`${module}\t${name}`) ?? 0n).toString(16).padStart(16, '0');
    return `${printable(name).padStart(64)}\t${printable(module).padStart(16)}\t0x${address}\t${formatAccess(packet)}\n`;
  });
  await out.write(Buffer.from(rows.join('')));
  reportSelection(selection, choice.backend, verbose, terminal);
}
