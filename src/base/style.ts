/** Colours of a terminal. Without colours, text stays as it is. */

/** SGR codes: see console_codes(4). The eight colours follow the terminal's own theme. */
const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/** Writes text in a style, or as it is. */
export type Painter = (text: string, ...styles: readonly Style[]) => string;

/** @param hasColor false for a painter that does nothing */
export function createPainter(hasColor: boolean): Painter {
  if (!hasColor) return (text) => text;
  return (text, ...styles) =>
    text === '' || styles.length === 0 ? text : `\x1b[${styles.map((style) => CODES[style]).join(';')}m${text}\x1b[0m`;
}
