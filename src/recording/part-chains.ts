/** Which files are consecutive parts of one recording. */
import { printable } from '../base/printable.js';
import { ChunkChain } from './chunk-chain.js';
import { RecordingError } from './problem.js';

/** Files to be shown as one trace. */
export interface PartChain {
  /** In the order of their parts. */
  readonly paths: readonly string[];
  /** Why they are no part of the chain before them, for people. */
  readonly warnings: readonly string[];
}

interface Part {
  readonly path: string;
  readonly id: string;
  readonly part: number;
}

/**
 * Puts consecutive parts of a recording together, in whatever order they are given; the first of them tells the place
 * among other recordings. A file that is no recording is a chain of its own: opening it says what is wrong.
 */
export function arrangeParts(paths: readonly string[]): PartChain[] {
  if (paths.length === 1) return [{ paths, warnings: [] }];
  const chains: PartChain[] = [];
  const rest = paths.map((path) => readPart(path) ?? { path, id: '', part: 0 });
  for (let first = rest[0]; first; first = rest[0]) {
    const { id } = first;
    const own = id === '' ? [first] : rest.filter((one) => one.id === id);
    for (const one of own) rest.splice(rest.indexOf(one), 1);
    chains.push(...chain(own.sort((a, b) => a.part - b.part)));
  }
  return chains;
}

/** @param parts of one recording, in order */
function chain(parts: readonly Part[]): PartChain[] {
  const chains: { paths: string[]; warnings: string[] }[] = [];
  const copies: PartChain[] = [];
  let last: Part | undefined;
  for (const one of parts) {
    const { path, part } = one;
    if (part === last?.part) {
      const warning = `${printable(path)} is the same part as ${printable(last.path)}, and shown by itself`;
      copies.push({ paths: [path], warnings: [warning] });
      continue;
    }
    if (last && part === last.part + 1) chains.at(-1)?.paths.push(path);
    else chains.push({ paths: [path], warnings: last ? [describeGap(one, last)] : [] });
    last = one;
  }
  return [...chains, ...copies];
}

function describeGap({ id, part }: Part, before: Part): string {
  const [first, last] = [before.part + 1, part - 1];
  const which = first < last ? `parts ${first} to ${last} are` : `part ${last} is`;
  return `of the recording ${printable(id)} ${which} missing: what comes then is shown by itself`;
}

/** @returns undefined for a file that is no recording */
function readPart(path: string): Part | undefined {
  try {
    using chunks = new ChunkChain([path], false);
    const { id, part } = chunks.facts;
    return { path, id, part };
  } catch (error) {
    if (error instanceof RecordingError) return undefined;
    throw error;
  }
}
