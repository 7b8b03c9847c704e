/** Floating-point numbers. Pure. */
import type { ValueAccess } from './integers.js';

/**
 * Access to a floating-point number, which BPF can copy and not compute. Its text is the shortest that gives the same
 * bits.
 */
export function createFloat(sizeBytes: number): ValueAccess | undefined {
  if (sizeBytes !== 4 && sizeBytes !== 8) return undefined;
  const shown = (data: DataView, at: number) => {
    const value = sizeBytes === 4 ? data.getFloat32(at, true) : data.getFloat64(at, true);
    return { value, text: formatFloat(value, sizeBytes) };
  };
  return {
    type: 'number',
    give: (taker, data, at) => taker.double(Number(shown(data, at).text)),
    // The number of the text: a float of 4 bytes that is shown as 0.1 is read as 0.1.
    read: (data, at) => Number(shown(data, at).text),
    text: (out, data, at) => out.text(shown(data, at).text),
    json(out, data, at) {
      const { value, text } = shown(data, at);
      out.text(Number.isFinite(value) ? text : `"${text}"`);
    },
  };
}

function formatFloat(value: number, sizeBytes: 4 | 8): string {
  if (Object.is(value, -0)) return '-0';
  if (sizeBytes === 8 || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = String(Number(value.toPrecision(digits)));
    if (Math.fround(Number(text)) === value) return text;
  }
  return String(Number(value.toPrecision(9)));
}
