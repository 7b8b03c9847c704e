/** `ipft wireshark-setup`: the interface, the fields and the profile in the folders of a user's Wireshark. */
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  constants,
  fchmodSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { causedBy, IpftError } from '../../base/errors.js';
import { PACKAGE_ROOT } from '../../base/package-root.js';
import { printable } from '../../base/printable.js';
import { asUser, findCaller } from '../../sys/caller.js';
import { type NamedUser, type RootWay, sudoersRule } from '../root-way.js';
import { ownCommand, userOfProcess } from './extcap.js';
import {
  COLOR_FILTERS,
  type Folders,
  formatWrapper,
  isMade,
  PREFERENCES,
  PROFILE,
  readFolders,
  seal,
  usualFolders,
} from './wireshark-files.js';

export interface SetupOptions {
  readonly via: RootWay;
  readonly undo: boolean;
  /** Whether files of others may be replaced or removed. */
  readonly force: boolean;
}

interface SetupFile {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}

/** Wireshark's programs that tell its folders. */
const PROGRAMS = ['tshark', 'wireshark'];
const FOLDERS_MS = 60_000;
/** A larger file is none that was made here. */
const MAX_BYTES = 1 << 20;
const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW, O_NOCTTY, O_RDONLY, O_NONBLOCK } = constants;

/**
 * Makes the files, or removes them. Behind sudo all of it is done as the user who called: the files are that user's, and a
 * link in a folder leads nowhere that the user may not go.
 * @returns what to print
 * @throws IpftError
 */
export function setUpWireshark(options: SetupOptions): string {
  const caller = findCaller();
  if (!caller) return setUp(options, process.env, userOfProcess());
  const { variables } = caller;
  if (!variables['HOME']) {
    throw new IpftError('SYSTEM', `the user ${caller.uid}, who called sudo, has no home`, 'run it as that user');
  }
  const environment = { PATH: process.env['PATH'], ...variables };
  const user = { name: variables['USER'] ?? String(caller.uid), uid: caller.uid };
  return asUser(caller, () => setUp(options, environment, user));
}

function setUp(options: SetupOptions, environment: NodeJS.ProcessEnv, user: NamedUser): string {
  const files = findFolders(options, environment).flatMap((folders) => listFiles(options.via, folders));
  return options.undo ? remove(files, options.force) : install(files, options, user);
}

/** Wireshark's folders. Files are removed when Wireshark has gone, too. */
function findFolders({ undo }: SetupOptions, environment: NodeJS.ProcessEnv): Folders[] {
  try {
    return [readFolders(askForFolders(environment))];
  } catch (error) {
    const home = environment['HOME'] ?? '';
    if (!undo || !isAbsolute(home)) throw error;
    return usualFolders(home, environment['XDG_CONFIG_HOME']);
  }
}

function listFiles(via: RootWay, { extcap, lua, config }: Folders): SetupFile[] {
  const profile = join(config, 'profiles', PROFILE);
  return [
    { path: join(extcap, 'ipft'), text: seal(formatWrapper(ownCommand(), via), '#'), mode: 0o755 },
    {
      path: join(lua, 'ipft.lua'),
      text: seal(readFileSync(new URL('wireshark/ipft.lua', PACKAGE_ROOT), 'utf8'), '--'),
      mode: 0o644,
    },
    { path: join(profile, 'preferences'), text: seal(PREFERENCES, '#'), mode: 0o644 },
    { path: join(profile, 'colorfilters'), text: seal(COLOR_FILTERS, '#'), mode: 0o644 },
  ];
}

function askForFolders(environment: NodeJS.ProcessEnv): string {
  const problems: string[] = [];
  for (const program of PROGRAMS) {
    const { status, stdout, error } = spawnSync(program, ['-G', 'folders'], {
      encoding: 'utf8',
      env: { ...environment, LC_ALL: 'C' },
      // Where a user may not be, the program could not start.
      cwd: '/',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: FOLDERS_MS,
    });
    if (status === 0) return stdout;
    problems.push(error ? error.message : `${program} -G folders ended with status ${status}`);
  }
  throw new IpftError(
    'SYSTEM',
    `asking Wireshark for its folders: ${problems.join('; ')}`,
    'install Wireshark, or tshark, 4.0 or later',
  );
}

function install(files: readonly SetupFile[], { via, force }: SetupOptions, user: NamedUser): string {
  // All is looked at before anything is changed.
  for (const { path } of files) {
    if (force || findOwner(path) !== 'other') continue;
    throw new IpftError(
      'OUTPUT_FILE',
      `${printable(path)} is there, and was not made by ipft wireshark-setup, or was changed since`,
      '--force replaces it',
    );
  }
  for (const file of files) write(file);
  const lines = files.map(({ path }) => printable(path));
  return `${[...lines, '', ...describe(via, user)].join('\n')}\n`;
}

function describe(via: RootWay, user: NamedUser): string[] {
  const lines = [
    'Wireshark and tshark have the interface ipft now, fields as ipft.function, and the profile ipft (tshark -C ipft).',
  ];
  switch (via.kind) {
    case 'none':
      return [
        ...lines,
        'It captures where Wireshark runs as root. For others --via says how to get there: sudo, pkexec or ssh:HOST.',
      ];
    case 'sudo':
      return [
        ...lines,
        `sudo must let ${printable(user.name)} capture without a password: as root, visudo -f /etc/sudoers.d/ipft, and this line:`,
        '',
        sudoersRule(user, ownCommand()),
        '',
        `Whoever may change these files can then be root: ${ownCommand().join(', ')}`,
      ];
    case 'pkexec':
      return [...lines, 'pkexec asks for a password at each capture, by the desktop.'];
    case 'ssh':
      return [
        ...lines,
        `On ${via.host} there must be ipft, found as: ssh ${via.host} ipft --version. It runs as root there, or by sudo -n.`,
      ];
  }
}

function remove(files: readonly SetupFile[], force: boolean): string {
  const lines: string[] = [];
  for (const path of new Set(files.map((file) => file.path))) {
    const owner = findOwner(path);
    if (owner === 'nobody') continue;
    if (owner === 'other' && !force) {
      lines.push(
        `${printable(path)} stays: it was not made by ipft wireshark-setup, or was changed since (--force removes it)`,
      );
      continue;
    }
    attempt('removing', path, () => rmSync(path));
    lines.push(`${printable(path)} is removed`);
    // The profile's folder goes with its last file; others are Wireshark's.
    if (basename(dirname(path)) === PROFILE) removeEmpty(dirname(path));
  }
  return lines.length === 0 ? 'There was nothing to remove\n' : `${lines.join('\n')}\n`;
}

function removeEmpty(dir: string): void {
  try {
    rmdirSync(dir);
  } catch {
    // Something else is in it.
  }
}

/** Whose a file is: `nobody` where there is none. A link, or anything that is no regular file, is another's. */
function findOwner(path: string): 'nobody' | 'ours' | 'other' {
  const there = attempt('looking at', path, () => lstatSync(path, { throwIfNoEntry: false }));
  if (!there) return 'nobody';
  if (!there.isFile() || there.size > MAX_BYTES) return 'other';
  const text = attempt('reading', path, () => {
    const fd = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    try {
      return readFileSync(fd, 'utf8');
    } finally {
      closeSync(fd);
    }
  });
  return isMade(text) ? 'ours' : 'other';
}

/** Puts a whole file in the place of what is there. */
function write({ path, text, mode }: SetupFile): void {
  attempt('writing', path, () => {
    mkdirSync(dirname(path), { recursive: true });
    const made = `${path}.${process.pid}.new`;
    const fd = openSync(made, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY, mode);
    try {
      writeSync(fd, text);
      fchmodSync(fd, mode);
      renameSync(made, path);
    } catch (error) {
      rmSync(made, { force: true });
      throw error;
    } finally {
      closeSync(fd);
    }
  });
}

function attempt<T>(doing: string, path: string, body: () => T): T {
  try {
    return body();
  } catch (error) {
    const { message } = error as Error;
    const hint = 'run it as the user whose Wireshark it is for, or with sudo as that user';
    throw causedBy(new IpftError('OUTPUT_FILE', `${doing} ${printable(path)}: ${message}`, hint), error);
  }
}
