/** What `ipft wireshark-setup` puts into the folders of Wireshark, and where these are. Pure. */
import { createHash } from 'node:crypto';
import { isAbsolute, join } from 'node:path';
import { IpftError } from '../../base/errors.js';
import { formatRootWay, quoteForShell, type RootWay } from '../root-way.js';

/** The name of the profile. */
export const PROFILE = 'ipft';

const MADE = 'ipft wireshark-setup';
/** What all files end with, in a comment: their maker, and a digest of what is before. So they are known again, unless they were changed. */
const SEAL = new RegExp(`(?<=\\n)(?:#|--) ${MADE}: sha256 ([0-9a-f]{64})\\n$`);

/** @param comment how a comment of the file begins */
export function seal(text: string, comment: '#' | '--'): string {
  return `${text}${comment} ${MADE}: sha256 ${digest(text)}\n`;
}

/** Whether a file was made by the setup, of any version, and is as it was made. */
export function isMade(text: string): boolean {
  const found = SEAL.exec(text);
  return found !== null && found[1] === digest(text.slice(0, found.index));
}

const digest = (text: string) => createHash('sha256').update(text).digest('hex');

export interface Folders {
  /** Programs that are capture sources. */
  readonly extcap: string;
  readonly lua: string;
  /** Preferences and profiles. */
  readonly config: string;
}

/**
 * Reads what `tshark -G folders` prints: `Personal configuration:\t/home/…`.
 * @throws IpftError where a folder is missing
 */
export function readFolders(text: string): Folders {
  const named = new Map(
    text.split('\n').flatMap((line) => {
      const [, name, path] = /^([^:]+):\s*(\/.*)$/.exec(line) ?? [];
      return name !== undefined && path !== undefined && isAbsolute(path) ? [[name.toLowerCase(), path] as const] : [];
    }),
  );
  const find = (name: string) => {
    const path = named.get(name.toLowerCase());
    if (path !== undefined) return path;
    throw new IpftError(
      'SYSTEM',
      `asking Wireshark for its folders: it does not name '${name}'`,
      'Wireshark 4.0 or later is needed, with Lua',
    );
  };
  const config = find('Personal configuration');
  // Wireshark 4.0 looks there, and does not say so.
  const extcap = named.get('personal extcap path') ?? join(config, 'extcap');
  return { extcap, lua: find('Personal Lua Plugins'), config };
}

/**
 * Where Wireshark has its folders if nothing else was set, 4.0 and later versions.
 * @param configHome XDG_CONFIG_HOME
 */
export function usualFolders(home: string, configHome: string | undefined): Folders[] {
  const config = join(configHome || join(home, '.config'), 'wireshark');
  const local = join(home, '.local', 'lib', 'wireshark');
  return [config, local].map((parent) => ({ extcap: join(parent, 'extcap'), lua: join(local, 'plugins'), config }));
}

/**
 * The program that Wireshark calls.
 * @param own Node and the script of this `ipft`: desktops have another PATH than shells
 */
export function formatWrapper(own: readonly string[], via: RootWay): string {
  const words = [...own, 'extcap', '--via', formatRootWay(via)].map(quoteForShell);
  return `#!/bin/sh\n# Made by ${MADE}: the interface ipft of Wireshark\nexec ${words.join(' ')} "$@"\n`;
}

const COLUMNS = [
  ['No.', '%m'],
  ['Time', '%t'],
  ['Journey', '%Cus:ipft.journey:0:R'],
  ['Function', '%Cus:ipft.function:0:R'],
  ['Device', '%Cus:ipft.device:0:R'],
  ['Namespace', '%Cus:ipft.netns_name:0:R'],
  ['Outcome', '%Cus:ipft.outcome:0:R'],
  ['Why, where', '%Cus:ipft.reason or ipft.ended_in:0:R'],
  ['Source', '%s'],
  ['Destination', '%d'],
  ['Protocol', '%p'],
  ['Length', '%L'],
  ['Info', '%i'],
];

/** A packet is there once for each function, which is no retransmission. */
export const PREFERENCES = `# Made by ${MADE}: the profile ${PROFILE}
gui.column.format: 
${COLUMNS.map(([title, format]) => `\t"${title}", "${format}"`).join(',\n')}
tcp.analyze_sequence_numbers: FALSE
`;

/** Names, display filters, and background and foreground: red, green and blue in 16 bits. */
const COLORS = [
  ['dropped', 'ipft.outcome == "dropped"', [65535, 50886, 50886], [26214, 0, 0]],
  ['missing events', 'ipft.gap == 1', [65535, 61166, 47802], [26214, 17476, 0]],
  ['delivered', 'ipft.outcome == "delivered" || ipft.outcome == "processed"', [58853, 63993, 58853], [0, 17476, 0]],
  ['sent out', 'ipft.outcome == "transmitted" || ipft.outcome == "forwarded"', [58853, 61166, 65535], [0, 0, 26214]],
] as const;

export const COLOR_FILTERS = `# Made by ${MADE}: the profile ${PROFILE}
${COLORS.map(([name, filter, back, fore]) => `@ipft: ${name}@${filter}@[${back.join(',')}][${fore.join(',')}]`).join('\n')}
`;
