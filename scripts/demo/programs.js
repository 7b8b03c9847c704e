/**
 * The table of docs/command.md: which packets of a program `ipft -- PROGRAM` shows, of those on the wire, by the way in which
 * they are sent and received, and from which function on. `programs.py` is the program, and another one that talks with the
 * same servers. To be run as root, in a guest.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parsePacket } from '../../dist/packets/parse.js';
import { formatPacket } from '../../dist/packets/text.js';
import { root } from '../setup.js';

const SCRIPT = join(root, 'scripts/demo/programs.py');
const HERE = 'ipft-here';
const THERE = 'ipft-there';
/** From the first that sees a packet to where it is given to its protocol. */
const FUNCTIONS =
  '^(__ip_local_out|ip6_local_out|packet_sendmsg|__dev_queue_xmit|netif_rx_internal|ip_rcv|ipv6_rcv|ip_local_deliver)$';
const PATIENCE_MS = 200_000;

/** @param {string[]} args */
const ip = (...args) => execFileSync('ip', args);
/** @param {string} namespace @param {string[]} words */
function python(namespace, ...words) {
  const child = spawn('ip', ['netns', 'exec', namespace, '/usr/bin/python3', '-IS', SCRIPT, ...words]);
  let stdout = '';
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.pipe(process.stderr);
  return { child, output: () => stdout };
}

/** @param {() => boolean} condition @param {string} what */
async function until(condition, what) {
  for (const begin = performance.now(); !condition(); await sleep(50)) {
    if (performance.now() - begin > PATIENCE_MS) throw new Error(`this does not come: ${what}`);
  }
}

/** A frame in tcpdump's form. @param {string} hex */
function format(hex) {
  const bytes = Buffer.from(hex, 'hex');
  const snapshot = { bytes, lengthBytes: bytes.length, hasEthernet: true, protocol: bytes.readUInt16BE(12) };
  return formatPacket(parsePacket({ ...snapshot, vlan: undefined, gso: undefined }));
}

/** The journey of a packet begins on one side of the rule that translates a port, and the wire is on the other. @param {string} line */
const withoutNat = (line) => line.replace(/ \([SD]NAT [^)]*\)/g, '').replace(/:8081(?![0-9])/, ':8080');
/** @param {string} word @param {string} line */
const isIn = (word, line) => new RegExp(`${word}(?![0-9])`).test(line);
/** Whether the program's end has sent it. @param {string} line @param {string[]} words */
const isSent = (line, words) =>
  words.some((word) => isIn(word, line.split(' > ')[0] ?? '')) || /^10\.31\.0\.1 >|^fd31::1 >/.test(line);

const work = mkdtempSync(join(tmpdir(), 'ipft-programs-'));
/** @type {ReturnType<typeof python>[]} */
const others = [];
try {
  ip('netns', 'add', HERE);
  ip('netns', 'add', THERE);
  ip('link', 'add', 'veth-here', 'netns', HERE, 'type', 'veth', 'peer', 'name', 'veth-there', 'netns', THERE);
  for (const [namespace, device, host] of [
    [HERE, 'veth-here', 1],
    [THERE, 'veth-there', 2],
  ]) {
    ip('-n', `${namespace}`, 'addr', 'add', `10.31.0.${host}/24`, 'dev', `${device}`);
    ip('-n', `${namespace}`, 'addr', 'add', `fd31::${host}/64`, 'dev', `${device}`, 'nodad');
    for (const one of [device, 'lo']) ip('-n', `${namespace}`, 'link', 'set', `${one}`, 'up');
  }
  const inside = (/** @type {string[]} */ ...words) => execFileSync('ip', ['netns', 'exec', HERE, ...words]);
  inside('sysctl', '-qw', 'net.ipv4.ping_group_range=0 0');
  inside(
    'nft',
    'table ip ipft { chain in { type nat hook prerouting priority -100; tcp dport 8081 redirect to :8080; }; }',
  );
  others.push(python(HERE, 'serve'), python(THERE, 'serve'));
  await until(() => others.every(({ output }) => output() !== ''), 'servers listen');
  const captures = ['veth-here', 'lo'].map((device) => python(HERE, 'capture', device));
  others.push(...captures);
  await until(() => captures.every(({ output }) => output() !== ''), 'packets are captured');
  const file = join(work, 'trace.json');
  const traced = ['-o', 'json', '--snaplen', '256', '-r', FUNCTIONS, '--settle', '3s', '--output-file', file];
  const program = ['ip', 'netns', 'exec', HERE, '/usr/bin/python3', '-IS', SCRIPT, 'run'];
  const tracer = spawn(process.execPath, [join(root, 'bin/ipft.js'), ...traced, '--', ...program]);
  let said = '';
  let warnings = '';
  tracer.stdout.on('data', (data) => {
    said += data;
  });
  tracer.stderr.on('data', (data) => {
    warnings += data;
  });
  await new Promise((resolve) => tracer.on('close', resolve));
  const wire = captures
    .flatMap(({ output }) => output().trim().split('\n'))
    .filter((line) => line !== '')
    .map(format)
    .map(withoutNat);
  report(said, wire, readFileSync(file, 'utf8'));
  // Of what the kernel has missed, ipft warns: then the table says less than there is to say.
  if (warnings !== '') console.log(warnings.trim());
} finally {
  for (const { child } of others) child.kill('SIGKILL');
  for (const namespace of [HERE, THERE]) ip('netns', 'del', namespace);
  rmSync(work, { recursive: true, force: true });
}

/** @param {string} said by the program @param {string[]} wire @param {string} json */
function report(said, wire, json) {
  const lines = json
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  /** @type {Map<number, string>} */
  const begins = new Map();
  for (const { type, journey, function: name } of lines) {
    if (type === undefined && !begins.has(journey)) begins.set(journey, name);
  }
  const shown = lines
    .filter(({ type, parent }) => type === 'journey' && parent === null)
    .map(({ journey, ipft }) => ({ text: withoutNat(ipft.packet.text), begin: begins.get(journey) }));
  const rows = [['', 'shown of what it sends', 'of what it gets', 'the first function']];
  for (const [name, ...words] of said
    .trim()
    .split('\n')
    .map((line) => line.split('\t'))) {
    const own = wire.filter((line) => words.some((word) => isIn(word, line)));
    const sent = own.filter((line) => isSent(line, words));
    const received = own.filter((line) => !isSent(line, words));
    const found = shown.filter(({ text }) => received.includes(text));
    const firsts = [...new Set(found.map(({ begin }) => begin))].sort();
    rows.push([name ?? '', describe(sent, shown), describe(received, shown), firsts.join(', ')]);
  }
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    );
}

/** @param {string[]} lines @param {{ text: string }[]} shown */
function describe(lines, shown) {
  if (lines.length === 0) return '-';
  const left = shown.map(({ text }) => text);
  const count = lines.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at >= 0;
  }).length;
  if (process.env['VERBOSE'])
    for (const line of lines) console.error(shown.some(({ text }) => text === line) ? '+' : '-', line);
  return count === lines.length ? 'all' : count === 0 ? 'none' : 'some';
}
