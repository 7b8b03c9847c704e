/** Expressions by whose values packets or calls are counted, as a source of fields: the data are the keys of a map. */

import { IPFT_MAX_COUNTED, IPFT_MAX_COUNTED_SIZE } from '../../abi/layout.js';
import { ExpressionError } from '../../base/expression-error.js';
import { printable } from '../../base/printable.js';
import type { Expression } from '../../expression/ast.js';
import { Checker } from '../../expression/check.js';
import type { FieldsRoom } from '../../expression/fields.js';
import type { KernelTypes } from '../../expression/kernel-types.js';
import type { ShowItem } from '../../expression/parse.js';
import { withPlace } from '../../expression/place.js';
import type { FieldSource } from '../field-set.js';
import { compileSet, queryOf, readShow, type ShowText } from './show.js';

/** What is counted, and by what. There is a column, a histogram, or both. */
export interface CountQuery {
  /** The columns: what differs in one of them is counted apart. */
  readonly by: readonly ShowText[];
  /** A number that is counted in steps. */
  readonly histogram: (ShowText & { readonly item: ShowItem }) | undefined;
  /** Packets count once, at the first call where all has a value; calls each. */
  readonly per: 'packet' | 'call';
}

/** How many different values are counted apart: rows, and with a histogram steps of rows. */
export const MAX_COUNTED = IPFT_MAX_COUNTED;

/** What options are to whoever gave them. */
export interface CountNames {
  readonly countBy: string;
  readonly histogram: string;
}

/** The stack of the function, beside that of the data. */
const ROOM: FieldsRoom = { dataBytes: IPFT_MAX_COUNTED_SIZE, stackBytes: 160 };

/**
 * Reads what is to be counted.
 * @throws ExpressionError for a text that can't be read, or two of one name
 */
export function readCount(
  { by, histogram: text, per }: { by: readonly string[]; histogram: string | undefined; per: CountQuery['per'] },
  names: CountNames,
): CountQuery {
  const known = new Map<string, string>();
  const columns = readShow(by, names.countBy, known);
  if (text === undefined) return { by: columns, histogram: undefined, per };
  const [read] = readShow([text], names.histogram, known);
  const histogram = withPlace(text, names.histogram, () => {
    const [item, second] = read!.items;
    if (second) throw new ExpressionError('a histogram is of one number', undefined, second.at);
    if (item!.format) throw new ExpressionError('a histogram has no format', undefined, item!.format.at);
    return { ...read!, item: item! };
  });
  return { by: columns, histogram, per };
}

/** The values as fields. @param types of the running kernel: asked for when the source is loaded */
export function countSource(query: CountQuery, names: CountNames, types: () => KernelTypes): FieldSource {
  return {
    load: async () => {
      const kernel = types();
      const { by, histogram } = query;
      for (const { text, items } of by) {
        withPlace(text, names.countBy, () => compileSet(queryOf(items, names.countBy), SHOW, kernel));
      }
      const number = histogram && withPlace(histogram.text, names.histogram, () => numberOf(histogram.item, kernel));
      const items = [...by.flatMap(({ items }) => items), ...(number ? [number.item] : [])];
      const all = [...by.map(({ text }) => text), ...(histogram ? [histogram.text] : [])].join(', ');
      const name = by.length > 0 ? names.countBy : names.histogram;
      return withPlace(all, name, () => {
        const { presenceBytes, ...set } = compileSet({ ...queryOf(items, name), room: ROOM }, SHOW, kernel);
        const at = number && set.layout.fields.find((field) => field.name === number.item.name)!.offset;
        return {
          ...set,
          counted: {
            presenceBytes,
            histogram: number && { name: number.item.name, offset: at!, isSigned: number.isSigned },
          },
        };
      });
    },
  };
}

const SHOW = { label: 'what is counted', part: 'show' } as const;

/** The number of a histogram, with 64 bits. */
function numberOf(item: ShowItem, types: KernelTypes): { readonly item: ShowItem; readonly isSigned: boolean } {
  const { expression } = item;
  const { at } = expression;
  // What is in network order is swapped, and narrow numbers become wider.
  const number: Expression = { kind: 'unary', operator: '+', of: expression, at };
  const value = new Checker(types).value(number);
  const type = value.kind === 'scalar' ? value.typed.type : undefined;
  if (type?.kind !== 'integer')
    throw new ExpressionError(`${printable(item.text)} is no number: a histogram needs one`, undefined, at);
  const name = type.isSigned ? 'long' : 'unsigned long';
  const wide = { keyword: undefined, name, module: undefined, pointers: 0, at } as const;
  return {
    item: { ...item, expression: { kind: 'cast', type: wide, of: number, at } },
    isSigned: type.isSigned,
  };
}
