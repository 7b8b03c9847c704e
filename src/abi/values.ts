/** Values that more than one struct holds. */

/** A journey id. It is less than 2^53: no trace lasts long enough to reach that. */
export function readJourneyId(view: DataView, at: number): number {
  return view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x100000000;
}

/** A char array as text, up to its first zero byte. */
export function decodeText(view: DataView, at: number, size: number): string {
  let length = 0;
  while (length < size && view.getUint8(at + length) !== 0) length++;
  return Buffer.from(view.buffer, view.byteOffset + at, length).toString('utf8');
}
