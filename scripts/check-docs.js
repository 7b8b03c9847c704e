/**
 * Checks README.md, CONTRIBUTING.md, CHANGELOG.md and docs/: links lead somewhere, named paths exist, listings of
 * output are compared with the output, and named options exist.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { documents } from './docs.js';
import { root } from './setup.js';

/** Folders whose content is named by its path from the project's own folder. */
const FOLDERS = 'bin|bpf|bench|docs|examples|man|scripts|src|tests';
const PATH = new RegExp(`\`((?:${FOLDERS})/[\\w./-]*|[\\w-]+\\.(?:js|json|md))\``, 'g');
/** The languages of fences that show a source; others show a terminal. */
const SOURCES = ['c', 'ts', 'js', 'json', 'python', 'yaml', 'diff'];
const LISTED = /^<!-- (file|run|trace|refusal|terminal|guest): /;

/** @returns {string[]} what is wrong, a line each */
export function checkDocs() {
  const known = knownOptions();
  return documents().flatMap((path) => {
    const text = readFileSync(join(root, path), 'utf8');
    const prose = withoutFences(text);
    return [
      ...checkLinks(path, prose),
      ...checkPaths(path, prose),
      ...checkFences(path, text),
      ...checkOptions(path, prose, known),
    ];
  });
}

/** @param {string} path of a document @param {string} prose */
function checkLinks(path, prose) {
  const problems = [];
  for (const [, target = ''] of prose.matchAll(/\]\(([^)\s]+)\)|<img [^>]*src="([^"]+)"/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file = '', anchor] = target.split('#');
    const to = file === '' ? path : relative(root, join(root, dirname(path), file));
    if (to.startsWith('..') || !existsSync(join(root, to))) problems.push(`${path}: the link ${target} leads nowhere`);
    else if (anchor !== undefined && !anchorsOf(to).includes(anchor)) {
      problems.push(`${path}: the link ${target} names no heading of ${to}`);
    }
  }
  return problems;
}

/** The anchors that GitHub makes of headings. @param {string} path */
function anchorsOf(path) {
  if (!statSync(join(root, path)).isFile()) return [];
  /** @type {Map<string, number>} */
  const counts = new Map();
  return [...withoutFences(readFileSync(join(root, path), 'utf8')).matchAll(/^#+ +(.+)$/gm)].map(([, heading = '']) => {
    const anchor = heading
      .replaceAll(/\]\([^)]*\)/g, '')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    const count = counts.get(anchor) ?? 0;
    counts.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** Paths of the project in backticks. @param {string} path @param {string} prose */
function checkPaths(path, prose) {
  return [...prose.matchAll(PATH)]
    .map(([, named = '']) => named)
    .filter((named) => !named.includes('NAME') && !existsSync(join(root, named)))
    .map((named) => `${path}: there is no ${named}`);
}

/** @param {string} path @param {string} text */
function checkFences(path, text) {
  const problems = [];
  const lines = text.split('\n');
  let inside = false;
  for (const [index, line] of lines.entries()) {
    if (!line.startsWith('```')) continue;
    inside = !inside;
    const language = line.slice(3);
    if (!inside || SOURCES.includes(language) || LISTED.test(lines[index - 2] ?? '')) continue;
    problems.push(`${path}:${index + 1}: nothing compares this listing with what is printed (see scripts/docs.js)`);
  }
  return problems;
}

/** Options of `ipft` in indented lines of commands. @param {string} path @param {string} prose @param {Set<string>} known */
function checkOptions(path, prose, known) {
  const problems = [];
  for (const [, line = ''] of prose.matchAll(/^ {4}(?:sudo |.* )?(?:bin\/)?ipft(?:\.js)? (.+)$/gm)) {
    for (const [, option = ''] of line.split(/ [#|] |(?<![^ ])-- /)[0]?.matchAll(/(?:^| )(--?[a-z][a-z-]*)/g) ?? []) {
      if (!known.has(option)) problems.push(`${path}: ipft has no option ${option}, as in '${line}'`);
    }
  }
  return problems;
}

/** All options that `--help` of ipft and its subcommands names. */
function knownOptions() {
  const help = (/** @type {string[]} */ ...args) =>
    execFileSync(process.execPath, [join(root, 'bin/ipft.js'), ...args, '--help'], { encoding: 'utf8' });
  const main = help();
  const commands = /^Commands:\n((?: +.*\n)*)/m.exec(main)?.[1] ?? '';
  const subcommands = [...commands.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = '']) => name);
  const all = [main, ...subcommands.filter((name) => name !== 'help').map((name) => help(name))].join('\n');
  return new Set([...all.matchAll(/(?:^ *|, )(--?[a-zA-Z][a-z-]*)/gm)].map(([, option = '']) => option));
}

/** @param {string} text */
function withoutFences(text) {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, '');
}
