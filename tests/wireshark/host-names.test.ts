/** Names of addresses in a file, as tshark shows them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TextBuffer } from '../../src/base/text-buffer.js';
import { LINK_RAW_IP, PcapngWriter } from '../../src/output/pcapng-writer.js';

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-names-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

test('tshark shows the names that the file has', () => {
  const text = new TextBuffer(1 << 10);
  const writer = new PcapngWriter(text);
  writer.section({ hardware: undefined, os: 'Linux', application: 'ipft' });
  writer.hostNames([
    { address: '192.0.2.1', name: 'gateway.ipft.example' },
    { address: '2001:db8::2', name: 'server.ipft.example' },
  ]);
  writer.interface(LINK_RAW_IP, 'f', 'about');
  // Headers alone, of IPv4 and IPv6, with no protocol behind them.
  const ipv4 = Buffer.from('4500001400000000403b0000c0000201c0000209', 'hex');
  const ipv6 = Buffer.from(`6000000000003b40${'20010db8'.padEnd(31, '0')}1${'20010db8'.padEnd(31, '0')}2`, 'hex');
  for (const bytes of [ipv4, ipv6]) {
    writer.beginPacket(0, 1, 1, bytes.length, bytes.length);
    text.copy(bytes);
    writer.endBytes();
    writer.endPacket();
  }
  const path = join(dir, 'names.pcapng');
  writeFileSync(path, text.take());
  const args = ['-r', path, '-N', 'n', '-T', 'fields', '-e', 'ip.src_host', '-e', 'ip.dst_host', '-e', 'ipv6.dst_host'];
  const { status, stdout, stderr } = spawnSync('tshark', args, {
    encoding: 'utf8',
    env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir },
  });
  expect(status, stderr).toBe(0);
  expect(stdout.split('\n').slice(0, 2)).toEqual(['gateway.ipft.example\t192.0.2.9\t', '\t\tserver.ipft.example']);
});
