/** The manual page, from the option table. `npm run docs` writes it to man/ipft.1. */
import { EXIT_STATUSES, RESERVED_STATUSES } from './exit-status.js';
import {
  COMMANDS,
  type CommandEntry,
  EXAMPLES,
  type Example,
  formatCall,
  GROUPS,
  type OptionEntry,
  SIGNALS,
  splitFlags,
  USAGES,
} from './option-table.js';

// docs/output.md shows them, too.
export { EXIT_STATUSES, RESERVED_STATUSES };

const DESCRIPTION = [
  'ipft attaches a BPF program to every kernel function that takes a struct sk_buff *, follows the chosen packets, and prints the functions that each one passed: when, on which CPU, in which module, and what became of the packet. An extension, a few lines of BPF C with one annotated struct, adds its own fields to each line.',
  'Packets are chosen by an expression as in tcpdump, by the program or the processes that they belong to, by place, or by a mark, which SO_MARK, iptables, nftables, tc, or ping -m set. Ctrl-C ends the trace and prints it. Messages go to stderr, the result to stdout.',
  'Needed: Linux 5.10 or later with BTF; root, or CAP_BPF and CAP_PERFMON with a readable tracefs. ipft doctor tells what is missing.',
];

const ENVIRONMENT: readonly (readonly [name: string, text: string])[] = [
  ['CC, CFLAGS', 'the compiler of extensions in C (clang if it is not set), and what is handed to it'],
  ['NO_COLOR', 'if it is not empty, there are no colours unless --color always asks for them'],
  ['TZ', 'the time zone of --time wall'],
  [
    'IPFT_COMPAT',
    'ipftrace2: output as that tool has it, for scripts that read it: lines that are === and nothing else, no lines of journeys in JSON',
  ],
  ['IPFT_CACHE', 'the directory for what was found out about the kernel (see FILES); empty: none'],
];

const FILES: readonly (readonly [name: string, text: string])[] = [
  [
    '/var/cache/ipft',
    'what was found out about the kernel, for the next start; for others than root $XDG_CACHE_HOME/ipft or ~/.cache/ipft. It is used only for the kernel and the modules that it was found out about, and may be deleted at any time.',
  ],
];

/** @param version of the package */
export function formatManPage(version: string): string {
  const lines = [
    '.\\" Made from src/cli/option-table.ts by npm run docs.',
    `.TH IPFT 1 "" "ipft ${version}" "User Commands"`,
    '.SH NAME',
    `ipft \\- ${roff('trace what chosen packets do inside the Linux kernel')}`,
    '.SH SYNOPSIS',
    ...USAGES.flatMap((usage, index) => [...(index > 0 ? ['.br'] : []), `.B ipft`, roff(usage)]),
    '.SH DESCRIPTION',
    ...DESCRIPTION.flatMap((text, index) => [...(index > 0 ? ['.PP'] : []), roff(text)]),
    '.SH OPTIONS',
    ...GROUPS.flatMap(({ heading, options }) => [
      `.SS ${roff(heading.slice(0, -1))}`,
      ...options.filter(({ hidden }) => !hidden).flatMap(formatOption),
    ]),
    '.SH COMMANDS',
    ...COMMANDS.flatMap(formatCommand),
    '.SH EXAMPLES',
    ...EXAMPLES.flatMap(formatExample),
    '.SH EXIT STATUS',
    ...EXIT_STATUSES.flatMap(({ status, summary }) => ['.TP', bold(String(status)), roff(summary)]),
    '.SH SIGNALS',
    ...SIGNALS.flatMap(({ names, summary }) => ['.TP', bold(names), roff(summary)]),
    '.SH ENVIRONMENT',
    ...ENVIRONMENT.flatMap(([name, text]) => ['.TP', bold(name), roff(text)]),
    '.SH FILES',
    ...FILES.flatMap(([name, text]) => ['.TP', bold(name), roff(text)]),
    '.SH SEE ALSO',
    roff(
      'The directory docs of the package: getting started, filters, programs, marks, output, looking at traces, recordings, extensions, backends, troubleshooting.',
    ),
    '.PP',
    '.BR pcap\\-filter (7),',
    '.BR ping (8),',
    '.BR nft (8),',
    '.BR bpf (2)',
  ];
  return `${lines.join('\n')}\n`;
}

function formatCommand(command: CommandEntry): string[] {
  const { summary, options, takes, examples = [] } = command;
  return [
    `.SS ${roff(formatCall(command))}`,
    roff(summary),
    ...(takes ? ['.PP', roff(`It takes, too: ${takes.join(', ')}.`)] : []),
    ...options.filter(({ hidden }) => !hidden).flatMap(formatOption),
    ...examples.flatMap(formatExample),
  ];
}

function formatExample({ command, summary }: Example): string[] {
  return ['.TP', bold(command), roff(summary)];
}

function formatOption(option: OptionEntry): string[] {
  const { short, long, value } = splitFlags(option);
  const names = [...(short === undefined ? [] : [short]), long].map((name) => `\\fB${roff(name)}\\fR`).join(', ');
  const operand = value === undefined ? '' : ` \\fI${roff(value.replace(/^<|>$/g, ''))}\\fR`;
  const unless = option.default === undefined ? '' : ` (default: ${option.default})`;
  return ['.TP', `${names}${operand}`, roff(`${option.summary}${unless}`)];
}

const bold = (text: string) => `\\fB${roff(text)}\\fR`;

/** Text for roff: ASCII, with commands, minus signs and accents escaped. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('…', '...')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replace(/^[.]/, '\\&.');
}
