/** Which distribution this is, by os-release(5). */
import { readFileSync } from 'node:fs';

/** @typedef {'debian' | 'fedora' | 'arch' | 'other'} Family by how packages are called, and what installs them */
/** @typedef {{ name: string, family: Family }} Distribution name: as people know it, with its version */

/** @type {Record<string, Family>} */
const FAMILIES = {
  ...{ debian: 'debian', ubuntu: 'debian' },
  ...{ fedora: 'fedora', rhel: 'fedora', centos: 'fedora' },
  arch: 'arch',
};

/** @returns {Distribution} */
export function loadDistribution() {
  for (const path of ['/etc/os-release', '/usr/lib/os-release']) {
    try {
      return parseOsRelease(readFileSync(path, 'utf8'));
    } catch {
      // The next one, or none.
    }
  }
  return { name: 'a Linux that does not say which', family: 'other' };
}

/**
 * The family is that of ID, or of the first of ID_LIKE that is known.
 * @param {string} text lines `NAME=value`, the value quoted as in a shell
 * @returns {Distribution}
 */
export function parseOsRelease(text) {
  /** @type {Map<string, string>} */
  const values = new Map();
  for (const line of text.split('\n')) {
    const [, key = '', value = ''] = /^\s*([A-Z][A-Z0-9_]*)=(.*?)\s*$/.exec(line) ?? [];
    if (key !== '') values.set(key, value.replace(/^(["'])(.*)\1$/, '$2').replace(/\\(.)/g, '$1'));
  }
  const id = values.get('ID') ?? 'linux';
  const like = (values.get('ID_LIKE') ?? '').split(/\s+/);
  const known = [id, ...like].find((one) => Object.hasOwn(FAMILIES, one));
  return {
    name: values.get('PRETTY_NAME') ?? `${values.get('NAME') ?? id} ${values.get('VERSION_ID') ?? ''}`.trim(),
    family: known === undefined ? 'other' : (FAMILIES[known] ?? 'other'),
  };
}
