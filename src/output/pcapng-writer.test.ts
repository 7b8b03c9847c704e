import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPcapng } from '../../tests/support/pcapng.js';
import { TextBuffer } from '../base/text-buffer.js';
import { LINK_ETHERNET, LINK_RAW_IP, PcapngWriter } from './pcapng-writer.js';

const SECTION = { hardware: 'x86_64', os: 'Linux 6.12', application: 'ipft 1.2.3' };

/** What a writer has written, to the byte. */
function write(body: (writer: PcapngWriter, text: TextBuffer) => void): Buffer {
  const text = new TextBuffer(64);
  const writer = new PcapngWriter(text);
  writer.section(SECTION);
  body(writer, text);
  return Buffer.from(text.take());
}

test('PcapngWriter: a section and an interface, to the byte', () => {
  const written = write((writer) => writer.interface(LINK_ETHERNET, 'ip_rcv', 'f'));
  expect(
    written
      .toString('hex')
      .replace(/(.{8})/g, '$1 ')
      .trimEnd(),
  ).toBe(
    [
      '0a0d0d0a 4c000000 4d3c2b1a 01000000 ffffffff ffffffff',
      `02000600 7838365f 36340000 03000a00 ${Buffer.from('Linux 6.12\0\0')
        .toString('hex')
        .replace(/(.{8})/g, '$1 ')}04000a00`,
      `${Buffer.from('ipft 1.2.3\0\0')
        .toString('hex')
        .replace(/(.{8})/g, '$1 ')}00000000 4c000000`,
      '01000000 34000000 01000000 00000000 02000600 69705f72 63760000 03000100 66000000 09000100 09000000 00000000 34000000',
    ].join(' '),
  );
});

test('PcapngWriter: a packet with all options, to the byte', () => {
  const packet = write((writer, text) => {
    text.clear();
    writer.beginPacket(3, 0x11223344, 0x55667788, 5, 90_000);
    text.copy(Uint8Array.of(1, 2, 3, 4, 5));
    writer.endBytes();
    writer.beginComment();
    text.text('{}');
    expect(writer.endOption()).toBe(true);
    writer.packetId(2 ** 40 + 7);
    writer.outbound();
    writer.drops(2);
    writer.verdict(2);
    writer.endPacket();
  });
  expect(
    packet
      .toString('hex')
      .replace(/(.{8})/g, '$1 ')
      .trimEnd(),
  ).toBe(
    [
      '06000000 64000000 03000000 88776655 44332211 05000000 905f0100 01020304 05000000',
      '01000200 7b7d0000 05000800 07000000 00010000 02000400 02000000 04000800 02000000 00000000',
      '07000900 01020000 00000000 00000000 00000000 64000000',
    ].join(' '),
  );
});

test('PcapngWriter: packets and comments of any length, with text of any characters, are read as they were written', () => {
  const packets = fc.array(
    fc.record({
      bytes: fc.uint8Array({ maxLength: 300 }),
      comment: fc.string({ unit: 'grapheme', maxLength: 200 }),
      name: fc.string({ unit: 'binary', maxLength: 20 }),
      more: fc.nat(0xffff_0000),
      timeNs: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      id: fc.maxSafeNat(),
    }),
  );
  fc.assert(
    fc.property(packets, (all) => {
      const file = write((writer, text) => {
        for (const [id, { bytes, comment, name, more, timeNs, id: number }] of all.entries()) {
          writer.interface(id % 2 ? LINK_ETHERNET : LINK_RAW_IP, name, 'about');
          const [low, high] = [Number(timeNs & 0xffffffffn), Number(timeNs >> 32n)];
          writer.beginPacket(id, low, high, bytes.length, bytes.length + more);
          text.copy(bytes);
          writer.endBytes();
          writer.beginComment();
          text.text(JSON.stringify(comment));
          writer.endOption();
          writer.packetId(number);
          writer.endPacket();
        }
      });
      const [section] = readPcapng(file);
      expect(section).toMatchObject(SECTION);
      expect(section?.packets).toMatchObject(
        all.map(({ bytes, comment, name, more, timeNs, id }, index) => ({
          interface: { linkType: index % 2 ? 1 : 101, name: Buffer.from(name).toString() },
          ...{ bytes: Buffer.from(bytes), length: bytes.length + more, comment: JSON.parse(JSON.stringify(comment)) },
          ...{ timeNs, id: BigInt(id) },
        })),
      );
    }),
    { numRuns: 30 },
  );
});

test('PcapngWriter: names of addresses, each with its bytes', () => {
  const [section] = readPcapng(
    write((writer) =>
      writer.hostNames([
        { address: '10.0.0.1', name: 'db' },
        { address: 'fd11::2', name: 'db.example' },
        { address: '::ffff:192.0.2.1', name: 'mapped' },
        { address: 'fe80::1%eth0', name: 'zone' },
        { address: 'none', name: 'none' },
        { address: '1:2:3:4:5:6:7:8', name: 'e\x1b' },
      ]),
    ),
  );
  expect(section?.hostNames).toEqual([
    { address: '0a000001', names: ['db'] },
    { address: 'fd110000000000000000000000000002', names: ['db.example'] },
    { address: '00000000000000000000ffffc0000201', names: ['mapped'] },
    { address: '00010002000300040005000600070008', names: ['e\\x1b'] },
  ]);
});

test('PcapngWriter: an option that is too long is taken back; a long name is cut', () => {
  const file = write((writer, text) => {
    writer.interface(LINK_RAW_IP, 'ä'.repeat(100_000), 'about');
    writer.beginPacket(0, 0, 0, 0, 0);
    writer.endBytes();
    for (const length of [0x10000, 0xffff]) {
      writer.beginComment();
      text.repeat(0x20, length - 2);
      text.text('{}');
      expect(writer.endOption()).toBe(length === 0xffff);
    }
    writer.endPacket();
  });
  const [section] = readPcapng(file);
  expect(section?.interfaces[0]?.name).toBe('ä'.repeat(0x5555));
  expect(section?.packets).toMatchObject([{ length: 0, comment: {} }]);
});

test('PcapngWriter: statistics', () => {
  const times = { begin: { low: 1, high: 2 }, end: { low: 3, high: 4 } };
  const file = write((writer) => {
    writer.interface(LINK_RAW_IP, 'a', 'about');
    writer.statistics({ interfaceId: 0, ...times, delivered: 5 });
    writer.statistics({ interfaceId: 0, ...times, dropped: 2n ** 33n, comment: 'lost' });
  });
  const [begin, end] = [(2n << 32n) | 1n, (4n << 32n) | 3n];
  expect(readPcapng(file)[0]?.statistics).toMatchObject([
    { beginNs: begin, endNs: end, delivered: 5n, dropped: undefined, comment: undefined },
    { beginNs: begin, endNs: end, delivered: undefined, dropped: 2n ** 33n, comment: 'lost' },
  ]);
});
