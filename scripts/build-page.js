/** Makes the page that `-o html` puts traces into: one file, with its script and style, and a policy that lets nothing else in. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Between `</` and `script` the HTML parser sees the end of the element, wherever it stands. */
const END_OF_SCRIPT = /<(?=\/script|!--|script)/gi;

/**
 * @param {string} root of the repository
 * @param {string} script as rolldown has made it
 * @returns {string} the page
 */
export function buildPage(root, script) {
  const frame = readFileSync(join(root, 'ui/page.html'), 'utf8');
  const style = readFileSync(join(root, 'ui/style.css'), 'utf8').replace(/\/\*.*?\*\/|^ +|\n+/gms, '');
  // In strings, regular expressions and templates, the only places where these stand in a script, `\x3c` is the same.
  const safe = script.replace(END_OF_SCRIPT, '\\x3c').trim();
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(safe)}'`,
    `style-src '${hashOf(style)}'`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return frame
    .replace('content="policy"', () => `content="${policy}"`)
    .replace('/* style */', () => style)
    .replace('/* script */', () => safe);
}

/** @param {string} text */
function hashOf(text) {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
