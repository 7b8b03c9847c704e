#!/usr/bin/env node
// Loading the rest takes a moment: a signal that comes meanwhile is remembered, and obeyed like any other.
const signals = { early: false };
const remember = () => {
  if (signals.early) process.exit(130);
  signals.early = true;
};
process.on('SIGINT', remember);
process.on('SIGTERM', remember);
const { main } = await import('../dist/cli/ipft.js');

process.exitCode = await main(process.argv.slice(2), () => {
  process.off('SIGINT', remember);
  process.off('SIGTERM', remember);
  return signals.early;
});
