/** Names of addresses that need no question to anybody: those of /etc/hosts. */
import { readFileSync } from 'node:fs';
import { addressBytes } from '../base/addresses.js';
import type { HostName } from '../base/host-name.js';

/** Lists that are made to block names have hundreds of thousands. */
const MAX_NAMES = 1000;
const MAX_FILE_CHARACTERS = 1 << 20;
/** All that may stand in a name; it goes to other programs. */
const NAME = /^[\w.-]{1,255}$/;
/** No machine's. */
const NOBODY = ['0.0.0.0', '::'];

/** Nothing where there is no such file, or it can't be read. At most 1,000 names, of the file's first megabyte. */
export function readHostNames(path = '/etc/hosts'): HostName[] {
  try {
    return parseHostNames(readFileSync(path, 'utf8').slice(0, MAX_FILE_CHARACTERS));
  } catch {
    return [];
  }
}

/** @param text lines of an address and its names, as in hosts(5); lines that are none are left out */
export function parseHostNames(text: string): HostName[] {
  const found: HostName[] = [];
  for (const line of text.split('\n')) {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    if (!addressBytes(address) || NOBODY.includes(address)) continue;
    for (const name of names) {
      if (found.length === MAX_NAMES) return found;
      if (NAME.test(name)) found.push({ address, name });
    }
  }
  return found;
}
