/**
 * `npm run docs` and `npm run check`: docs/api.md, from the comments of what `ipft` exports. Nothing public may be without
 * one, or name a type that is not exported.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './setup.js';

/** The entries that readers look for first; the others follow by name. */
const FIRST = [
  ...['trace', 'Trace', 'TraceOptions', 'TraceSession', 'Journey', 'EntryEvent', 'ReturnEvent', 'Statistics'],
  ...['CommandOptions', 'CommandSession', 'CommandResult'],
  ...['openRecording', 'RecordingOptions', 'RecordedSession', 'RecordingFacts'],
];
const HEADING = `# API

What \`import … from 'ipft'\` gives. [library.md](library.md) tells how to use it. This page is made from the comments in
the code (\`npm run docs\`).
`;

/**
 * An entry of the model that api-extractor writes.
 * @typedef {{ kind: string, name: string, docComment: string, excerptTokens: { text: string }[], members?: Item[] }} Item
 */

/**
 * Renders docs/api.md again.
 * @param {(path: string, text: string) => void} onChange called if it is no longer right
 * @returns {string[]} what is wrong with the comments, a line each
 */
export function renderApi(onChange) {
  const { items, problems } = loadModel();
  for (const item of items) checkComments(item, '', problems);
  if (problems.length > 0) return problems;
  const place = (/** @type {Item} */ { name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  items.sort((a, b) => place(a) - place(b) || (a.name < b.name ? -1 : 1));
  const text = [HEADING, ...items.map(renderItem)].join('\n');
  const path = 'docs/api.md';
  if (readText(path) !== text) onChange(path, text);
  return [];
}

/** @returns {{ items: Item[], problems: string[] }} */
function loadModel() {
  // Loaded here, since it takes seconds.
  const { Extractor, ExtractorConfig } = createRequire(import.meta.url)('@microsoft/api-extractor');
  const dir = mkdtempSync(join(tmpdir(), 'ipft-api-'));
  try {
    const apiJsonFilePath = join(dir, 'ipft.api.json');
    const compilerOptions = {
      ...{ target: 'es2023', lib: ['es2023', 'esnext.disposable'], module: 'nodenext', strict: true },
      ...{ types: ['node'], typeRoots: [join(root, 'node_modules/@types')], skipLibCheck: true },
    };
    const warn = { default: { logLevel: 'warning' } };
    const config = ExtractorConfig.prepare({
      configObject: {
        projectFolder: root,
        mainEntryPointFilePath: join(root, 'dist/index.d.ts'),
        newlineKind: 'lf',
        compiler: { overrideTsconfig: { compilerOptions, files: ['dist/index.d.ts'] } },
        apiReport: { enabled: false },
        docModel: { enabled: true, apiJsonFilePath },
        dtsRollup: { enabled: false },
        tsdocMetadata: { enabled: false },
        messages: {
          compilerMessageReporting: warn,
          extractorMessageReporting: { ...warn, 'ae-missing-release-tag': { logLevel: 'none' } },
          tsdocMessageReporting: { default: { logLevel: 'none' } },
        },
      },
      configObjectFullPath: undefined,
      packageJsonFullPath: join(root, 'package.json'),
    });
    /** @type {string[]} */
    const problems = [];
    Extractor.invoke(config, {
      /** @param {{ handled: boolean, logLevel: string, text: string }} message */
      messageCallback(message) {
        message.handled = true;
        if (['warning', 'error'].includes(message.logLevel)) problems.push(`API: ${message.text}`);
      },
    });
    const model = JSON.parse(readFileSync(apiJsonFilePath, 'utf8'));
    return { items: model.members[0].members, problems };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param {Item} item @param {string} within @param {string[]} problems */
function checkComments(item, within, problems) {
  if (item.kind === 'Constructor') return;
  const name = `${within}${item.name}`;
  if (parseComment(item).text === '') problems.push(`API: ${name} has no comment`);
  for (const member of item.members ?? []) checkComments(member, `${name}.`, problems);
}

/** @param {Item} item */
function renderItem(item) {
  const { text, tags } = parseComment(item);
  const members = (item.members ?? []).filter(({ kind }) => kind !== 'Constructor');
  const lines = [`## ${item.name}`, '', '```ts', signature(item), '```', '', text, ''];
  for (const tag of tags) lines.push(`- ${tag}`);
  if (tags.length > 0) lines.push('');
  for (const member of members) {
    const comment = parseComment(member);
    lines.push(
      `- \`${signature(member).replace(/^readonly /, '')}\``,
      `  ${comment.text.replace(/\n/g, '\n  ')}`,
      ...comment.tags.map((tag) => `  - ${tag}`),
    );
  }
  if (members.length > 0) lines.push('');
  return lines.join('\n');
}

/** A declaration without `export` and `declare`. @param {Item} item */
function signature({ excerptTokens }) {
  const text = excerptTokens.map((token) => token.text).join('');
  return text
    .replace(/^export (declare )?/, '')
    .replace(/;$/, '')
    .trim();
}

/**
 * The text of a comment, and its tags as items of a list.
 * @param {Item} item @returns {{ text: string, tags: string[] }}
 */
function parseComment({ docComment }) {
  const plain = docComment
    .replace(/^\/\*\*\n?|\s*\*\/\s*$/g, '')
    .replace(/^ ?\* ?/gm, '')
    .trim();
  const [text = '', ...tags] = plain.split(/^@/m);
  return { text: text.trim(), tags: tags.map(describeTag) };
}

/** @param {string} tag */
function describeTag(tag) {
  const [, kind = '', rest = ''] = /^(\w+)\s+([\s\S]*)/.exec(tag.trim().replace(/\s*\n\s*/g, ' ')) ?? [];
  if (kind === 'param') return rest.replace(/^(\w+) (- )?/, '`$1`: ');
  return `${kind}: ${rest}`;
}

/** @param {string} path */
function readText(path) {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return '';
  }
}
