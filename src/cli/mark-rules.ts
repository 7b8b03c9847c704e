/**
 * Rules of nftables that set a mark, and how many packets they have matched. nft is asked for that, where it is installed
 * and the kernel has nftables loaded: asking must not load it.
 */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

/** A rule that sets the mark. */
export interface MarkRule {
  /** Family, name of the table, and chain: `inet ipft_deadbeef sent`. */
  readonly chain: string;
  /** What its counter says; undefined for a rule without one. */
  readonly packets: number | undefined;
}

/** The rules of a network namespace. */
export interface NamespaceRules {
  /** As /run/netns has it; undefined for that of this process. */
  readonly namespace: string | undefined;
  readonly rules: readonly MarkRule[];
}

const PROGRAMS = ['/usr/sbin/nft', '/sbin/nft', '/usr/bin/nft'];
const NAMED = '/run/netns';
/** A machine may be busy, and rules very many. */
const PATIENCE_MS = 10_000;
/** Further ones are not looked at. */
const MAX_NAMESPACES = 8;
const MAX_BYTES = 16 << 20;

/** Finds the rules; empty where there are none, or where nobody can tell. */
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

/** What a program prints; nothing if it fails, or takes too long. */
function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(program, args, { timeout: PATIENCE_MS, killSignal: 'SIGKILL', maxBuffer: MAX_BYTES }, (error, stdout) =>
      resolve(error ? '' : stdout),
    );
  });
}

/** Reads what `nft -j list ruleset` prints (libnftables-json(5)); what it does not understand is left out. */
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

/** The bits that an expression sets, if they are literal: `5`, or `mark & 0xffffff00 | 5`. */
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
