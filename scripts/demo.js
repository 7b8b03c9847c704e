/** `npm run demo`: shows a trace, on this machine's kernel if that lets itself be traced, else in a guest. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { chooseKvm } from './guest/accelerator.js';
import { loadKernel } from './guest/kernel.js';
import { runGuest } from './guest/qemu.js';
import { ensurePackages, GUEST_PACKAGES } from './setup/packages.js';
import { runScript } from './setup/run.js';
import { root, setUp } from './setup.js';

const GUEST_KERNEL = '6.12';

await runScript('demo', async () => {
  setUp();
  const script = join(root, 'scripts/demo/run.sh');
  process.env['NODE'] = process.execPath;
  const obstacle = await findObstacle();
  if (obstacle === undefined) {
    process.stderr.write("demo: tracing this machine's own kernel, which allows it\n");
    return spawnSync(script, { stdio: 'inherit' }).status ?? 1;
  }
  process.stderr.write(`demo: ${obstacle}\n`);
  process.stderr.write(
    `demo: so the trace is made in a guest, with Linux ${GUEST_KERNEL}; that takes about two minutes\n`,
  );
  ensurePackages(GUEST_PACKAGES);
  const options = { timeoutSeconds: 1200, memory: '2G', cpus: 2, threads: false, console: false, kvm: chooseKvm({}) };
  return await runGuest(loadKernel(GUEST_KERNEL), { ...options, command: [script] });
});

/** The reason why this machine's kernel can't be traced, as a sentence; undefined if it can. */
async function findObstacle() {
  if (process.getuid?.() !== 0) return 'tracing this machine needs root, and this is another user';
  // Imported late: dist/ has just been built, and is not there when the sources are only read.
  const load = (/** @type {string} */ module) => import(new URL(`../dist/${module}.js`, import.meta.url).href);
  const [{ checkKernel }, { loadTargets }, { IpftError }] = await Promise.all(
    ['kernel/preflight', 'probes/targets', 'base/errors'].map(load),
  );
  try {
    checkKernel();
    await loadTargets('registers');
  } catch (error) {
    if (!(error instanceof IpftError)) throw error;
    // Only the first part of the message: the reasons of all backends would be too much here.
    const [what] = /** @type {Error} */ (error).message.split(': ');
    return `${what} (bin/ipft.js doctor tells more)`;
  }
  if (spawnSync('unshare', ['--net', 'true']).status !== 0) return 'no network namespace can be made here';
  return undefined;
}
