/**
 * `npm run layout`: writes src/abi/layout.ts, where the structs and enums of bpf/abi/ lie as numbers for TypeScript;
 * `npm run check` only compares. clang lays them out, as it does for the programs, and tells by its BTF.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bpfFlags } from './build.js';
import { isMain, runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';

const SOURCE = 'bpf/abi/layout.c';
const PATH = 'src/abi/layout.ts';
const HEADING = `/**
 * The structs and enums of \`bpf/abi/\`: \`npm run layout\` writes this file. Sizes and offsets in bytes, little-endian.
 * \`EVENT_SIZE\` is the size of \`struct ipft_event\`, \`EVENT_CPU\` the offset of its member \`cpu\`; an array has its size,
 * too (\`PLACE_DEVICE_SIZE\`). Enumerators have the names that they have in C.
 */
`;
const MACHINE = 'x86';

/**
 * @param {(path: string, text: string) => void} onChange called if the file is no longer right
 */
export async function renderLayout(onChange) {
  const args = [...bpfFlags(root, MACHINE), '-c', SOURCE, '-o', '-'];
  const object = execFileSync('clang', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  const text = await formatLayout(object);
  const path = join(root, PATH);
  if (!existsSync(path) || readFileSync(path, 'utf8') !== text) onChange(PATH, text);
}

/** @param {Uint8Array} object */
async function formatLayout(object) {
  /** @type {typeof import('../src/bytecode/elf.js')} */
  const { parseElf, sectionBytes } = await load('bytecode/elf.js');
  /** @type {typeof import('../src/btf/btf.js')} */
  const { BTF_KIND_ARRAY, BTF_KIND_ENUM, BTF_KIND_STRUCT, BTF_KIND_VAR, parseBtf } = await load('btf/btf.js');
  const btf = parseBtf(sectionBytes(object, parseElf(object), '.BTF') ?? new Uint8Array());

  /** @param {number} id */
  const formatStruct = (id) => {
    const name = btf.name(id);
    const prefix = name.replace(/^ipft_/, '').toUpperCase();
    const lines = [`\n/** struct ${name} */`, formatConstant(`${prefix}_SIZE`, btf.sizeOrType(id))];
    for (let member = 0; member < btf.vlen(id); member++) {
      // struct btf_member: name, type, offset in bits.
      const [at, type, bits] = [0, 1, 2].map((word) => btf.tail(id, member * 3 + word));
      const its = `${prefix}_${btf.string(at ?? 0).toUpperCase()}`;
      lines.push(formatConstant(its, (bits ?? 0) / 8));
      const array = btf.resolve(type ?? 0);
      if (btf.kind(array) === BTF_KIND_ARRAY) {
        // struct btf_array: type, index type, number of elements.
        const [element = 0, , count = 0] = [0, 1, 2].map((word) => btf.tail(array, word));
        lines.push(formatConstant(`${its}_SIZE`, count * btf.sizeOrType(btf.resolve(element))));
      }
    }
    return lines;
  };

  /** @param {number} id */
  const formatEnum = (id) => {
    const name = btf.name(id);
    if (btf.sizeOrType(id) !== 4) throw new ScriptError(`enum ${name} of ${SOURCE} has values of more than 32 bits`);
    const lines = [`\n/** enum ${name} */`];
    // struct btf_enum: name, value.
    for (let index = 0; index < btf.vlen(id); index++)
      lines.push(formatConstant(btf.string(btf.tail(id, index * 2)), btf.tail(id, index * 2 + 1)));
    return lines;
  };

  const lines = [];
  for (let id = btf.firstId; id < btf.endId; id++) {
    if (btf.kind(id) !== BTF_KIND_VAR) continue;
    const type = btf.resolve(btf.sizeOrType(id));
    if (btf.kind(type) === BTF_KIND_STRUCT) lines.push(...formatStruct(type));
    else if (btf.kind(type) === BTF_KIND_ENUM) lines.push(...formatEnum(type));
  }
  return `${HEADING}${lines.join('\n')}\n`;
}

/** Flags and what stands for a number are known by their digits. @param {string} name @param {number} value */
function formatConstant(name, value) {
  return `export const ${name} = ${value < 1 << 16 ? value : `0x${value.toString(16)}`};`;
}

/** From the last build, whatever has changed since: sources may already use what this is going to write. @param {string} module */
async function load(module) {
  return await import(pathToFileURL(join(root, 'dist', module)).href);
}

if (isMain(import.meta.url)) {
  await runScript('layout', async () => {
    if (!existsSync(join(root, 'dist/btf/btf.js'))) setUp();
    await renderLayout((path, text) => {
      writeFileSync(join(root, path), text);
      process.stderr.write(`layout: ${path} was written anew\n`);
    });
    return 0;
  });
}
