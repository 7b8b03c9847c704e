/** Recordings that a page sends. */

import { randomBytes } from 'node:crypto';
import { closeSync, constants, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { causedBy } from '../base/errors.js';
import { Recording } from '../recording/recording.js';
import { Refusal } from './http-server.js';
import { problemOf } from './messages.js';

export const MAX_RECORDING_BYTES = 2 ** 30;
/** TMPDIR may be a folder of root's alone. */
const FOLDERS = ['/var/tmp', '/tmp'];

/**
 * Keeps what is sent in a file without a name, and opens it.
 * @throws Refusal if it is too long, there is no room, or it is no recording
 */
export async function receiveRecording(name: string, body: AsyncIterable<Buffer>): Promise<Recording> {
  let fd: number | undefined;
  try {
    fd = openNameless([tmpdir(), ...FOLDERS]);
    let length = 0;
    for await (const piece of body) {
      length += piece.length;
      if (length > MAX_RECORDING_BYTES) {
        throw new Refusal(413, {
          message: `the recording is longer than ${MAX_RECORDING_BYTES >> 20} MiB`,
          hint: 'ipft ui FILE takes any',
        });
      }
      for (let at = 0; at < piece.length; ) at += writeSync(fd, piece, at);
    }
    return openRecording(`/proc/self/fd/${fd}`, name);
  } catch (error) {
    throw refusalOf(error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** @param name as messages call it @throws Refusal */
function openRecording(path: string, name: string): Recording {
  try {
    return Recording.open(path);
  } catch (error) {
    const problem = problemOf(error);
    if (!problem) throw error;
    throw causedBy(new Refusal(400, { ...problem, message: problem.message.replaceAll(path, () => name) }), error);
  }
}

/** In the first folder where that can be done. @throws the system's error of the last one */
function openNameless([folder = '', ...others]: readonly string[]): number {
  try {
    const path = join(folder, `ipft-${randomBytes(16).toString('hex')}`);
    const { O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const fd = openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    unlinkSync(path);
    return fd;
  } catch (error) {
    if (others.length === 0) throw error;
    return openNameless(others);
  }
}

function refusalOf(error: unknown): unknown {
  if (error instanceof Refusal) return error;
  const problem = problemOf(error);
  return problem ? new Refusal(400, { ...problem, message: `keeping the recording: ${problem.message}` }) : error;
}
