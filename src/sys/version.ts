/** The version of `ipft`. */
import { readFileSync } from 'node:fs';
import { PACKAGE_ROOT } from '../base/package-root.js';

/** The version in package.json: `0.1.0`. */
export function packageVersion(): string {
  const text = readFileSync(new URL('package.json', PACKAGE_ROOT), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
