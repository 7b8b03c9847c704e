#!/usr/bin/env node
// A Node that is too old must get as far as the message that says so: nothing here is newer than Node 12.
const OLDEST = { major: 20, minor: 19 };

const signals = { early: false };
const remember = () => {
  if (signals.early) process.exit(130);
  signals.early = true;
};

/** @param {typeof import('../dist/cli/ipft.js')} loaded */
async function run({ main }) {
  process.exitCode = await main(process.argv.slice(2), () => {
    process.off('SIGINT', remember);
    process.off('SIGTERM', remember);
    return signals.early;
  });
}

/**
 * Says what is missing, where the installation is to blame; anything else is a bug.
 * @param {Error & { code?: string }} error
 */
function explain(error) {
  const missing = error.code === 'ERR_MODULE_NOT_FOUND' || error.code === 'ERR_DLOPEN_FAILED';
  if (!missing && !/\bkoffi\b/i.test(error.message)) throw error;
  const [first] = error.message.split('\n');
  fail(
    `a part is missing: ${first}`,
    'install ipft again, with optional packages (koffi has one for each machine); in a clone, run npm run setup',
  );
}

/** @param {string} message @param {string} hint */
function fail(message, hint) {
  process.stderr.write(`ipft: ${message}\n      ${hint}\n`);
  process.exitCode = 1;
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
  fail(
    `this is Node ${process.versions.node} (${process.execPath}), and ${OLDEST.major}.${OLDEST.minor} or later is needed`,
    "install a newer Node; Debian 12's and Ubuntu 24.04's own packages are too old",
  );
} else {
  // Loading the rest takes a moment: a signal that comes meanwhile is remembered, and obeyed like any other.
  process.on('SIGINT', remember);
  process.on('SIGTERM', remember);
  import('../dist/cli/ipft.js').then(run, explain);
}
