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

/**
 * The colours that things without an order are told apart by, neighbours first: all that can be read on dark and on light, but for
 * red, which means that something is bad.
 */
const PALETTE = [36, 33, 32, 35, 94, 96, 93, 92, 95] as const;
/** How many there are. */
export const PALETTE_SIZE: number = PALETTE.length;

/** What turns the terminal to a colour of the palette. @param index from 0 on */
export function paletteCode(index: number): string {
  return `\x1b[${PALETTE[index % PALETTE.length]}m`;
}

/** What ends all styles. */
export const PLAIN_CODE = '\x1b[0m';
