/** `ipft doctor`: one screen that says what can be traced here, and what to do about the rest. */

import { TRACER_NAMES } from '../../base/method.js';
import { printable } from '../../base/printable.js';
import { createPainter, type Painter, type Style } from '../../base/style.js';
import { wrap } from '../../base/wrap.js';
import { type Diagnosis, diagnose } from '../../capture/doctor.js';
import { raiseLimits } from '../../capture/process.js';
import { type ColorChoice, hasColor } from '../color.js';
import type { Writer } from '../writer.js';

const STYLES: Record<string, readonly Style[]> = { ok: ['green'], BAD: ['red', 'bold'] };
const MARKS = { ok: 'ok', missing: '-', bad: 'BAD', unknown: '?' } as const;

/** @returns whether anything is known to be traceable */
export async function doctor(
  options: { readonly json: boolean; readonly color: ColorChoice },
  out: Writer,
): Promise<boolean> {
  // As a trace does: before Linux 5.11 maps count as locked memory.
  raiseLimits();
  const diagnosis = await diagnose();
  const text = options.json
    ? `${JSON.stringify(toJson(diagnosis), null, 2)}\n`
    : format(diagnosis, createPainter(hasColor(options.color, { isTTY: out.isTerminal })), out.columns);
  await out.write(Buffer.from(text));
  return diagnosis.tracers.some(({ works }) => works);
}

function toJson({ checks, tracers, chosen }: Diagnosis) {
  return {
    checks,
    tracers: tracers.map((tracer) => ({ ...tracer, works: tracer.works ?? null })),
    chosen: { function: chosen.function ?? null, function_graph: chosen.function_graph ?? null },
  };
}

/** The least width of the last column: narrower, words would be broken. */
const LEAST_ROOM = 20;

/** @param columns of the terminal */
function format({ checks, tracers, chosen }: Diagnosis, paint: Painter, columns = Number.POSITIVE_INFINITY): string {
  const width = Math.max(...checks.map(({ name }) => name.length), ...tracers.map(({ backend }) => backend.length));
  const indent = 3 + 2 + width + 2;
  const row = (mark: string, name: string, result: string) => {
    const text = wrap(printable(result), Math.max(LEAST_ROOM, columns - indent), indent);
    return `${paint(mark.padStart(3), ...(STYLES[mark] ?? []))}  ${name.padEnd(width)}  ${text}`.trimEnd();
  };
  const lines = checks.flatMap(({ name, status, result, remedy }) => [
    row(MARKS[status], name, result),
    ...(remedy === undefined ? [] : [row('', '', `→ ${remedy}`)]),
  ]);
  for (const tracer of TRACER_NAMES) {
    lines.push('', paint(`-t ${tracer}: ${describeChoice(chosen[tracer])}`, 'bold'));
    if (chosen[tracer] === undefined && checks.some(({ name, status }) => name === 'lockdown' && status === 'bad')) {
      lines.push(row('', '', '→ trace on a machine without lockdown, or in a virtual machine'));
    }
    for (const { backend, works, reason } of tracers.filter((one) => one.tracer === tracer)) {
      const mark = works === undefined ? MARKS.unknown : works ? MARKS.ok : MARKS.missing;
      lines.push(row(mark, backend, works ? 'works' : (reason ?? '')));
    }
  }
  return `${lines.join('\n')}\n`;
}

function describeChoice(backend: string | undefined): string {
  return backend === undefined ? 'no backend is known to work here' : `${backend} is taken`;
}
