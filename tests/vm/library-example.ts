/** What the tests in examples/library find on a machine of their readers: modules, and loopback. */
import { execFileSync } from 'node:child_process';

export default function setUp(): void {
  for (const module of ['veth', 'nf_tables']) execFileSync('modprobe', [module]);
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
}
