/**
 * The import table: what a folder of src/ may import, and which doors to the system it has; all else is refused, and so
 * are circles of files. docs/architecture.md tells why. Tests may import anything.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * `imports` names layers. `doors` names the modules of Node that reach out of the process, of those in `DOORS`. A pure
 * layer imports nothing of Node at all.
 * @type {Record<string, { imports: string[], doors?: string[], pure?: true }>}
 */
const LAYERS = {
  base: { imports: [], pure: true },
  btf: { imports: ['base'], pure: true },
  bytecode: { imports: ['base'], pure: true },
  abi: { imports: ['base'], pure: true },
  expression: { imports: ['bytecode', 'btf', 'base'], pure: true },
  packets: { imports: ['base'], pure: true },
  sys: { imports: ['base'], doors: ['koffi', 'fs', 'child_process', 'tty'] },
  kernel: { imports: ['sys', 'btf', 'base'], doors: ['fs'] },
  fields: {
    imports: ['expression', 'sys', 'bytecode', 'abi', 'btf', 'base'],
    doors: ['fs', 'vm', 'worker_threads'],
  },
  filter: { imports: ['expression', 'bytecode', 'abi', 'btf', 'base'], pure: true },
  probes: { imports: ['abi', 'kernel', 'sys', 'btf', 'base'], doors: ['vm', 'worker_threads'] },
  capture: {
    imports: ['probes', 'filter', 'fields', 'bytecode', 'abi', 'kernel', 'sys', 'btf', 'base'],
    doors: ['fs'],
  },
  recording: { imports: ['fields', 'abi', 'sys', 'btf', 'base'], doors: ['fs'] },
  journey: { imports: ['base'], pure: true },
  output: { imports: ['journey', 'packets', 'base'] },
  trace: {
    imports: [
      'recording',
      'journey',
      'capture',
      'probes',
      'filter',
      'fields',
      'expression',
      'abi',
      'kernel',
      'sys',
      'base',
    ],
  },
  library: { imports: ['trace', 'recording', 'journey', 'packets', 'fields', 'base'] },
  'page-server': {
    imports: ['trace', 'recording', 'output', 'journey', 'filter', 'sys', 'base'],
    doors: ['fs', 'child_process', 'http', 'net'],
  },
  'extension.ts': { imports: [], pure: true },
  'index.ts': { imports: ['library', 'base'] },
  cli: {
    imports: [
      'page-server',
      'trace',
      'recording',
      'output',
      'journey',
      'capture',
      'probes',
      'filter',
      'fields',
      'expression',
      'kernel',
      'sys',
      'btf',
      'base',
    ],
    doors: ['fs', 'net', 'tty', 'child_process'],
  },
};
/** Files, processes, sockets, terminals, other code, and C. */
const DOORS = ['fs', 'child_process', 'net', 'dgram', 'http', 'https', 'tls', 'tty', 'vm', 'worker_threads', 'koffi'];

const SRC = fileURLToPath(new URL('../src', import.meta.url));

/** @returns {string[]} what is wrong, a line each */
export function checkLayers() {
  const problems = [];
  /** @type {Map<string, string[]>} */
  const graph = new Map();
  for (const file of readdirSync(SRC, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts') || file.endsWith('.test.ts')) continue;
    const layer = layerOf(file);
    const rules = LAYERS[layer];
    if (!rules) {
      problems.push(`src/${file}: there is no layer '${layer}'`);
      continue;
    }
    const own = [];
    for (const module of readImports(file)) {
      if (module.startsWith('.')) {
        const target = normalize(join(dirname(file), module)).replace(/\.js$/, '.ts');
        own.push(target);
        if (layerOf(target) !== layer && !rules.imports.includes(layerOf(target)))
          problems.push(`src/${file}: ${layer} may not import ${layerOf(target)} (${module})`);
        continue;
      }
      if (rules.pure && module.startsWith('node:'))
        problems.push(`src/${file}: ${layer} is pure, and imports ${module}`);
      const door = module.replace(/^node:/, '').replace(/\/.*/, '');
      if (DOORS.includes(door) && !(rules.doors ?? []).includes(door))
        problems.push(`src/${file}: ${layer} has no door to ${door}`);
    }
    graph.set(file, own);
  }
  return [...problems, ...findCircles(graph)];
}

/** @param {string} file below src/ */
function layerOf(file) {
  return file.split('/')[0] ?? '';
}

/** @param {string} file below src/ */
function readImports(file) {
  const text = readFileSync(join(SRC, file), 'utf8');
  return [...text.matchAll(/\bfrom '([^']+)'|\bimport\('([^']+)'\)/g)].map(
    ([, from, dynamic]) => from ?? dynamic ?? '',
  );
}

/**
 * Circles of files that import each other, types included: none of them can be understood alone.
 * @param {Map<string, string[]>} graph
 */
function findCircles(graph) {
  /** @type {string[]} */
  const circles = [];
  /** @type {Map<string, 'open' | 'done'>} */
  const state = new Map();
  /** @type {string[]} */
  const path = [];
  /** @param {string} file */
  const visit = (file) => {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      circles.push(`src/${[...path.slice(path.indexOf(file)), file].join(' -> ')}: a circle of imports`);
      return;
    }
    state.set(file, 'open');
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    state.set(file, 'done');
  };
  for (const file of graph.keys()) visit(file);
  return circles;
}
