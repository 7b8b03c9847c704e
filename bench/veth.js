/** Two network namespaces with a wire between them: the guest's own, 10.98.0.1, and `bench`, 10.98.0.2. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** Makes them, unless another case has. */
export function layVeth() {
  if (existsSync('/run/netns/bench')) return;
  execFileSync('modprobe', ['veth']);
  const commands = [
    'netns add bench',
    'link add bench0 type veth peer name bench1 netns bench',
    'addr add 10.98.0.1/24 dev bench0',
    'link set bench0 up',
    '-n bench addr add 10.98.0.2/24 dev bench1',
    '-n bench link set bench1 up',
  ];
  for (const command of commands) execFileSync('ip', command.split(' '));
}
