/**
 * `npm run docs`: renders the listings in README.md and docs/ again, and the man page; `npm run check` only compares.
 * Above a fenced block
 *
 *     <!-- file: PATH -->          its content is that file; behind PATH may stand `, saved as NAME`
 *     <!-- run: COMMAND -->        its content is what the command prints on stdout; `ipft` is this checkout's
 *     <!-- terminal: … -->, <!-- guest: … -->   its content comes from a guest: scripts/docs-guest.js has them.
 *                                  `npm run docs -- guest` renders these too
 *     <!-- trace: … -->, <!-- refusal: … -->    likewise; tests/vm/docs.test.ts compares them
 *
 * `npm run docs -- pictures` takes those of docs/images/ again: scripts/pictures.js.
 *
 * What stands between `<!-- NAME -->` and `<!-- end of NAME -->` comes from a table of the sources: `error codes` from
 * src/base/error-codes.ts, `exit statuses` and `reserved exit statuses` from src/cli/exit-status.ts, `examples` from
 * examples/extensions/.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { renderApi } from './api.js';
import { readExamples } from './examples.js';
import { renderPictures } from './pictures.js';
import { ensurePackages, GUEST_PACKAGES, TEST_PACKAGES } from './setup/packages.js';
import { isMain, runScript } from './setup/run.js';
import { root, setUp } from './setup.js';

const BLOCK = /^<!-- (file|run): (.+) -->\n\n```(\w*)\n([\s\S]*?)^```$/gm;
/** Stands between a file's path and the name under which the reader is to save it. */
export const SAVED_AS = ', saved as ';
const TABLE = /^<!-- (error codes|exit statuses|reserved exit statuses|examples) -->\n\n[\s\S]*?^<!-- end of \1 -->$/gm;
/** The kernel of the guest whose listings the docs show. */
const GUEST_KERNEL = '6.12';

/** The documents that hold listings. */
export function documents() {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const top = readdirSync(root).filter((name) => name.endsWith('.md'));
  return [...top, ...docs.map((name) => join('docs', name))];
}

/**
 * Renders all listings that need no guest.
 * @param {(path: string, text: string) => void} onChange called with each document that is no longer right
 */
export async function renderDocuments(onChange) {
  const tables = await renderTables();
  const bin = mkdtempSync(join(tmpdir(), 'ipft-docs-'));
  try {
    symlinkSync(join(root, 'bin/ipft.js'), join(bin, 'ipft'));
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, COLUMNS: '100' };
    for (const path of documents()) {
      const text = readFileSync(join(root, path), 'utf8');
      const rendered = text
        .replace(BLOCK, (_, kind, what, language) => {
          const content =
            kind === 'file'
              ? readFileSync(join(root, what.split(SAVED_AS)[0]), 'utf8')
              : execFileSync('/bin/sh', ['-c', what], {
                  cwd: root,
                  env,
                  encoding: 'utf8',
                  stdio: ['ignore', 'pipe', 'ignore'],
                });
          return `<!-- ${kind}: ${what} -->\n\n\`\`\`${language}\n${content.replace(/\n?$/, '\n')}\`\`\``;
        })
        .replace(TABLE, (_, name) => `<!-- ${name} -->\n\n${tables[name]}\n<!-- end of ${name} -->`);
      if (rendered !== text) onChange(path, rendered);
    }
  } finally {
    rmSync(bin, { recursive: true, force: true });
  }
}

const MAN_PAGE = 'man/ipft.1';

/**
 * Makes the man page from the command line's table of options.
 * @param {(path: string, text: string) => void} onChange called if it is no longer right
 */
export async function renderManPage(onChange) {
  const { formatManPage } = await importManPage();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const rendered = formatManPage(version);
  const path = join(root, MAN_PAGE);
  if (!existsSync(path) || readFileSync(path, 'utf8') !== rendered) onChange(MAN_PAGE, rendered);
}

/** Built by scripts/build.js from src/cli/man-page.ts. */
const importManPage = () => import('../dist/.man-page.js');

/** @returns {Promise<Record<string, string>>} by the name in the comments around them */
async function renderTables() {
  const { EXIT_STATUSES, RESERVED_STATUSES } = await importManPage();
  return {
    'error codes': await renderErrorCodes(),
    'exit statuses': renderStatuses(EXIT_STATUSES),
    'reserved exit statuses': renderStatuses(RESERVED_STATUSES),
    examples: renderExamples(),
  };
}

/** @param {readonly { status: number, summary: string }[]} statuses */
function renderStatuses(statuses) {
  const rows = statuses.map(({ status, summary }) => `| ${status} | ${summary.replaceAll(/--[a-z]+/g, '`$&`')} |\n`);
  return `| | |\n|---|---|\n${rows.join('')}`;
}

/** A paragraph for each example, and the same as a command line. */
function renderExamples() {
  return readExamples()
    .map(({ name, summary, options }) => {
      const given = options.map(({ option, value }) => ` \\\n      ${option} '${value}'`).join('');
      return `**\`${name}\`**: ${summary}\n\n    ipft -m 42${given}\n`;
    })
    .join('\n');
}

/** A section for each code. */
async function renderErrorCodes() {
  /** @type {typeof import('../src/base/error-codes.js')} */
  const { ERROR_CODES: codes } = await import(join(root, 'dist/base/error-codes.js'));
  return Object.entries(codes)
    .map(([code, { says, meaning, causes, remedy }]) => {
      const list = causes.map((cause) => `- ${cause}`).join('\n');
      return `### ${code}\n\n${meaning}. Messages have \`${says.trim()}\` in them. Causes:\n\n${list}\n\n${remedy}\n`;
    })
    .join('\n');
}

/**
 * @param {string} path of a document
 * @param {string} text
 */
function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  process.stderr.write(`docs: ${path} was rendered anew\n`);
}

function renderGuestListings() {
  ensurePackages([...GUEST_PACKAGES, ...TEST_PACKAGES]);
  const out = mkdtempSync(join(tmpdir(), 'ipft-docs-'));
  try {
    const command = [process.execPath, join(root, 'scripts/docs-guest.js'), out];
    const vm = ['--out', out, '--memory', '3G', GUEST_KERNEL, '--', ...command];
    execFileSync(join(root, 'scripts/vm'), vm, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    for (const path of documents()) {
      if (existsSync(join(out, path))) write(path, readFileSync(join(out, path), 'utf8'));
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  await runScript('docs', async () => {
    setUp();
    const problems = renderApi(write);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    await renderManPage(write);
    await renderDocuments(write);
    if (process.argv[2] === 'guest') renderGuestListings();
    if (process.argv[2] === 'pictures')
      await renderPictures((path) => process.stderr.write(`docs: ${path} was taken\n`));
    return problems.length > 0 ? 1 : 0;
  });
}
