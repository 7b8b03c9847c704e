/**
 * `node scripts/recordings.js VERSION`: makes the recordings of tests/recordings/vVERSION in a guest, small ones of real
 * packets, and the text that each must show. To be called when the format has a new version: recordings that are there
 * stay as they are, since later readers must read what earlier writers wrote (tests/recording/kept.test.ts).
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePackages, GUEST_PACKAGES, TEST_PACKAGES } from './setup/packages.js';
import { isMain, runScript } from './setup/run.js';
import { ScriptError } from './setup/script-error.js';
import { root, setUp } from './setup.js';

const GUEST_KERNEL = '6.12';
const IPFT = join(root, 'bin/ipft.js');

/** The outputs whose text stands beside a recording, and the ends of the names of these files. */
export const TEXTS = /** @type {const} */ ({ aggregate: 'txt', json: 'jsonl', paths: 'paths.txt' });

const FUNCTIONS =
  '^(ip_output|ip_finish_output2|dev_hard_start_xmit|veth_xmit|ip_rcv|nf_hook_slow|ip_local_deliver|icmp_rcv|icmp_echo)$';
const MARK = 0x1f7;

/** The recordings, by name, with what they have besides. @type {Record<string, string[]>} */
const KINDS = {
  function: [],
  'function-fields': ['-e', 'examples/extensions/five-tuple.bpf.c'],
  graph: ['-t', 'function_graph'],
  'graph-fields': ['-t', 'function_graph', '-e', 'examples/extensions/skb-len.bpf.c'],
};

/** In the guest: pings that are answered, and one that a rule drops, in each recording. @param {string} out */
function record(out) {
  const [here, there] = ['ipft-here', 'ipft-there'];
  const run = (/** @type {string[]} */ ...words) =>
    execFileSync(words[0] ?? '', words.slice(1), { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  const ip = (/** @type {string} */ line) => run('ip', ...line.split(' '));
  const ping = (/** @type {string} */ line) =>
    run('ip', 'netns', 'exec', here, 'ping', '-q', ...line.split(' '), '10.77.0.2');
  run('modprobe', 'veth');
  for (const netns of [here, there]) ip(`netns add ${netns}`);
  ip(`link add veth0 netns ${here} type veth peer name veth1 netns ${there}`);
  ip(`-n ${here} addr add 10.77.0.1/24 dev veth0`);
  ip(`-n ${there} addr add 10.77.0.2/24 dev veth1`);
  ip(`-n ${here} link set veth0 up`);
  ip(`-n ${there} link set veth1 up`);
  // Packets of this size are dropped.
  const rule =
    'add table ip t; add chain ip t c { type filter hook input priority 0; }; add rule ip t c ip length 228 drop';
  run('ip', 'netns', 'exec', there, 'nft', rule);
  ping('-c 1 -w 100');
  for (const [name, options] of Object.entries(KINDS)) {
    const traffic = `ip netns exec ${here} ping -q -i 0.1 -c 3 -m ${MARK} -w 100 10.77.0.2; ip netns exec ${here} ping -q -c 1 -W 1 -s 200 -m ${MARK} 10.77.0.2`;
    const trace = [
      IPFT,
      'record',
      join(out, `${name}.ipft`),
      '--compress',
      '-m',
      String(MARK),
      '--follow',
      '-r',
      FUNCTIONS,
    ];
    const ready = join(out, 'ready');
    const script = `"$@" --ready-file ${ready} & until [ -e ${ready} ]; do sleep 0.1; done; ${traffic}; sleep 1; kill -INT $!; wait $!`;
    run('sh', '-c', script, 'sh', process.execPath, ...trace, ...options);
    rmSync(ready);
  }
}

/** @param {string} version */
function make(version) {
  const folder = join(root, 'tests/recordings', `v${version}`);
  if (existsSync(folder)) throw new ScriptError(`${folder} is there: what was recorded once stays`);
  ensurePackages([...GUEST_PACKAGES, ...TEST_PACKAGES]);
  const out = mkdtempSync(join(tmpdir(), 'ipft-recordings-'));
  try {
    const vm = [
      '--out',
      out,
      '--memory',
      '3G',
      GUEST_KERNEL,
      '--',
      process.execPath,
      import.meta.filename,
      '--guest',
      out,
    ];
    execFileSync(join(root, 'scripts/vm'), vm, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    mkdirSync(folder, { recursive: true });
    for (const name of Object.keys(KINDS)) {
      const path = join(folder, `${name}.ipft`);
      cpSync(join(out, `${name}.ipft`), path);
      chmodSync(path, 0o644);
      for (const [output, ending] of Object.entries(TEXTS)) {
        writeFileSync(join(folder, `${name}.${ending}`), execFileSync(IPFT, ['show', path, '-o', output]));
      }
    }
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  await runScript('recordings', async () => {
    const [first = '', out = ''] = process.argv.slice(2);
    if (first === '--guest') {
      record(out);
      return 0;
    }
    if (!/^[1-9][0-9]*$/.test(first)) throw new ScriptError('it needs the version of the format', 2);
    setUp();
    make(first);
    return 0;
  });
}
