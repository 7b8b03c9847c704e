/**
 * Text from outside (the kernel, an object file, a compiler's variable) made safe to print: control characters, which
 * could drive a terminal, become `\xNN`. Line feeds and tabs stay only where `multiline` asks for it.
 */
export function printable(text: string, options: { multiline?: boolean } = {}): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    if (options.multiline && (character === '\n' || character === '\t')) return character;
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
  });
}
