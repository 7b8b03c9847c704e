/** Which files are extensions in TypeScript. */
import { extname } from 'node:path';

/** The suffixes, and what such a file is. */
export const MODULE_SUFFIXES = {
  '.ts': 'TypeScript',
  '.mts': 'TypeScript',
  '.js': 'JavaScript',
  '.mjs': 'JavaScript',
} as const;

export function isModulePath(path: string): boolean {
  return Object.hasOwn(MODULE_SUFFIXES, extname(path)) && !path.endsWith('.d.ts');
}
