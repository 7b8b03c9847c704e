/** The cases that properties are tried with are the same in each run, so that what fails fails again. */
import fc from 'fast-check';

fc.configureGlobal({ seed: Number(process.env['IPFT_SEED'] ?? 1) });
