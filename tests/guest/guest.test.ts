/** scripts/vm as people use it: these tests boot guests of their own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'ipft-guest-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const vm = (...args: string[]) => spawnSync(join(ROOT, 'scripts/vm'), args, { cwd: ROOT, encoding: 'utf8' });

/** Reads the output of a process until it matches. */
async function printed(child: ChildProcess, text: { said: string }, pattern: RegExp): Promise<void> {
  while (!pattern.test(text.said)) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}:\n${text.said}`);
    await sleep(50);
  }
}

test('--tty: a login shell keeps PATH, the terminal its size, and nothing waits for a network', async () => {
  const where = join(dir, 'tty');
  // Without a network npm would try again for a minute: it gets a registry that does not exist.
  const command = `
    echo "path=$PATH"
    ping -c 1 10.1.2.3; echo "ping=$?"
    npm view ipft --registry http://registry.invalid/ --loglevel=http --no-progress; echo "npm=$?"
    trap 'echo "size=$(stty size)"; exit 7' WINCH
    echo "begin=$(stty size)"
    while :; do sleep 0.2; done`;
  const path = `/ipft-test:${process.env['PATH']}`;
  // Without the profile of the user who runs the tests.
  const shell = `env HOME=/nonexistent bash -lc '${command.replaceAll("'", "'\\''")}'`;
  const line = `tty > ${where}; stty rows 31 cols 97; exec ${ROOT}/scripts/vm --tty 6.12 -- ${shell}`;
  const child = spawn('script', ['-qefc', line, '/dev/null'], {
    ...{ cwd: ROOT, env: { ...process.env, PATH: path }, stdio: ['pipe', 'pipe', 'inherit'] },
  });
  const text = { said: '' };
  child.stdout.on('data', (data) => {
    text.said += String(data).replaceAll('\r', '');
  });
  try {
    await printed(child, text, /begin=.*\n/);
    expect(text.said).toContain(`path=${path}\n`);
    expect(text.said).toMatch(/ping: connect: Network is unreachable\nping=2\n/);
    expect(text.said).toMatch(/(EAI_AGAIN|ENOTFOUND)[\s\S]*npm=1\n/);
    expect(text.said).not.toContain('attempt 2');
    expect(text.said).toContain('begin=31 97\n');
    expect(existsSync(where)).toBe(true);
    spawnSync('stty', ['-F', readFileSync(where, 'utf8').trim(), 'rows', '44', 'cols', '123']);
    await printed(child, text, /size=.*\n/);
    expect(text.said).toContain('size=44 123\n');
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(7);
  } finally {
    // The guest ends with its terminal.
    child.kill('SIGKILL');
  }
});

test('a guest that panics is told of, with its console; so is one that takes too long', () => {
  const panicked = vm('6.12', '--', 'sh', '-c', 'echo before; echo c > /proc/sysrq-trigger; sleep 1000');
  expect(panicked).toMatchObject({ status: 125, stdout: 'before\n' });
  expect(panicked.stderr).toMatch(
    /Kernel panic - not syncing: sysrq triggered crash[\s\S]*\nvm: the guest died while the command ran; its console is above\n$/,
  );
  const slow = vm('--timeout', '1', '6.12', '--', 'true');
  expect(slow.status).toBe(124);
  expect(slow.stderr).toMatch(/vm: the guest was ended after 1 s \(--timeout\); its console is above\n$/);
});
