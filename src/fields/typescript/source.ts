/** The fields of an extension in TypeScript, as a source. */
import { basename, resolve } from 'node:path';
import { causedBy } from '../../base/errors.js';
import { ExpressionError } from '../../base/expression-error.js';
import { printable } from '../../base/printable.js';
import { compileFields, type FieldExpression, type FieldsQuery } from '../../expression/fields.js';
import type { KernelTypes } from '../../expression/kernel-types.js';
import type { ComputedFields } from '../computed.js';
import { compileSet } from '../expression/show.js';
import type { FieldSet, FieldSource } from '../field-set.js';
import { createLayout, type StructLayout } from '../layout.js';
import { createFieldReader } from '../values.js';
import { type LoadedModule, type LoadModuleOptions, loadTypeScript } from './load.js';
import type { ModuleField } from './messages.js';
import { ModuleError } from './problem.js';
import type { Shower } from './shower.js';

/** The kernel side's function for it: `bpf/core/fields.h`. */
const FUNCTION = 'ipft_script';

/** @param types of the running kernel: asked for when the source is loaded */
export function typescriptSource(path: string, types: () => KernelTypes, options: LoadModuleOptions): FieldSource {
  return { load: () => loadTypeScriptFields(path, types, options) };
}

/**
 * Executes a module and compiles its fields for the running kernel.
 * @throws ModuleError, with the file and the line in its message
 */
export async function loadTypeScriptFields(
  path: string,
  types: () => KernelTypes,
  options: LoadModuleOptions,
): Promise<FieldSet> {
  const loaded = await loadTypeScript(path, options);
  try {
    return compile(loaded, types());
  } catch (error) {
    loaded.shower?.close();
    throw error;
  }
}

function compile(loaded: LoadedModule, kernel: KernelTypes): FieldSet {
  const query = queryOf(loaded);
  const label = `the extension ${printable(loaded.path)}`;
  let made: FieldSet;
  try {
    made = compileSet(query, { label, part: 'script' }, kernel);
  } catch (error) {
    blame(loaded, query, kernel);
    return withFile(loaded, loaded.keep ?? loaded.fields[0]!, () => {
      throw error;
    });
  }
  const set = { ...made, layout: { ...made.layout, label: printable(basename(loaded.path)) } };
  const { shower } = loaded;
  if (!shower) return set;
  const shown = loaded.fields.filter(({ hasShow }) => hasShow).map(({ name }) => name);
  return { ...set, ...divide(set.layout, shown, shower, label), asRead: set };
}

/** Compiles each function by itself, so that an error names its file. @throws ModuleError, unless only all together are wrong */
function blame(loaded: LoadedModule, query: FieldsQuery, kernel: KernelTypes): void {
  for (const [index, field] of query.fields.entries()) {
    withFile(loaded, loaded.fields[index]!, () =>
      compileFields({ ...query, fields: [field], keep: undefined }, kernel),
    );
  }
  const { keep } = loaded;
  if (keep) withFile(loaded, keep, () => compileFields({ ...query, fields: [] }, kernel));
}

/** Takes the fields that functions show out of a layout: their functions give what takes their place, behind the others. */
function divide(
  layout: StructLayout,
  shown: readonly string[],
  shower: Shower,
  label: string,
): { layout: StructLayout; computed: ComputedFields } {
  const isShown = ({ name }: { readonly name: string }) => shown.includes(name);
  const read = createFieldReader(layout.createFields(() => {}).filter(isShown));
  return {
    layout: createLayout({
      ...layout,
      createFields: (symbols) => layout.createFields(symbols).filter((field) => !isShown(field)),
    }),
    computed: {
      label,
      varies: false,
      compute: (data, at) =>
        Object.entries(read(data, at)).flatMap(([name, value]) => {
          const made = shower.show(name, value);
          return made === undefined ? [] : [{ name, value: made }];
        }),
      end: () => shower.close(),
    },
  };
}

function queryOf({ path, fields, keep }: LoadedModule): FieldsQuery {
  return {
    fields: fields.map(
      ({ format, expression, ...field }): FieldExpression => ({
        ...{ name: field.name, expression, text: field.text, line: field.line },
        format: format === undefined ? undefined : { text: format, at: expression.at },
      }),
    ),
    keep: keep && { name: 'keep', expression: keep.expression, text: keep.text, line: keep.line },
    ...{ functionName: FUNCTION, sourceFile: basename(path) },
  };
}

/** Names the file and the line in errors of expressions. */
function withFile<T>({ path, files }: LoadedModule, { file }: Pick<ModuleField, 'file'>, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const { at } = error;
    const own = file === resolve(path);
    const text = files.get(file) ?? '';
    const line = at && text.slice(0, at.from).split('\n').length;
    const column = at && at.from - text.lastIndexOf('\n', at.from - 1);
    const place = line === undefined ? '' : `:${line}:${column}`;
    const about = `the extension ${printable(path)}${own ? place : `: ${printable(file)}${place}`}`;
    throw causedBy(new ModuleError(`${about}: ${error.message}`, error.hint, file, at), error);
  }
}
