/**
 * What `ipft extcap` answers to Wireshark before a capture: sentences of its extcap interface, as man extcap tells them.
 * Pure.
 */
import { BUILTIN_NAMES } from '../../base/builtin-field.js';
import { formatRootWay, type RootWay } from '../root-way.js';

/** The only interface. */
export const INTERFACE = 'ipft';

/** Packets have the link types that the file itself names, for each of its interfaces: Wireshark wants one all the same. */
const DLT = 'dlt {number=147}{name=USER0}{display=pcapng with an interface for each function}';

/** `--extcap-interfaces` */
export function formatInterfaces(version: string): string {
  return [
    `extcap {version=${version}}{display=ipft}{help=https://www.npmjs.com/package/ipft}`,
    `interface {value=${INTERFACE}}{display=functions of the Linux kernel that packets pass}`,
    '',
  ].join('\n');
}

/** `--extcap-dlts` */
export function formatDlts(): string {
  return `${DLT}\n`;
}

interface Argument {
  /** The option. */
  readonly call: string;
  readonly display: string;
  readonly type: 'string' | 'unsigned' | 'boolflag' | 'selector' | 'multicheck';
  readonly tooltip: string;
  /** Further elements. */
  readonly more?: string;
  /** The choices; the first one is the default of a selector. */
  readonly values?: readonly (readonly [value: string, display: string])[];
}

/**
 * `--extcap-config`: the dialog.
 * @param way the one that was set up
 */
export function formatConfig(way: RootWay): string {
  return describeArguments(way)
    .flatMap(({ call, display, type, tooltip, more = '', values = [] }, number) => [
      `arg {number=${number}}{call=--${call}}{display=${display}}{type=${type}}{tooltip=${tooltip}}${more}`,
      ...values.map(([value, text], index) => {
        const isDefault = type === 'selector' && index === 0;
        return `value {arg=${number}}{value=${value}}{display=${text}}{default=${isDefault}}`;
      }),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

function describeArguments(way: RootWay): readonly Argument[] {
  const own = formatRootWay(way);
  const ways: [string, string][] = [
    ['none', 'no way: Wireshark itself runs as root'],
    ['sudo', 'sudo -n, with a rule that asks for no password'],
    ['pkexec', 'pkexec, which asks'],
  ];
  const given = ways.find(([value]) => value === own) ?? [own, `ssh, on ${own.slice('ssh:'.length)}`];
  return [
    {
      ...{ call: 'expression', display: 'Packets', type: 'string' },
      tooltip: 'Which packets, in words of pcap-filter; those that the capture filter asks for, too',
      more: '{placeholder=tcp port 443}',
    },
    {
      ...{ call: 'regex', display: 'Functions', type: 'string' },
      tooltip: 'Only functions whose name matches this regular expression',
      more: '{placeholder=^(ip|tcp)_}',
    },
    {
      ...{ call: 'once', display: 'Once at each place', type: 'boolflag' },
      tooltip: 'Each packet once in each network namespace and on each device, not at each function',
      more: '{default=false}',
    },
    {
      ...{ call: 'snaplen', display: 'Bytes of a packet', type: 'unsigned' },
      tooltip: 'How many bytes of a packet are kept',
      more: '{range=1,1024}{default=256}',
    },
    {
      ...{ call: 'connection', display: 'And what answers', type: 'boolflag' },
      tooltip: 'All packets of the connections that such a packet belongs to, through NAT, too',
      more: '{default=false}',
    },
    {
      ...{ call: 'mark', display: 'Mark', type: 'string' },
      tooltip: 'Only packets with this mark: a number, decimal or 0x and hexadecimal',
    },
    {
      ...{ call: 'netns', display: 'Network namespace', type: 'string' },
      tooltip: 'Only packets in this namespace: its name, a path, net:[INODE] or pid:PID',
    },
    {
      ...{ call: 'dev', display: 'Device', type: 'string' },
      tooltip: 'Only packets on this device: NAME or NAME@NETNS',
    },
    {
      ...{ call: 'pid', display: 'Processes', type: 'string' },
      tooltip: 'Only packets of these processes and what answers them: numbers with commas between',
    },
    {
      ...{ call: 'comm', display: 'Name of processes', type: 'string' },
      tooltip: 'Only packets of processes with this name, and what answers them',
    },
    {
      ...{ call: 'fields', display: 'Further fields', type: 'multicheck' },
      tooltip: 'What else is read at each event',
      values: BUILTIN_NAMES.map((name) => [name, name]),
    },
    {
      ...{ call: 'via', display: 'To become root', type: 'selector' },
      tooltip: 'Tracing needs root: ipft wireshark-setup --via sets the way up, ssh:HOST, too',
      values: [given, ...ways.filter(([value]) => value !== own)],
    },
  ];
}
