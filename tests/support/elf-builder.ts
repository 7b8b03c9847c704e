/** Writes small relocatable ELF objects, for tests. */

interface ElfParts {
  readonly sections: Record<string, Uint8Array>;
  /** `info`: binding << 4 | type; `section` 0 is undefined. */
  readonly symbols: readonly { readonly name: string; readonly info: number; readonly section: number }[];
  readonly machine?: number;
}

export function buildElf({ sections, symbols, machine = 247 }: ElfParts): Uint8Array {
  const strings = names(symbols.map(({ name }) => name));
  const table = Buffer.alloc(24 * (symbols.length + 1));
  for (const [index, { name, info, section }] of symbols.entries()) {
    const at = 24 * (index + 1);
    table.writeUInt32LE(strings.at(name), at);
    table.writeUInt8(info, at + 4);
    table.writeUInt16LE(section, at + 6);
  }
  const all: { name: string; type: number; link: number; bytes: Uint8Array }[] = [
    { name: '', type: 0, link: 0, bytes: new Uint8Array(0) },
    { name: '.strtab', type: 3, link: 0, bytes: strings.bytes },
    { name: '.symtab', type: 2, link: 1, bytes: table },
    ...Object.entries(sections).map(([name, bytes]) => ({ name, type: 1, link: 0, bytes })),
  ];
  const sectionNames = names([...all.map(({ name }) => name), '.shstrtab']);
  all.push({ name: '.shstrtab', type: 3, link: 0, bytes: sectionNames.bytes });

  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  header.writeUInt16LE(1, 16);
  header.writeUInt16LE(machine, 18);
  header.writeUInt32LE(1, 20);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(all.length, 60);
  header.writeUInt16LE(all.length - 1, 62);
  let offset = 64;
  const headers = all.map(({ name, type, link, bytes }) => {
    const entry = Buffer.alloc(64);
    entry.writeUInt32LE(sectionNames.at(name), 0);
    entry.writeUInt32LE(type, 4);
    entry.writeBigUInt64LE(BigInt(offset), 24);
    entry.writeBigUInt64LE(BigInt(bytes.length), 32);
    entry.writeUInt32LE(link, 40);
    offset += bytes.length;
    return entry;
  });
  header.writeBigUInt64LE(BigInt(offset), 40);
  return new Uint8Array(Buffer.concat([header, ...all.map(({ bytes }) => bytes), ...headers]));
}

function names(list: readonly string[]): { bytes: Uint8Array; at: (name: string) => number } {
  let text = '\0';
  const places = new Map<string, number>([['', 0]]);
  for (const name of list) {
    if (places.has(name)) continue;
    places.set(name, text.length);
    text += `${name}\0`;
  }
  return { bytes: Buffer.from(text), at: (name) => places.get(name) ?? 0 };
}
