/**
 * Rules of nftables that set a mark, and the number of packets that they matched. nft is asked, where it is installed
 * and the kernel has nftables loaded: asking must not load it.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** A rule that sets the mark. */
export interface MarkRule {
  /** Family, name of the table, and chain: `inet ipft_deadbeef sent`. */
  readonly chain: string;
  /** The value of its counter; undefined for a rule without one. */
  readonly packets: number | undefined;
}

/** The rules of a network namespace. */
export interface NamespaceRules {
  /** The name in /run/netns; undefined for the namespace of this process. */
  readonly namespace: string | undefined;
  readonly rules: readonly MarkRule[];
}

const PROGRAMS = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'];
const NAMED = '/run/netns';
/** A machine may be busy, and the rules many. */
const PATIENCE_MS = 10_000;
/** The number of namespaces that are searched. */
const MAX_NAMESPACES = 8;
const MAX_BYTES = 16 << 20;

/** Finds the rules. @returns an empty list where there are none, or nft can't be asked */
export async function findMarkRules(mark: number, mask: number): Promise<NamespaceRules[]> {
  const nft = PROGRAMS.find((path) => existsSync(path));
  if (nft === undefined || !existsSync('/sys/module/nf_tables')) return [];
  const list = ['-j', 'list', 'ruleset'];
  const asked = [undefined, ...namespaces()].map(async (namespace) => {
    const text =
      namespace === undefined
        ? await run(nft, list)
        : await run('/usr/bin/nsenter', [`--net=${NAMED}/${namespace}`, nft, ...list]);
    return { namespace, rules: parseMarkRules(text, mark, mask) };
  });
  return (await Promise.all(asked)).filter(({ rules }) => rules.length > 0);
}

function namespaces(): string[] {
  try {
    return readdirSync(NAMED).slice(0, MAX_NAMESPACES);
  } catch {
    return [];
  }
}

/** The output of a program; undefined if it fails, or takes too long. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PATIENCE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_BYTES }, (error, stdout) =>
      resolve(error ? '' : stdout),
    );
  });
}

/** Parses the output of `nft -j list ruleset` (libnftables-json(5)). Rules in an unknown form are left out. */
export function parseMarkRules(text: string, mark: number, mask: number): MarkRule[] {
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch {
    return [];
  }
  return asList(member(listed, 'nftables')).flatMap((entry) => {
    const rule = member(entry, 'rule');
    const statements = asList(member(rule, 'expr'));
    const sets = statements.some((statement) => {
      const mangle = member(statement, 'mangle');
      const value = literalOf(member(mangle, 'value'));
      const isMark = member(member(member(mangle, 'key'), 'meta'), 'key') === 'mark';
      return isMark && value !== undefined && ((value ^ mark) & mask) === 0;
    });
    if (!sets) return [];
    const counters = statements.map((statement) => member(member(statement, 'counter'), 'packets'));
    const packets = counters.find((count): count is number => typeof count === 'number');
    return [{ chain: ['family', 'table', 'chain'].map((key) => String(member(rule, key))).join(' '), packets }];
  });
}

/** The bits that an expression sets, if they are literals: `5`, or `mark & 0xffffff00 | 5`. */
function literalOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return asList(member(value, '|')).find((operand) => typeof operand === 'number');
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function asList(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
