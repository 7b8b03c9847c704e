/** Whether a recording has the bytes of packets, which its header does not tell. */
import type { SourceTaker } from '../base/record-source.js';
import { Recording } from './recording.js';

/**
 * Reads a recording until it shows bytes of a packet.
 * @param paths a file, or consecutive parts of a recording in their order
 * @returns false if it has packets, and bytes of none
 * @throws RecordingError as `Recording.open`
 */
export function hasBytes(paths: readonly string[]): boolean {
  using recording = Recording.open(paths);
  const seen = { packets: false, bytes: false };
  const taker: SourceTaker = {
    event() {
      seen.packets = true;
    },
    snapshot() {
      seen.bytes = true;
    },
    ...{ began() {}, moved() {}, process() {}, ended() {}, missed() {} },
  };
  while (!recording.isOver && !seen.bytes) recording.read(taker);
  return seen.bytes || !seen.packets;
}
