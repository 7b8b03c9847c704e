/** The ways in which an ordinary user's Wireshark has `ipft` run as root. Pure. */
import { UsageError } from '../base/errors.js';
import { printable } from '../base/printable.js';

/** How to become root; `ssh` is another machine, and there the user's own rule for `sudo -n`, unless it is root. */
export type RootWay =
  | { readonly kind: 'none' | 'sudo' | 'pkexec' }
  | {
      readonly kind: 'ssh';
      /** As ssh takes it: `HOST` or `USER@HOST`. */
      readonly host: string;
    };

export const ROOT_WAYS = ['none', 'sudo', 'pkexec', 'ssh:HOST'] as const;

/** Neither an option of ssh's, nor anything that a shell or a sentence of extcap would understand. */
const HOST = /^[A-Za-z0-9_][A-Za-z0-9_.@:%+-]{0,254}$/;

/** Reads the value of `--via`. @throws UsageError */
export function parseRootWay(text: string): RootWay {
  if (text === 'none' || text === 'sudo' || text === 'pkexec') return { kind: text };
  const [kind, host] = text.split(/:(.*)/s);
  if (kind !== 'ssh') throw new UsageError(`--via '${printable(text)}' is unknown: there are ${ROOT_WAYS.join(', ')}`);
  if (host !== undefined && HOST.test(host)) return { kind, host };
  throw new UsageError(
    `--via ssh needs the name of a host, not '${printable(host ?? '')}'`,
    'as in --via ssh:root@192.0.2.9; ~/.ssh/config may say the rest, as port and key',
  );
}

export function formatRootWay(way: RootWay): string {
  return way.kind === 'ssh' ? `ssh:${way.host}` : way.kind;
}

/**
 * What is run as root to capture: it writes to its stdout, and takes no other place to write to, since a rule of sudo's
 * may allow all that begins so.
 */
export const CAPTURE_TO_STDOUT = ['extcap', '--fifo', '-', '--capture'] as const;

/**
 * The command that captures in some way.
 * @param own the command line of this `ipft`: Node and the script
 * @param args the options of the capture
 * @throws UsageError for `none`
 */
export function commandOf(way: RootWay, own: readonly string[], args: readonly string[]): [string, ...string[]] {
  switch (way.kind) {
    case 'sudo':
      return ['sudo', '-n', '--', ...own, ...CAPTURE_TO_STDOUT, ...args];
    case 'pkexec':
      return ['pkexec', ...own, ...CAPTURE_TO_STDOUT, ...args];
    case 'ssh': {
      // ssh joins its words and hands them to a shell of the user there.
      const words = ['ipft', ...CAPTURE_TO_STDOUT, '--via=sudo', ...args];
      return ['ssh', '-T', '--', way.host, words.map(quoteForShell).join(' ')];
    }
    case 'none':
      throw new UsageError('there is no way to become root');
  }
}

/**
 * A word that any shell takes for itself, whatever it has. A backslash means something between the quotes of fish, and an
 * exclamation mark between those of csh: each stands outside of them.
 */
export function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_./:=,@%+-]+$/.test(word) ? word : `'${word.replace(/['\\!]/g, "'\\$&'")}'`;
}

/** What a user may do who has no way to become root. */
export function adviseOnRoot(way: RootWay['kind'], rule: string): string {
  switch (way) {
    case 'none':
      return 'ipft wireshark-setup --via sudo, --via pkexec or --via ssh:HOST sets a way, and says what it needs';
    case 'sudo':
      return `sudo must let you without a password; as root, by visudo -f /etc/sudoers.d/ipft: ${rule}`;
    case 'pkexec':
      return 'pkexec needs an agent of polkit that asks for the password, as desktops have it';
    case 'ssh':
      return 'try it: ssh HOST ipft --version must answer without a password; there ipft runs as root, or by sudo -n';
  }
}

/** A user of this machine. */
export interface NamedUser {
  readonly name: string;
  readonly uid: number;
}

/**
 * The line of sudoers that allows captures, and nothing else. A name that could mean something there, another user's or
 * everybody, has its number in its place.
 */
export function sudoersRule({ name, uid }: NamedUser, own: readonly string[]): string {
  const user = /^[a-z_][a-z0-9_.-]*$/.test(name) ? name : `#${uid}`;
  const words = [...own, ...CAPTURE_TO_STDOUT].map((word) => word.replace(/[ \\,:=*?[\]!()"#]/g, '\\$&'));
  return `${user} ALL=(root) NOPASSWD: ${words.join(' ')} *`;
}
