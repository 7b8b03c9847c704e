/** Reads the PNG files that a browser makes of a page, and writes small ones: a page has few colours. */
import { crc32, deflateSync, inflateSync } from 'node:zlib';

/**
 * @typedef {object} Picture
 * @property {number} width
 * @property {number} height
 * @property {Uint8Array} pixels red, green and blue of each
 */

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const RGB = 2;
const INDEXED = 3;
const RGBA = 6;

/**
 * @param {Buffer} file 8 bits a channel, not interlaced: with colours, as browsers write them, or with a table of them
 * @returns {Picture}
 * @throws Error if it is another kind
 */
export function decodePng(file) {
  if (!file.subarray(0, 8).equals(SIGNATURE)) throw new Error('this is no PNG');
  let [width, height, kind] = [0, 0, 0];
  /** @type {Buffer[]} */
  const data = [];
  /** @type {Uint8Array} */
  let palette = new Uint8Array();
  for (let at = 8; at + 12 <= file.length; ) {
    const length = file.readUInt32BE(at);
    const type = file.toString('latin1', at + 4, at + 8);
    const body = file.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      [width, height, kind] = [body.readUInt32BE(0), body.readUInt32BE(4), body[9] ?? 0];
      if (body[8] !== 8 || ![RGB, INDEXED, RGBA].includes(kind) || body[12] !== 0)
        throw new Error('only PNG with 8 bits a channel, not interlaced');
    } else if (type === 'PLTE') palette = body;
    else if (type === 'IDAT') data.push(body);
    at += 12 + length;
  }
  const channels = kind === RGBA ? 4 : kind === RGB ? 3 : 1;
  const raw = unfilter(inflateSync(Buffer.concat(data)), width * channels, height, channels);
  const pixels = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) {
    const [from, at] = kind === INDEXED ? [palette, (raw[i] ?? 0) * 3] : [raw, i * channels];
    for (let channel = 0; channel < 3; channel++) pixels[i * 3 + channel] = from[at + channel] ?? 0;
  }
  return { width, height, pixels };
}

/**
 * @param {Uint8Array} bytes lines, each with the number of its filter before it
 * @param {number} stride bytes of a line @param {number} lines @param {number} step bytes of a pixel
 */
function unfilter(bytes, stride, lines, step) {
  const raw = new Uint8Array(stride * lines);
  for (let line = 0; line < lines; line++) {
    const filter = bytes[line * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const at = line * stride + x;
      const left = x >= step ? (raw[at - step] ?? 0) : 0;
      const up = line > 0 ? (raw[at - stride] ?? 0) : 0;
      const corner = line > 0 && x >= step ? (raw[at - stride - step] ?? 0) : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter ?? 0] ?? 0;
      raw[at] = (bytes[line * (stride + 1) + 1 + x] ?? 0) + guess;
    }
  }
  return raw;
}

/** @param {number} left @param {number} up @param {number} corner */
function paeth(left, up, corner) {
  const guess = left + up - corner;
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - up), Math.abs(guess - corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** @param {Picture} picture @param {number} colours how many are kept, 256 at most: others become the nearest of them */
export function encodePng({ width, height, pixels }, colours) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  const colourAt = (/** @type {number} */ i) =>
    ((pixels[i * 3] ?? 0) << 16) | ((pixels[i * 3 + 1] ?? 0) << 8) | (pixels[i * 3 + 2] ?? 0);
  for (let i = 0; i < width * height; i++) counts.set(colourAt(i), (counts.get(colourAt(i)) ?? 0) + 1);
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).map(([colour]) => colour);
  const kept = sorted.slice(0, colours);
  const indexes = new Map(sorted.map((colour, index) => [colour, index < colours ? index : nearest(kept, colour)]));
  const lines = Buffer.alloc((width + 1) * height);
  for (let i = 0; i < width * height; i++)
    lines[Math.floor(i / width) * (width + 1) + 1 + (i % width)] = indexes.get(colourAt(i)) ?? 0;
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, INDEXED, 0, 0, 0], 8);
  const palette = Buffer.from(kept.flatMap((colour) => [colour >> 16, (colour >> 8) & 255, colour & 255]));
  return Buffer.concat([
    ...[SIGNATURE, chunk('IHDR', head), chunk('PLTE', palette)],
    ...[chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })), chunk('IEND', Buffer.alloc(0))],
  ]);
}

/** @param {readonly number[]} kept @param {number} colour */
function nearest(kept, colour) {
  let [best, least] = [0, Number.POSITIVE_INFINITY];
  for (const [index, one] of kept.entries()) {
    let distance = 0;
    for (const shift of [0, 8, 16]) distance += (((one >> shift) & 255) - ((colour >> shift) & 255)) ** 2;
    if (distance < least) [best, least] = [index, distance];
  }
  return best;
}

/** @param {string} type @param {Buffer} body */
function chunk(type, body) {
  const bytes = Buffer.alloc(12 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(body, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + body.length)), 8 + body.length);
  return bytes;
}
