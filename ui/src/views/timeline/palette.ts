/** The colours of the timeline: those of the page's style, and one for each place. */
import { OUTCOMES, type Place } from '../../trace/trace.js';

const HUES = [212, 150, 36, 275, 188, 322, 72, 250, 105, 20];
const SHADES = 3;

/** Colours of the page's style, by the names of its properties. */
const NAMES = ['back', 'panel', 'text', 'faint', 'line', 'accent', 'chosen', 'warning', ...OUTCOMES] as const;
export type ColourName = (typeof NAMES)[number];

export interface Palette extends Readonly<Record<ColourName, string>> {
  /** Of each place. */
  readonly places: readonly string[];
  /** The colours that `places` has, each once; `placeColour` has indexes of it. */
  readonly fills: readonly string[];
}

/** Which colour a place has. Those of a namespace have shades of the same, where there are more places than colours. */
export function assignColours(places: readonly Place[]): Uint8Array {
  const assigned = new Uint8Array(places.length);
  const hasFew = places.length - 1 <= HUES.length;
  const hues = new Map<number, number>();
  const shades = new Map<number, number>();
  for (let at = 1; at < places.length; at++) {
    const { netns } = places[at]!;
    const key = hasFew ? at : netns;
    const hue = hues.get(key) ?? hues.size % HUES.length;
    hues.set(key, hue);
    const shade = shades.get(key) ?? 0;
    shades.set(key, shade + 1);
    assigned[at] = 1 + hue * SHADES + (shade % SHADES);
  }
  return assigned;
}

/** The fills that `assignColours` has numbers of. The first one is that of a place that is not known. */
export function createFills(isDark: boolean): readonly string[] {
  const fills = [isDark ? 'hsl(220 6% 34%)' : 'hsl(220 6% 80%)'];
  for (const hue of HUES) {
    for (let shade = 0; shade < SHADES; shade++)
      fills.push(isDark ? `hsl(${hue} 38% ${36 - shade * 6}%)` : `hsl(${hue} 60% ${78 - shade * 7}%)`);
  }
  return fills;
}

/** Reads the colours that an element sees. `light-dark()` is resolved where a colour is used, not where it is declared. */
export function readPalette(element: HTMLElement, places: Uint8Array): Palette {
  const probe = document.createElement('span');
  element.append(probe);
  const style = getComputedStyle(probe);
  const colours = {} as Record<ColourName, string>;
  for (const name of NAMES) {
    probe.style.color = `var(--${name})`;
    colours[name] = style.color;
  }
  probe.remove();
  const fills = createFills(isDarkColour(colours.back));
  return { ...colours, fills, places: Array.from(places, (index) => fills[index] ?? fills[0]!) };
}

function isDarkColour(colour: string): boolean {
  const [red = 255, green = 255, blue = 255] = (colour.match(/[\d.]+/g) ?? []).map(Number);
  return red + green + blue < 3 * 128;
}
