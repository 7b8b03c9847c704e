/**
 * All that can be said on the command line, as one table: commander's options, `--help`, the man page and the shells'
 * completions are made from it. What the words mean is in options.ts.
 *
 * To add a subcommand: an entry in `COMMANDS` here, and what it asks for in `INTERPRETERS` of options.ts.
 */

import { BUILTIN_NAMES } from '../base/builtin-field.js';
import { OUTCOMES } from '../base/journey.js';
import { BACKEND_ALIASES, BACKEND_NAMES, TRACER_NAMES } from '../base/method.js';
import { JOURNEY_ORDERS } from '../journey/assembler.js';
import { FOLDS } from '../output/folding.js';
import { DEFAULT_OUTPUT, OUTPUT_NAMES } from '../output/outputs.js';
import { COUNTED_PER } from '../trace/plan.js';
import { COLOR_CHOICES } from './color.js';

/** What a shell offers for a value. */
export type Completion =
  /** Any file. */
  | 'file'
  /** Files of an extension, as `.c`, `.o`, `.lua` and `.ts`. */
  | 'extension'
  /** Names of functions that can be traced. */
  | 'function'
  /** Names of modules. */
  | 'module'
  /** Names of network devices. */
  | 'device'
  /** Names of network namespaces. */
  | 'netns';

export interface OptionEntry {
  /** As commander takes it: `-m, --mark <N>`. */
  readonly flags: string;
  /** Lower case, no final period. */
  readonly summary: string;
  /** What holds if it is not given, as it would be typed. */
  readonly default?: string;
  /** All values that there are. */
  readonly values?: readonly string[];
  readonly completes?: Completion;
  /** Whether it may be given several times. */
  readonly repeats?: true;
  /** Whether a second one is refused. Otherwise the last one counts. */
  readonly once?: true;
  /** For our own scripts: no help shows it. */
  readonly hidden?: true;
}

export interface OptionGroup {
  /** Ends with a colon. */
  readonly heading: string;
  readonly options: readonly OptionEntry[];
}

export interface CommandEntry {
  readonly name: string;
  /** What stands behind its name, as commander takes it: `<FILE...>`; empty for nothing. */
  readonly operands: string;
  readonly summary: string;
  /** All values that the operand may have. */
  readonly values?: readonly string[];
  readonly completes?: Completion;
  readonly options: readonly OptionEntry[];
  /** Options of the main command that it takes, too, by their long names. Without a list it ignores those. */
  readonly takes?: readonly string[];
  readonly examples?: readonly Example[];
}

export interface Example {
  readonly command: string;
  readonly summary: string;
}

export const GENERATE_TARGETS = ['bpf-module-skeleton', 'bpf-module-header'] as const;
/** What `-b` takes: the backends, and the names that ipftrace2 had for some. */
export const BACKEND_CHOICES: readonly string[] = [...BACKEND_NAMES, ...BACKEND_ALIASES.keys()];
/** What `--trigger` takes. */
export const TRIGGER_WORDS = ['drop', 'slower=', 'gap', 'signal'] as const;
export const TIMES = ['mono', 'wall', 'relative'] as const;
export type TimeName = (typeof TIMES)[number];
export const DEFAULT_TIME: TimeName = 'mono';
export const SHELLS = ['bash', 'zsh', 'fish'] as const;

export const DESCRIPTION =
  'Shows the functions of the Linux kernel that packets pass: those that an expression of pcap-filter matches, as in tcpdump, those of a program that it runs, or those with a mark.';
export const USAGES = [
  '[options] [EXPRESSION...]',
  '[options] [EXPRESSION...] -- PROGRAM [ARGUMENT...]',
  '-m MARK [-e EXTENSION] [options]',
  'COMMAND [options]',
];

const HELP: OptionEntry = { flags: '-h, --help', summary: 'show this' };
const VERBOSE: OptionEntry = { flags: '-v, --verbose', summary: 'debug messages on stderr' };
const COMPILE_TIMEOUT: OptionEntry = {
  flags: '--compile-timeout <SECONDS>',
  summary: 'end a compiler that runs longer',
  default: '60',
};

export const GROUPS: readonly OptionGroup[] = [
  {
    heading: 'Which packets:',
    options: [
      {
        flags: '--inner <EXPRESSION>',
        summary: 'only packets with such a packet in a tunnel (VXLAN, Geneve, GRE, IP in IP, GTP-U), or on its device',
        once: true,
      },
      {
        flags: '--where <EXPR>',
        summary: "only packets of which this is true, in C over the kernel's structs: skb->len > 1400 && !skb->sk",
        once: true,
      },
      { flags: '-m, --mark <N>', summary: 'trace packets whose mark, under the mask, is N (decimal or 0x…)' },
      { flags: '--mask <N>', summary: 'compare only these bits of the mark', default: '0xffffffff' },
      {
        flags: '--netns <WHICH>',
        summary:
          'only packets in this network namespace: its name, a path, net:[INODE] or pid:PID; several are each allowed',
        completes: 'netns',
        repeats: true,
      },
      {
        flags: '--dev <NAME>',
        summary: 'only packets on this interface, or with NAME@NETNS on that of a namespace; several are each allowed',
        completes: 'device',
        repeats: true,
      },
      {
        flags: '--connection',
        summary: 'and what answers such a packet: all between the same addresses and ports, through NAT, too',
      },
      {
        flags: '--pid <PIDS>',
        summary: 'only packets of these processes, and what answers them, as in --pid 12,34; with all of their threads',
        repeats: true,
      },
      { flags: '--pid-tree', summary: 'and of the children of these processes, and of theirs' },
      {
        flags: '--comm <NAME>',
        summary: 'only packets of processes while they have this name, and what answers them; several are each allowed',
        repeats: true,
      },
      {
        flags: '--unit <NAME>',
        summary:
          "only packets of this unit's processes, as of nginx.service, and what answers them; several are each allowed",
        repeats: true,
      },
      {
        flags: '--container <WHICH>',
        summary: "only packets of this container's processes: its name, its id or the id's beginning",
        repeats: true,
      },
      {
        flags: '--pod <NAMESPACE/NAME>',
        summary: "only packets of the processes of this pod's containers",
        repeats: true,
      },
      {
        flags: '--cgroup <PATH>',
        summary:
          'only packets of processes in this control group or below it: a directory, or a path as /proc/PID/cgroup has it',
        completes: 'file',
        repeats: true,
      },
      {
        flags: '--with-neighbours',
        summary:
          'with processes or a program: and what the kernel asks neighbours (ARP, IPv6) since their packets wait, with the answers',
      },
      {
        flags: '--follow',
        summary: 'follow a packet until it is freed, whatever becomes of its mark: the default, but with -m alone',
      },
      { flags: '--no-follow', summary: 'show only the functions at which a packet is what is asked for' },
    ],
  },
  {
    heading: 'With a program behind --:',
    options: [
      {
        flags: '--settle <TIME>',
        summary:
          'go on so long when the program and all that it started have ended, for packets on their way (default: 200ms)',
      },
      { flags: '--as-root', summary: 'run it as the user of ipft, where sudo would tell the user who called' },
    ],
  },
  {
    heading: 'Which functions, and how:',
    options: [
      {
        flags: '-r, --regex <RE>',
        summary: 'only functions whose name matches (a regular expression, unanchored)',
        completes: 'function',
      },
      {
        flags: '--module-regex <RE>',
        summary: 'only functions of modules whose name matches; the kernel proper is vmlinux',
        completes: 'module',
      },
      {
        flags: '-t, --tracer <NAME>',
        summary: 'what to show of a call: function or function_graph',
        default: 'function',
        values: TRACER_NAMES,
      },
      {
        flags: '-b, --backend <NAME>',
        summary: `how to attach: ${BACKEND_CHOICES.join(', ')} (default: the best that there is)`,
        values: BACKEND_CHOICES,
      },
      { flags: '--follow-modules', summary: 'trace functions of modules that are loaded while tracing, too' },
      { flags: '-l, --list', summary: 'list the functions that would be traced, and exit' },
    ],
  },
  {
    heading: 'Fields of events:',
    options: [
      {
        flags: '--fields <NAMES>',
        summary: 'add built-in fields, separated by commas, as in --fields tuple,dev; --fields help lists them',
        values: [...BUILTIN_NAMES, 'help'],
        repeats: true,
      },
      {
        flags: '--show <EXPRS>',
        summary:
          'add fields that are expressions in C, separated by commas, each with a name and a format if wanted: skb->dev->name, skb->mark as m:hex',
        repeats: true,
      },
      {
        flags: '-e, --extension <PATH>',
        summary:
          'a BPF extension that adds fields: C source (.c), object (.o), script (.lua), module (.ts, .js) or the name of an example (five-tuple); given several times, files in C are linked',
        completes: 'extension',
        repeats: true,
      },
      { flags: '-s, --script <PATH>', summary: 'an extension in Lua, whatever its suffix', completes: 'file' },
      COMPILE_TIMEOUT,
      {
        flags: '--gen <WHAT>',
        summary: `print ${GENERATE_TARGETS.join(' or ')}, to begin an extension with`,
        values: GENERATE_TARGETS,
      },
    ],
  },
  {
    heading: 'To count instead:',
    options: [
      {
        flags: '--count-by <EXPRS>',
        summary:
          'count packets by the values of expressions in C, separated by commas, as --show takes them, in the kernel: no event is made; any packets, where none are named',
        repeats: true,
      },
      {
        flags: '--hist <EXPR>',
        summary: 'a histogram of a number, in powers of two: skb->len; with --count-by one for each of its rows',
        once: true,
      },
      {
        flags: '--per <WHAT>',
        summary:
          'what counts: packet (once, at its first call at which all these have a value) or call (default: packet)',
        values: COUNTED_PER,
      },
      {
        flags: '--interval <TIME>',
        summary: 'how often to show what was counted so far (default: 1s on a terminal, else only at the end)',
      },
    ],
  },
  {
    heading: 'What to show:',
    options: [
      {
        flags: '-o, --output <FORMAT>',
        summary: `${OUTPUT_NAMES.slice(0, -1).join(', ')} or ${OUTPUT_NAMES.at(-1)}`,
        ...{ default: DEFAULT_OUTPUT, values: OUTPUT_NAMES },
      },
      {
        flags: '--snaplen <N>',
        summary:
          'say which packet each journey is of, from so many of its first bytes (0: do not; default: 96, with -o pcapng 256; with -m alone 0 in text and JSON)',
      },
      {
        flags: '--who',
        summary: 'say which process sent each packet, and which one it was for: the default, but with -m alone',
      },
      { flags: '--no-who', summary: 'do not say which processes packets belong to' },
      {
        flags: '--once',
        summary: 'with -o pcapng: each packet once in each namespace and on each device, not at each function',
      },
      {
        flags: '--width <N>',
        summary: "with -o live: the width of lines (default: the terminal's; where there is none 80)",
      },
      { flags: '--json-events-only', summary: 'with -o json: only events, no journeys, as ipftrace2 has them' },
      {
        flags: '--diff [RANK...]',
        summary:
          'with -o paths: show two of the paths side by side, as in --diff 1 2; without ranks the most frequent and one that ends differently, a dropped one if there is any',
      },
      {
        flags: '--only <OUTCOMES>',
        summary: 'show only packets that ended so, separated by commas, as in --only dropped,unknown',
        values: OUTCOMES,
        repeats: true,
      },
      { flags: '--slower <TIME>', summary: 'show only packets whose journey took longer: 500us, 20ms, 1s' },
      {
        flags: '--fold <WHEN>',
        summary:
          'with -o aggregate: one line for a packet that repeats an earlier one but for times (same), or took its path (path); auto: same, from the eleventh packet on; never. With -o live, never shows each call on lines of its own',
        default: 'auto',
        values: FOLDS,
      },
      {
        flags: '--sort <ORDER>',
        summary:
          'with -o aggregate: in which order packets are shown: as they end (end), or all at last, by their first event (begin); default: end',
        values: JOURNEY_ORDERS,
      },
      {
        flags: '--time <CLOCK>',
        summary:
          "what timestamps count from: mono (the machine's start), wall (time of day) or relative (the trace's start)",
        default: DEFAULT_TIME,
        values: TIMES,
      },
      { flags: '--color <WHEN>', summary: 'colours: auto, always or never', default: 'auto', values: COLOR_CHOICES },
      {
        flags: '--output-file <PATH>',
        summary: 'write to this file instead of stdout (with a program: instead of stderr; - is stdout)',
        completes: 'file',
      },
      VERBOSE,
    ],
  },
  {
    heading: 'To record it instead:',
    options: [
      {
        flags: '-w, --write <FILE>',
        summary: 'record the trace to this file, for ipft show; ipft record FILE is the same',
        completes: 'file',
      },
      { flags: '--compress', summary: 'compress the records in the file' },
      {
        flags: '--rotate <SIZE|TIME>',
        summary:
          'begin another file when one has this size or age, as 64M or 10m: trace.ipft becomes trace-000001.ipft and so on',
      },
      { flags: '--keep <N>', summary: 'keep only the last N of the files that this run has written' },
      {
        flags: '--last <SIZE>',
        summary:
          'a flight recorder: keep the newest records in so much memory, and write a file (trace-000001.ipft) when something happens; by default at SIGUSR1 and at the end',
      },
      {
        flags: '--trigger <WHAT>',
        summary:
          'with --last, what to write at, separated by commas: drop (a packet was dropped), slower=TIME (a journey took longer, as slower=5ms), gap (records were lost), signal (SIGUSR1, which always does)',
        values: TRIGGER_WORDS,
        repeats: true,
      },
      {
        flags: '--after <TIME>',
        summary: 'with --last, how long to go on writing after a trigger (default: 1s)',
      },
    ],
  },
  {
    heading: 'When to end:',
    options: [
      { flags: '--count <N>', summary: 'end when N packets have ended their journeys, of those that are shown' },
      {
        flags: '--duration <TIME>',
        summary: 'end so long after tracing is ready: 10s, 500ms, 2m; a number alone is seconds',
      },
    ],
  },
  {
    heading: 'Buffers and limits:',
    options: [
      {
        flags: '--ring-size <N[K|M|G]>',
        summary: 'size of the ring of events, a power of two (default: 16M, less where memory is short)',
      },
      { flags: '--perf-page-count <N>', summary: 'the ring has at least so many pages for each CPU', default: '8' },
      { flags: '--perf-sample-period <N>', summary: 'keep one event in N', default: '1' },
      { flags: '--perf-wakeup-events <N>', summary: 'accepted, without effect: the ring is polled', default: '1' },
      {
        flags: '--max-memory <N[K|M|G]>',
        summary: 'stop accepting new journeys at this memory limit (default: a quarter of the machine)',
      },
      { flags: '--no-set-rlimit', summary: 'leave RLIMIT_MEMLOCK and RLIMIT_NOFILE alone' },
    ],
  },
  {
    heading: 'For scripts:',
    options: [
      { flags: '--strict', summary: 'exit with 3 if anything was lost (with a program: 125)' },
      { flags: '--ready-file <PATH>', summary: 'write this file when tracing is ready', completes: 'file' },
      { flags: '--enable-probe-server', summary: 'accept TCP connections on 127.0.0.1 when tracing is ready' },
      { flags: '--probe-server-port <N>', summary: 'its port', default: '13720' },
    ],
  },
  {
    heading: 'About ipft:',
    options: [HELP, { flags: '-V, --version', summary: 'show the version' }],
  },
];

const ALWAYS = ['--verbose', '--color', '--help', '--version'];
/** What is said of a view: of the records that there are, which are shown, and how. */
export const VIEW: readonly string[] = [
  ...[
    '--output',
    '--once',
    '--width',
    '--json-events-only',
    '--diff',
    '--only',
    '--slower',
    '--fold',
    '--sort',
    '--time',
  ],
  ...['--output-file', '--max-memory'],
];
const COUNTS = ['--count-by', '--hist', '--per', '--interval'];
/** What is said of a trace, whether it is shown or recorded. */
const TRACE = GROUPS.flatMap(({ options }) => options.map((option) => splitFlags(option).long)).filter(
  (long) => ![...VIEW, ...COUNTS, '--list', '--gen', '--write'].includes(long),
);

/** What the page of `ipft ui` may say of a trace: no files, no programs, nothing of where the result goes. */
export const PAGE_OPTIONS: readonly string[] = [
  ...['--inner', '--mark', '--mask', '--netns', '--dev', '--connection', '--pid', '--pid-tree', '--comm', '--unit'],
  ...['--container', '--pod', '--cgroup', '--with-neighbours', '--follow', '--no-follow', '--regex', '--module-regex'],
  ...['--tracer', '--backend', '--follow-modules', '--fields', '--snaplen', '--who', '--no-who', '--count'],
  ...['--duration', '--ring-size', '--perf-page-count', '--perf-sample-period', '--max-memory'],
];

/** What a capture for Wireshark takes: nothing that runs a program, compiles or writes a file, since it may run as root for a user. */
export const EXTCAP_TAKES = [
  ...[
    '--regex',
    '--module-regex',
    '--once',
    '--snaplen',
    '--connection',
    '--inner',
    '--mark',
    '--mask',
    '--netns',
    '--dev',
  ],
  ...['--pid', '--comm', '--fields', '--tracer'],
] as const;

export const COMMANDS = [
  {
    name: 'record',
    operands: '<FILE> [EXPRESSION...]',
    summary: 'trace, and write the records to a file as they are, for ipft show; a program may stand behind --',
    completes: 'file',
    options: [HELP],
    takes: TRACE,
    examples: [
      { command: "ipft record trace.ipft 'tcp port 443'", summary: 'until Ctrl-C' },
      { command: "ipft record trace.ipft 'port 53' --rotate 64M --keep 10", summary: 'at most ten files of 64 MiB' },
      {
        command: 'ipft record drops.ipft tcp --last 64M --trigger drop --keep 20',
        summary: 'for days: a file for each drop, with what came before it',
      },
    ],
  },
  {
    name: 'show',
    operands: '<FILE...>',
    summary: 'show recordings, on any machine and without privileges; parts of one are shown as one',
    completes: 'file',
    options: [
      {
        flags: '--journey <LIST>',
        summary: 'show only the journeys with these numbers, as in --journey 3,7-9',
        repeats: true,
      },
      { flags: '--outcome <OUTCOMES>', summary: 'the same as --only', values: OUTCOMES, repeats: true },
      {
        flags: '--info',
        summary:
          'tell what each recording is, and count what is in it, instead of showing it; with -o json for programs',
      },
      {
        flags: '--follow-file',
        summary:
          'show a recording while it is written, until its recorder ends it (that a recorder was killed is not seen: Ctrl-C)',
      },
      HELP,
    ],
    takes: [
      ...[...VIEW, ...COUNTS, '--where', '--show', '--regex', '--module-regex', '--count', '--duration', '--strict'],
      ...ALWAYS,
    ],
    examples: [
      { command: 'ipft show trace.ipft -o paths', summary: 'the ways that its packets took' },
      { command: "ipft show trace.ipft --outcome dropped -r '^tcp_'", summary: 'of dropped packets, what TCP did' },
      { command: 'ipft show --info trace.ipft', summary: 'where and when it was made, and what is in it' },
    ],
  },
  {
    name: 'ui',
    operands: '[FILE|EXPRESSION...]',
    summary: 'show a recording, or a trace while it runs, as a page in a browser on this machine',
    completes: 'file',
    options: [{ flags: '--port <N>', summary: 'the port of the page on 127.0.0.1 (default: one that is free)' }, HELP],
    takes: [
      ...[...PAGE_OPTIONS, '--where', '--show', '--extension', '--script', '--compile-timeout', '--no-set-rlimit'],
      ...ALWAYS,
    ],
    examples: [
      { command: "ipft ui 'tcp port 443'", summary: 'prints the address that opens the page; Ctrl-C ends it' },
      { command: 'ipft ui trace.ipft', summary: 'a recording; more can be dropped onto the page' },
    ],
  },
  {
    name: 'check',
    operands: '[FILE...]',
    summary:
      "compile and check an extension's files, and the expressions of --show and --where: layout, cost, and what the verifier says",
    completes: 'extension',
    options: [COMPILE_TIMEOUT, VERBOSE, HELP],
    takes: ['--show', '--where', '--color'],
    examples: [
      { command: 'ipft check extension.bpf.c', summary: 'before it is used' },
      { command: "ipft check --show 'skb->dev->name, skb->len'", summary: 'what fields cost' },
    ],
  },
  {
    name: 'types',
    operands: '[STRUCT...]',
    summary:
      "write the running kernel's structs as TypeScript's types, for the editor that an extension in TypeScript is written in; structs that no packet leads to are named",
    options: [
      {
        flags: '-o, --output <PATH>',
        summary:
          'a file, or the folder of the extension, which gets ipft-env.d.ts and tsconfig.json (default: this one)',
        completes: 'file',
      },
      HELP,
    ],
    examples: [
      { command: 'ipft types', summary: 'in the folder of the extension' },
      { command: 'ipft types xfrm_state -o types/kernel.d.ts', summary: 'with one struct more' },
    ],
  },
  {
    name: 'doctor',
    operands: '',
    summary: 'tell what this machine has for tracing, what is missing, and what to do about it',
    options: [{ flags: '--json', summary: 'as a JSON object' }, VERBOSE, HELP],
  },
  {
    name: 'mark-help',
    operands: '',
    summary: 'print the commands that put the mark on packets, and those that undo it',
    options: [
      { flags: '-m, --mark <N>', summary: 'the mark (default: 0xdeadbeef)' },
      { flags: '--mask <N>', summary: 'set only these bits of the mark', default: '0xffffffff' },
      { flags: '--to <ADDRESS>', summary: 'packets to this address, or prefix, IPv4 or IPv6' },
      { flags: '--from <ADDRESS>', summary: 'packets from this address, or prefix' },
      { flags: '--port <N>', summary: 'packets to this port of TCP and UDP' },
      { flags: '--dev <NAME>', summary: 'the device where packets come in, for tc (default: eth0)' },
      HELP,
    ],
    examples: [{ command: 'ipft mark-help --to 192.0.2.7 --port 443', summary: 'what goes to a server' }],
  },
  {
    name: 'wireshark-setup',
    operands: '',
    summary:
      'give Wireshark the interface ipft, fields by name and a profile, for the user who calls (behind sudo, too); docs/looking.md',
    options: [
      {
        flags: '--via <WAY>',
        summary: 'how Wireshark gets at root: none, sudo, pkexec or ssh:HOST, another machine',
        default: 'none',
      },
      { flags: '--undo', summary: 'remove what it has made' },
      {
        flags: '--force',
        summary: 'replace, or with --undo remove, also files that it has not made or that were changed',
      },
      HELP,
    ],
    takes: ALWAYS,
    examples: [{ command: 'ipft wireshark-setup --via sudo', summary: 'and tell the rule that sudo needs' }],
  },
  {
    name: 'extcap',
    operands: '',
    summary: 'what Wireshark calls: answer about the interface ipft, or capture for it',
    options: [
      { flags: '--expression <EXPRESSION>', summary: 'which packets' },
      { flags: '--via <WAY>', summary: 'how to get at root: none, sudo, pkexec or ssh:HOST', default: 'none' },
      { flags: '--capture', summary: 'capture in pcapng, into the pipe of --fifo' },
      { flags: '--fifo <PATH>', summary: 'the pipe; - is stdout', once: true },
      { flags: '--extcap-interfaces', summary: 'tell the interfaces' },
      { flags: '--extcap-interface <NAME>', summary: 'the interface that is meant: ipft' },
      { flags: '--extcap-dlts', summary: 'tell its link types' },
      { flags: '--extcap-config', summary: 'tell its options' },
      {
        flags: '--extcap-capture-filter <EXPRESSION>',
        summary: 'which packets, besides --expression; without --capture, tell what is wrong with it',
      },
      { flags: '--extcap-version [VERSION]', summary: "Wireshark's version: nothing depends on it", hidden: true },
      { flags: '--extcap-reload-option <NAME>', summary: 'no option is read again', hidden: true },
      { flags: '--extcap-control-in <PATH>', summary: 'there are no controls', hidden: true },
      { flags: '--extcap-control-out <PATH>', summary: 'there are no controls', hidden: true },
      { flags: '--extcap-cleanup-postkill', summary: 'there is nothing to clean up', hidden: true },
      HELP,
    ],
    takes: [...EXTCAP_TAKES, ...ALWAYS],
  },
  {
    name: 'completion',
    operands: '[SHELL]',
    summary: `print what makes a shell complete ipft's words: ${SHELLS.slice(0, -1).join(', ')} or ${SHELLS.at(-1)}`,
    values: SHELLS,
    options: [
      { flags: '--functions <PREFIX>', summary: 'names of functions that begin so', hidden: true },
      { flags: '--modules <PREFIX>', summary: 'names of modules that begin so', hidden: true },
      HELP,
    ],
    examples: [
      { command: 'source <(ipft completion bash)', summary: 'in ~/.bashrc' },
      { command: 'source <(ipft completion zsh)', summary: 'in ~/.zshrc, behind compinit' },
      { command: 'ipft completion fish | source', summary: 'in ~/.config/fish/config.fish' },
    ],
  },
] as const satisfies readonly CommandEntry[];

export type CommandName = (typeof COMMANDS)[number]['name'];

export const EXAMPLES: readonly Example[] = [
  { command: 'ipft doctor', summary: 'what can be traced on this machine' },
  {
    command: "ipft 'host 10.0.0.5 and tcp port 5432'",
    summary: 'trace until Ctrl-C; man pcap-filter tells the syntax',
  },
  { command: 'ipft -- curl -s http://192.0.2.9/', summary: 'the packets of a program, and what answers them' },
  { command: "ipft -l -r '^ip_'", summary: 'which functions there are whose name begins with ip_' },
  {
    command: "ipft 'tcp port 443' --only dropped",
    summary: 'packets that are dropped: why, and where',
  },
  { command: 'ipft icmp --netns blue -o json --count 10', summary: 'ten packets of a namespace, for a program' },
  {
    command: "ipft 'udp port 53' -o paths --duration 30s",
    summary: 'the ways that packets take, the most frequent first',
  },
  { command: "ipft 'tcp port 80' --fields tuple,process", summary: 'with addresses, ports and process on each line' },
  { command: "ipft 'tcp port 80' -o pcapng > trace.pcapng", summary: 'for Wireshark, at each function that they pass' },
  { command: 'ipft icmp -e extension.bpf.c', summary: 'with fields of your own' },
  { command: 'ipft -m 42 --follow', summary: 'packets with a mark; meanwhile, elsewhere: ping -m 42 HOST' },
];

/** Of the examples, those for someone who says nothing. */
export const FIRST_STEPS = EXAMPLES.slice(0, 4);

/** What becomes of a trace at a signal; docs/output.md tells more. */
export const SIGNALS: readonly { readonly names: string; readonly summary: string }[] = [
  {
    names: 'SIGINT, SIGTERM, SIGQUIT',
    summary: 'the trace ends and its result is written; the second one ends the process at once',
  },
  {
    names: 'SIGINT, SIGTERM, SIGQUIT',
    summary:
      'while a program runs that stands behind --: the first one is for the program, by the second one the trace ends, by the third one ipft',
  },
  {
    names: 'SIGUSR1',
    summary: 'with --last, a file is written and the trace goes on; otherwise as the next ones',
  },
  {
    names: 'SIGHUP, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT',
    summary: 'the trace ends and its result is written, to where it still can go',
  },
  {
    names: 'SIGPIPE, SIGXFSZ, real-time signals',
    summary: 'ignored, as is what was ignored when ipft was started (nohup)',
  },
];

/** How a subcommand is called, as people write it: `check FILE...`. */
export function formatCall({ name, operands }: CommandEntry): string {
  return `${name} ${operands.replace(/[<>]/g, '')}`.trimEnd();
}

/** An entry's flags, taken apart. */
export interface Flags {
  /** `-m` */
  readonly short: string | undefined;
  /** `--mark` */
  readonly long: string;
  /** `<N>`; undefined for an option without a value. */
  readonly value: string | undefined;
}

export function splitFlags({ flags }: Pick<OptionEntry, 'flags'>): Flags {
  const [, short, long = '', value] = /^(?:(-\w), )?(--[a-z-]+)(?: (.+))?$/.exec(flags) ?? [];
  return { short, long, value };
}
