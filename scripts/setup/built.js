/** dist/, made anew when what it is made of has changed. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from '../build.js';

/** @param {string} root of the repository */
export function ensureBuilt(root) {
  const stamp = join(root, 'dist/.sources');
  const sources = hashSources(root);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return;
  process.stderr.write('setup: building\n');
  build(root);
  writeFileSync(stamp, sources);
}

/** @param {string} root */
function hashSources(root) {
  const hash = createHash('sha256');
  for (const part of [
    'src',
    'bpf',
    'tsconfig.json',
    'package-lock.json',
    'scripts/build.js',
    'scripts/shrink-modules.js',
    'scripts/shrink-objects.js',
  ]) {
    const path = join(root, part);
    const files = statSync(path).isFile()
      ? [path]
      : readdirSync(path, { recursive: true, encoding: 'utf8' })
          .sort()
          .map((name) => join(path, name));
    for (const file of files)
      if (statSync(file).isFile()) hash.update(file.slice(root.length)).update(readFileSync(file));
  }
  return hash.digest('hex');
}
