/**
 * Breaks text between words. A word that is longer than a line stays whole.
 * @param room for each line
 * @param indent before all lines but the first
 */
export function wrap(text: string, room: number, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S) /)) {
    if (line === '') {
      line = word;
    } else if (line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else {
      line += ` ${word}`;
    }
  }
  lines.push(line);
  return lines.join(`\n${' '.repeat(indent)}`);
}
