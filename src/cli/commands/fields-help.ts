/** `ipft --fields help`: the built-in fields, and what they cost. */
import { ALL_INSTRUCTIONS, BUILTIN_FACTS } from '../../base/builtin-field.js';
import { describeBuiltin } from '../../fields/builtin/builtin.js';

const INDENT = ' '.repeat(10);

export function formatFieldsHelp(): string {
  const described = describeBuiltin().map(({ name, fields, dataBytes }) => {
    const { summary, instructions } = BUILTIN_FACTS[name];
    const names = fields.map((field) => field.name).join(' ');
    return `  ${name.padEnd(8)}${summary}\n${INDENT}${names}\n${INDENT}${dataBytes} bytes, ${instructions} instructions\n`;
  });
  return [
    'Built-in fields, for --fields NAME,…: what a packet does not have is 0 or empty.\n',
    'Costs are those of an event; instructions were counted on Linux 6.12 with kprobe-multi, of TCP packets.\n',
    `Several cost less than their sum, since headers are found once: all take ${ALL_INSTRUCTIONS} instructions.\n\n`,
    ...described,
  ].join('');
}
