import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { decodePng, encodePng, type Picture } from './png.js';

/** A gradient, with a line across it. */
function createPicture(width: number, height: number): Picture {
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) pixels.set(x === y ? [255, 0, 0] : [x % 16, (y % 16) * 2, 40], (y * width + x) * 3);
  return { width, height, pixels };
}

test('what was written is read again, if there is room for all colours', () => {
  const picture = createPicture(40, 30);
  expect(decodePng(encodePng(createPicture(7, 9), 256))).toEqual(createPicture(7, 9));
  const { pixels } = decodePng(encodePng(picture, 64));
  const most = pixels.reduce((worst, value, index) => Math.max(worst, Math.abs(value - picture.pixels[index]!)), 0);
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThan(32);
});

test('lines are read whatever their filter', () => {
  const { width, height, pixels } = createPicture(5, 5);
  const at = (x: number, y: number) => (x < 0 || y < 0 ? 0 : pixels[y * width * 3 + x]!);
  const guesses: ((x: number, y: number) => number)[] = [
    () => 0,
    (x, y) => at(x - 3, y),
    (x, y) => at(x, y - 1),
    (x, y) => (at(x - 3, y) + at(x, y - 1)) >> 1,
    (x, y) => {
      const [a, b, c] = [at(x - 3, y), at(x, y - 1), at(x - 3, y - 1)];
      const near = [a, b, c].map((one) => Math.abs(a + b - c - one));
      return near[0]! <= near[1]! && near[0]! <= near[2]! ? a : near[1]! <= near[2]! ? b : c;
    },
  ];
  const lines = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    lines[y * (width * 3 + 1)] = y;
    for (let x = 0; x < width * 3; x++) lines[y * (width * 3 + 1) + 1 + x] = at(x, y) - guesses[y]!(x, y);
  }
  const head = Buffer.from([...[0, 0, 0, width, 0, 0, 0, height], ...[8, 2, 0, 0, 0]]);
  const chunk = (type: string, body: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(body.length);
    return Buffer.concat([length, Buffer.from(type), body, Buffer.alloc(4)]);
  };
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const file = Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(lines))]);
  expect(decodePng(file)).toEqual({ width, height, pixels });
});

test('another file is refused', () => {
  expect(() => decodePng(Buffer.from('GIF89a'))).toThrow('no PNG');
});
