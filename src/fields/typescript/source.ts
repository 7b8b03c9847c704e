/** The fields of an extension in TypeScript, as a source. */
import { basename, resolve } from 'node:path';
import { causedBy } from '../../base/errors.js';
import { ExpressionError } from '../../base/expression-error.js';
import { printable } from '../../base/printable.js';
import { compileFields, type FieldExpression, type FieldsQuery } from '../../expression/fields.js';
import type { KernelTypes } from '../../expression/kernel-types.js';
import { compileSet } from '../expression/show.js';
import type { FieldSet, FieldSource } from '../field-set.js';
import { type LoadedModule, type LoadModuleOptions, loadTypeScript, ModuleError } from './load.js';
import type { ModuleField } from './messages.js';

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
  const kernel = types();
  const query = queryOf(loaded);
  // One after the other, so that an error names its file.
  for (const [index, field] of query.fields.entries()) {
    withFile(loaded, loaded.fields[index]!, () =>
      compileFields({ ...query, fields: [field], keep: undefined }, kernel),
    );
  }
  const { keep } = loaded;
  if (keep) withFile(loaded, keep, () => compileFields({ ...query, fields: [] }, kernel));
  const label = `the extension ${printable(path)}`;
  return withFile(loaded, keep ?? loaded.fields[0]!, () => compileSet(query, { label, part: 'script' }, kernel));
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
