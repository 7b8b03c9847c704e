import { expect, test } from 'vitest';
import { EXIT_STATUSES } from './exit-status.js';
import { formatManPage } from './man-page.js';
import { COMMANDS, EXAMPLES, GROUPS } from './option-table.js';

const page = formatManPage('1.2.3');
/** What a reader sees of it, roughly. */
const text = page
  .replace(/\\f[BIR]/g, '')
  .replace(/\\\(aq/g, "'")
  .replace(/\\\(ha/g, '^')
  .replaceAll('\\-', '-')
  .replaceAll('\\e', '\\');

test('formatManPage: all of the table is in it, but for what is hidden', () => {
  for (const { options } of [...GROUPS, ...COMMANDS]) {
    for (const { flags, ...more } of options) {
      const [name = ''] = flags.split(' <');
      expect([flags, text.includes(`\n${name}`)]).toEqual([flags, !('hidden' in more)]);
    }
  }
  for (const { command } of EXAMPLES) expect(text).toContain(`\n${command}\n`);
  for (const { status, summary } of EXIT_STATUSES) expect(text).toContain(`\n${status}\n${summary}\n`);
});

test('formatManPage: ASCII, and no line that roff takes for a command by mistake', () => {
  expect(page).toMatch(/^[\n -~]*$/);
  for (const line of page.split('\n')) {
    expect(line).toMatch(/^(\.(\\"|TH|SH|SS|TP|PP|br|B|BR)( .*)?|[^.'].*|)$/);
  }
});
