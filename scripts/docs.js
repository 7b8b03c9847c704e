/**
 * `npm run docs`: renders the listings in README.md and docs/ again, and the man page; `npm run check` only compares.
 * Above a fenced block
 *
 *     <!-- file: PATH -->          its content is that file
 *     <!-- run: COMMAND -->        its content is what the command prints on stdout; `ipft` is this checkout's
 *     <!-- trace: … -->, <!-- refusal: … -->   its content comes from a guest: tests/vm/docs.test.ts compares it
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
import { isMain, runScript } from './setup/run.js';
import { root, setUp } from './setup.js';

const BLOCK = /^<!-- (file|run): (.+) -->\n\n```(\w*)\n([\s\S]*?)^```$/gm;

/** The texts that hold listings. */
function documents() {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  return ['README.md', ...docs.map((name) => join('docs', name))];
}

/**
 * Renders all listings.
 * @param {(path: string, text: string) => void} onChange called with each document that is no longer right
 */
export function renderDocuments(onChange) {
  const bin = mkdtempSync(join(tmpdir(), 'ipft-docs-'));
  try {
    symlinkSync(join(root, 'bin/ipft.js'), join(bin, 'ipft'));
    const env = { ...process.env, PATH: `${bin}:${process.env['PATH']}`, COLUMNS: '100' };
    for (const path of documents()) {
      const text = readFileSync(join(root, path), 'utf8');
      const rendered = text.replace(BLOCK, (_, kind, what, language) => {
        const content =
          kind === 'file'
            ? readFileSync(join(root, what), 'utf8')
            : execFileSync('/bin/sh', ['-c', what], {
                cwd: root,
                env,
                encoding: 'utf8',
                stdio: ['ignore', 'pipe', 'ignore'],
              });
        return `<!-- ${kind}: ${what} -->\n\n\`\`\`${language}\n${content.replace(/\n?$/, '\n')}\`\`\``;
      });
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
  const { formatManPage } = await import('../dist/.man-page.js');
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const rendered = formatManPage(version);
  const path = join(root, MAN_PAGE);
  if (!existsSync(path) || readFileSync(path, 'utf8') !== rendered) onChange(MAN_PAGE, rendered);
}

if (isMain(import.meta.url)) {
  await runScript('docs', async () => {
    setUp();
    /** @param {string} path @param {string} text */
    const write = (path, text) => {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
      process.stderr.write(`docs: ${path} was rendered anew\n`);
    };
    const problems = renderApi(write);
    for (const problem of problems) process.stderr.write(`${problem}\n`);
    await renderManPage(write);
    renderDocuments(write);
    return problems.length > 0 ? 1 : 0;
  });
}
