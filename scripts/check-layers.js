/**
 * The import table: what a folder of src/ may import; all else is refused. docs/architecture.md tells why.
 * Tests may import anything.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @type {Record<string, string[]>} */
const MAY_IMPORT = {
  base: [],
  btf: ['base'],
  sys: ['base'],
  kernel: ['sys', 'btf', 'base'],
  extension: ['sys', 'btf', 'base'],
  tracer: ['extension', 'kernel', 'sys', 'btf', 'base'],
  journey: ['base'],
  output: ['journey', 'base'],
  library: ['output', 'journey', 'tracer', 'extension', 'kernel', 'sys', 'btf', 'base'],
  'index.ts': ['library', 'base'],
  'internal.ts': ['library', 'output', 'journey', 'tracer', 'extension', 'kernel', 'sys', 'btf', 'base'],
  cli: ['internal.ts', 'output', 'journey', 'tracer', 'extension', 'kernel', 'sys', 'btf', 'base'],
};
/** Layers without access to the system, and the one that holds the door to it. */
const PURE = ['base', 'btf', 'journey', 'output'];
const NATIVE = { module: 'koffi', layer: 'sys' };

/** @returns {string[]} what is wrong, a line each */
export function checkLayers() {
  const src = fileURLToPath(new URL('../src', import.meta.url));
  const problems = [];
  for (const file of readdirSync(src, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const layer = file.split('/')[0] ?? '';
    const allowed = MAY_IMPORT[layer];
    if (!allowed) {
      problems.push(`src/${file}: there is no layer '${layer}'`);
      continue;
    }
    const text = readFileSync(join(src, file), 'utf8');
    for (const [, from, dynamic] of text.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)) {
      const module = from ?? dynamic ?? '';
      if (!module.startsWith('.')) {
        if (module.startsWith('node:') && PURE.includes(layer))
          problems.push(`src/${file}: ${layer} is pure, and imports ${module}`);
        if (module === NATIVE.module && layer !== NATIVE.layer)
          problems.push(`src/${file}: only ${NATIVE.layer} may import ${module}`);
        continue;
      }
      const target = relative(src, join(src, dirname(file), module)).split('/')[0] ?? '';
      const targetLayer = target.replace(/\.js$/, '.ts');
      if (targetLayer !== layer && !allowed.includes(targetLayer))
        problems.push(`src/${file}: ${layer} may not import ${targetLayer} (${module})`);
    }
  }
  return problems;
}
