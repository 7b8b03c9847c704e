/** From the command line to an exit status. */
import { IpftError, loadModuleHeader, loadModuleSkeleton, printable, UsageError, VerifierError } from '../index.js';
import { check } from './check.js';
import { list } from './list.js';
import { parseCommandLine, type Request } from './options.js';
import { StdoutWriter } from './stdout.js';
import { Terminal } from './terminal.js';
import { trace } from './trace.js';

const STATUS_ERROR = 1;
const STATUS_USAGE = 2;

/**
 * Runs `ipft`.
 * @param args without the program's name
 * @returns the exit status
 */
export async function main(args: readonly string[]): Promise<number> {
  const terminal = new Terminal();
  const stdout = new StdoutWriter();
  let verbose = false;
  try {
    const request = parseCommandLine(args);
    verbose = 'verbose' in request && request.verbose;
    await run(request, terminal, stdout);
    await stdout.flush();
    if (!stdout.failure) return 0;
    terminal.line(`ipft: writing to stdout: ${stdout.failure.message}`);
    return STATUS_ERROR;
  } catch (error) {
    if (!(error instanceof IpftError)) {
      terminal.line(`bug: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      return STATUS_ERROR;
    }
    if (verbose && error instanceof VerifierError) terminal.line(printable(error.log, { multiline: true }));
    terminal.error(error);
    return error instanceof UsageError ? STATUS_USAGE : STATUS_ERROR;
  }
}

async function run(request: Request, terminal: Terminal, stdout: StdoutWriter): Promise<void> {
  switch (request.action) {
    case 'none':
      return;
    case 'generate':
      return stdout.write(
        Buffer.from(request.what === 'bpf-module-header' ? loadModuleHeader() : loadModuleSkeleton()),
      );
    case 'check':
      return check(request, terminal, stdout);
    case 'list':
      return list(request, terminal, stdout);
    case 'trace':
      return trace(request, terminal, stdout);
  }
}
