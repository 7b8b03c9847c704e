/**
 * Listings in README.md and docs/ that need a guest. Above a fenced block
 *
 *     <!-- terminal: NAME -->      it is what a person sees in that terminal: behind `# ` what is typed, `^C` for Ctrl-C,
 *                                  and what comes; above the first of these, so many lines as have come since. All
 *                                  terminals of a text share a directory, empty at first
 *     <!-- guest: COMMAND -->      its content is what the command prints on stdout, in the directory of the project
 *
 * tests/vm/docs.test.ts compares them, but for times and numbers; `npm run docs -- guest` renders them anew.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { documents, SAVED_AS } from './docs.js';
import { isMain, runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';

const root = fileURLToPath(new URL('..', import.meta.url));

const BLOCK = /^<!-- (file|terminal|guest): (.+) -->\n\n```(\w*)\n([\s\S]*?)^```$/gm;
const IN_GUEST = /^<!-- (terminal|guest): /m;
/** A command of the docs that takes longer hangs, on a slow machine too. */
const PATIENCE_MS = 300_000;
/** The last line of a tracer that keeps running. */
const READY = 'Trace ready!\n';
/** Progress lines, which come only where attaching takes long. A terminal would overwrite them. */
const PROGRESS = /^.*, \d+\/s, .* left\n/gm;
/** Marks the end of a command's output; no command prints it. */
const END = '\x01';

/** @param {string} text @returns whether it has listings that need a guest */
export function needsGuest(text) {
  return IN_GUEST.test(text);
}

/**
 * The part of a text that is the same each time: without numbers, and without the widths that depend on them. Marks and
 * other hexadecimal numbers stay, but not addresses and offsets within a function, nor which step was the slowest.
 * @param {string} text
 */
export function withoutNumbers(text) {
  return text
    .replace(/\+0x[0-9a-f]+/g, '+PLACE')
    .replace(/\b0xff[0-9a-f]{14}\b/g, 'ADDRESS')
    .replace(/^ +slowest step: .*/gm, 'STEP')
    .replace(/(?<![\w.])\d+(\.\d+)*(?=\b|[mun]?s\b)/g, 'N')
    .replace(/ +/g, ' ');
}

/**
 * Renders the listings of a text that need a guest; to be run in one.
 * @param {string} text
 */
export async function renderInGuest(text) {
  const work = mkdtempSync(join(tmpdir(), 'ipft-docs-'));
  const directory = join(work, 'directory');
  mkdirSync(directory);
  mkdirSync(join(work, 'bin'));
  symlinkSync(join(root, 'bin/ipft.js'), join(work, 'bin/ipft'));
  const env = { ...process.env, PATH: `${join(work, 'bin')}:${process.env['PATH']}` };
  /** @type {Map<string, Terminal>} */
  const terminals = new Map();
  try {
    let rendered = '';
    let end = 0;
    for (const match of text.matchAll(BLOCK)) {
      const [all, kind = '', what = '', language = '', content = ''] = match;
      let made = content;
      if (kind === 'file') saveFile(what, directory);
      else if (kind === 'guest') made = runHidden(what, env);
      else {
        const terminal = terminals.get(what) ?? new Terminal(directory, env);
        terminals.set(what, terminal);
        made = await terminal.render(content);
      }
      rendered += `${text.slice(end, match.index)}<!-- ${kind}: ${what} -->\n\n\`\`\`${language}\n${made}\`\`\``;
      end = match.index + all.length;
    }
    return rendered + text.slice(end);
  } finally {
    for (const terminal of terminals.values()) terminal.close();
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Saves a file in the terminals' directory, as the reader is told to.
 * @param {string} what
 * @param {string} directory
 */
function saveFile(what, directory) {
  const [path = '', name] = what.split(SAVED_AS);
  if (name !== undefined) copyFileSync(join(root, path), join(directory, name));
}

/** @param {string} command @param {NodeJS.ProcessEnv} env */
function runHidden(command, env) {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { cwd: root, env, encoding: 'utf8' });
  if (status !== 0) throw new ScriptError(`${command}: status ${status}\n${stderr}`);
  return stdout;
}

/** A shell with text that is typed into it. */
class Terminal {
  /** Output that is in no listing yet. */
  #printed = '';
  /** Whether the command that was typed last still runs. */
  #busy = false;
  #shell;

  /** @param {string} cwd @param {NodeJS.ProcessEnv} env */
  constructor(cwd, env) {
    this.#shell = spawn('/bin/bash', ['--norc', '--noprofile'], { cwd, env, stdio: ['pipe', 'pipe', 'inherit'] });
    this.#shell.stdin.write('exec 2>&1\n');
    this.#shell.stdout.on('data', (data) => {
      this.#printed += data;
    });
  }

  /**
   * Types the commands of a listing.
   * @param {string} listing
   * @returns {Promise<string>} the listing as it is now
   */
  async render(listing) {
    const typed = /^(\^C|# .*)\n((?:(?!# |\^C\n).*\n)*)/gm;
    const lines = (listing.slice(0, listing.search(/^(# |\^C\n)/m)).match(/\n/g) ?? []).length;
    let rendered = lines > 0 ? await this.#take((text) => (text.match(/\n/g) ?? []).length >= lines) : '';
    for (const [, what = '', came = ''] of listing.matchAll(typed)) {
      if (what === '^C') this.#interrupt();
      else this.#shell.stdin.write(`{ ${what.slice(2)}\n} </dev/null; (status=$?; printf '\\001'; exit $status)\n`);
      this.#busy = true;
      const printed = await this.#take((text) => came.endsWith(READY) && text.endsWith(READY));
      rendered += `${what}\n${printed.replace(PROGRESS, '').replace(/[^\n]$/, '$&\n')}`;
    }
    return rendered;
  }

  /** Sends Ctrl-C to the command that the shell runs. */
  #interrupt() {
    const { pid } = this.#shell;
    for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)) {
      process.kill(Number(child), 'SIGINT');
    }
  }

  /**
   * Waits until the typed command has ended, or its output is enough.
   * @param {(printed: string) => boolean} isEnough
   */
  async #take(isEnough) {
    for (const begin = performance.now(); performance.now() - begin < PATIENCE_MS; await sleep(20)) {
      const printed = this.#printed;
      if (!printed.endsWith(END) && !isEnough(printed)) continue;
      this.#printed = '';
      if (printed.endsWith(END)) this.#busy = false;
      return printed.replace(END, '');
    }
    throw new ScriptError(`a command of the docs does not end; it printed:\n${this.#printed}`);
  }

  close() {
    if (this.#busy) this.#interrupt();
    this.#shell.kill('SIGKILL');
  }
}

if (isMain(import.meta.url)) {
  await runScript('docs', async () => {
    const [out = ''] = process.argv.slice(2);
    for (const path of documents()) {
      const text = readFileSync(join(root, path), 'utf8');
      if (!needsGuest(text)) continue;
      const rendered = await renderInGuest(text);
      // A listing that differs only in numbers stays as it is.
      if (withoutNumbers(rendered) === withoutNumbers(text)) continue;
      mkdirSync(dirname(join(out, path)), { recursive: true });
      writeFileSync(join(out, path), rendered);
    }
    return 0;
  });
}
