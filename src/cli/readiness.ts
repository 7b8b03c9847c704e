/** Ways for a script to wait until tracing is ready. */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, lstatSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import { causedBy, IpftError } from '../base/errors.js';
import { printable } from '../base/printable.js';

/**
 * Removes the file of an earlier run, which would be mistaken for this run's, and checks that the file can be written.
 * @throws IpftError `READY_FILE`; also where something else than a regular file is there: a device or a pipe must not
 * be replaced
 */
export function prepareReadyFile(path: string): void {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats && !stats.isFile()) throw new Error('there is something that is no regular file');
    accessSync(dirname(path), constants.W_OK);
    rmSync(path, { force: true });
  } catch (error) {
    throw readyFileError(path, error);
  }
}

/** Writes the file in one step, and never through a symbolic link. */
export function writeReadyFile(path: string): void {
  const partial = `${path}.${randomBytes(8).toString('hex')}`;
  try {
    writeFileSync(partial, `${process.pid}\n`, { flag: 'wx' });
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw readyFileError(path, error);
  }
}

function readyFileError(path: string, error: unknown): IpftError {
  return causedBy(
    new IpftError('READY_FILE', `writing the ready file ${printable(path)}: ${(error as Error).message}`),
    error,
  );
}

/** Accepts connections on the loopback address, and ends them at once. */
export async function startProbeServer(port: number): Promise<Server> {
  // `end` would wait for a client that keeps its side open.
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const problem = `listening on 127.0.0.1:${port}: ${error.code}`;
      reject(causedBy(new IpftError('PROBE_SERVER', problem, 'choose another --probe-server-port'), error));
    });
    server.listen(port, '127.0.0.1', resolve);
  });
  return server;
}
