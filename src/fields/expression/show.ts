/** Fields that are expressions, as a source. */

import { ExpressionError } from '../../base/expression-error.js';
import { printable } from '../../base/printable.js';
import { parseBtf } from '../../btf/btf.js';
import { findDirectReads } from '../../btf/direct-reads.js';
import { type CompiledFields, compileFields, type FieldsQuery } from '../../expression/fields.js';
import type { KernelTypes } from '../../expression/kernel-types.js';
import { parseShow, type ShowItem } from '../../expression/parse.js';
import { withPlace } from '../../expression/place.js';
import { FIND_HEADER, loadOwnObject } from '../../sys/own-objects.js';
import { parseEventStruct } from '../event-struct.js';
import type { FieldSet, FieldSource, Part } from '../field-set.js';

/** A text with fields, separated by commas. */
export interface ShowText {
  readonly text: string;
  readonly items: readonly ShowItem[];
}

/**
 * Reads what `--show` was given.
 * @param name what it is to its user, as `--show`
 * @param known texts of fields by their names, which are taken; those of these texts are added
 * @throws ExpressionError for a text that can't be read, or two fields of one name
 */
export function readShow(
  texts: readonly string[],
  name: string,
  known: Map<string, string> = new Map(),
): readonly ShowText[] {
  return texts.map((text) =>
    withPlace(text, name, () => {
      const items = parseShow(text);
      for (const item of items) {
        const other = known.get(item.name);
        if (other !== undefined) {
          throw new ExpressionError(
            `${printable(other)} and ${printable(item.text)} are both called ${item.name}`,
            `give one of the two another name: ${printable(item.text)} as NAME`,
            item.at,
          );
        }
        known.set(item.name, item.text);
      }
      return { text, items };
    }),
  );
}

/** The fields of `--show`. @param types of the running kernel: asked for when the source is loaded */
export function showSource(given: readonly ShowText[], name: string, types: () => KernelTypes): FieldSource {
  return {
    load: async () => {
      const kernel = types();
      const items = given.flatMap((one) => one.items);
      try {
        return compileSet(queryOf(items, name), { label: name, part: 'show' }, kernel);
      } catch (error) {
        // One after the other, so that the error names its text; what is wrong with all together is wrong in none.
        for (const one of given) withPlace(one.text, name, () => compileFields(queryOf(one.items, name), kernel));
        const all = given.map(({ text }) => text).join(', ');
        return withPlace(all, name, () => {
          throw error;
        });
      }
    },
  };
}

export function queryOf(items: readonly ShowItem[], sourceFile: string): FieldsQuery {
  const fields = items.map(({ name, expression, format, text }) => ({ name, expression, format, text, line: 1 }));
  return { fields, functionName: 'ipft_show', sourceFile };
}

/**
 * Compiles fields to a set.
 * @param about what they are called in messages, and whose function they are
 * @throws ExpressionError
 */
export function compileSet(
  query: FieldsQuery,
  { label, part }: { readonly label: string; readonly part: Part },
  types: KernelTypes,
): FieldSet & Pick<CompiledFields, 'presenceBytes'> {
  const compiled = compileFields(query, types);
  const { btf, dataBytes, presenceBytes, needsHeaders } = compiled;
  const { vmlinux } = types.source;
  return {
    ...{ label, part, layout: parseEventStruct(parseBtf(btf)), btf, dataBytes, presenceBytes },
    objects: needsHeaders ? [{ ...loadOwnObject(FIND_HEADER), compiled: true }] : [],
    compile: (byHelper) => ({
      name: label,
      bytes: compiled.createObject(byHelper ? undefined : findDirectReads(vmlinux)),
      compiled: true,
    }),
    costs: (byHelper) => compiled.costs(byHelper ? undefined : findDirectReads(vmlinux)),
    hasLicense: false,
    declaresRdonlyCast: false,
  };
}
