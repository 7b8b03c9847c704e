/**
 * traffic.js PEER udp|tcp|udp-bad-checksum ADDRESS MARK BYTES: sends BYTES in one write, with the mark, from the namespace that it runs
 * in to a listener that it starts in the namespace PEER (`-`: to none). Ends when the listener has them all, and prints
 * port and cookie of the sending socket.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer, isIPv6 } from 'node:net';
import { fileURLToPath } from 'node:url';
import koffi from 'koffi';

const PORT = 4711;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_RAW = 3;
const IPPROTO_UDP = 17;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_COOKIE = 57;

/** @param {string} kind @param {string} address @param {number} bytes */
async function listen(kind, address, bytes) {
  let received = 0;
  await new Promise((resolve) => {
    const count = (/** @type {Buffer} */ data) => {
      received += data.length;
      if (received >= bytes) resolve(undefined);
    };
    const ready = () => process.stdout.write('ready\n');
    if (kind === 'tcp') createServer((socket) => socket.on('data', count)).listen(PORT, address, ready);
    else
      createSocket(isIPv6(address) ? 'udp6' : 'udp4')
        .on('message', count)
        .bind(PORT, address, ready);
  });
}

/** With the C library's own calls: Node's sockets can't be marked. @param {string} kind @param {string} address @param {number} mark @param {number} bytes */
function send(kind, address, mark, bytes) {
  const libc = koffi.load(null);
  const call = (/** @type {string} */ declaration) => {
    const f = libc.func(declaration);
    return (/** @type {unknown[]} */ ...args) => {
      const result = Number(f(...args));
      if (result < 0) throw new Error(`${f.info.name}: errno ${koffi.errno()}`);
      return result;
    };
  };
  const isRaw = kind === 'udp-bad-checksum';
  const fd = call('int socket(int family, int type, int protocol)')(
    isIPv6(address) ? AF_INET6 : AF_INET,
    isRaw ? SOCK_RAW : kind === 'tcp' ? SOCK_STREAM : SOCK_DGRAM,
    isRaw ? IPPROTO_UDP : 0,
  );
  call('int setsockopt(int fd, int level, int name, void *value, uint length)')(
    fd,
    SOL_SOCKET,
    SO_MARK,
    Uint32Array.of(mark),
    4,
  );
  const to = socketAddress(address);
  call('int connect(int fd, void *address, uint length)')(fd, to, to.length);
  const data = Buffer.alloc(bytes, 'x');
  if (isRaw) {
    // Ports, length, and a checksum that is wrong.
    for (const [index, word] of [PORT, PORT, bytes, 0xbad].entries()) data.writeUInt16BE(word, index * 2);
  }
  const write = call('long write(int fd, void *data, ulong length)');
  const own = Buffer.alloc(28);
  call('int getsockname(int fd, void *address, void *length)')(fd, own, Uint32Array.of(own.length));
  const cookie = new BigUint64Array(1);
  call('int getsockopt(int fd, int level, int name, void *value, void *length)')(
    fd,
    SOL_SOCKET,
    SO_COOKIE,
    cookie,
    Uint32Array.of(8),
  );
  for (let sent = 0; sent < bytes; ) sent += write(fd, data.subarray(sent), bytes - sent);
  process.stdout.write(`${JSON.stringify({ port: own.readUInt16BE(2), cookie: String(cookie[0]) })}\n`);
}

/** struct sockaddr_in and sockaddr_in6. @param {string} address */
function socketAddress(address) {
  if (!isIPv6(address))
    return Buffer.from([AF_INET, 0, PORT >> 8, PORT & 255, ...address.split('.').map(Number), ...new Array(8).fill(0)]);
  // `fd11::2` and the like: two groups at most, one at each end
  const [head = '', tail = ''] = address.split('::');
  const group = (/** @type {string} */ text) => [Number.parseInt(text, 16) >> 8, Number.parseInt(text, 16) & 255];
  return Buffer.from([
    AF_INET6,
    0,
    PORT >> 8,
    PORT & 255,
    0,
    0,
    0,
    0,
    ...group(head),
    ...new Array(12).fill(0),
    ...group(tail),
    0,
    0,
    0,
    0,
  ]);
}

const [peer = '', kind = '', address = '', mark = '0', bytes = '0'] = process.argv.slice(2);
if (peer === '--listen') {
  await listen(kind, address, Number(bytes));
  process.exit();
}
if (peer === '-') {
  send(kind, address, Number(mark), Number(bytes));
  process.exit();
}
const listener = spawn(
  'nsenter',
  [`--net=/run/netns/${peer}`, process.execPath, fileURLToPath(import.meta.url), '--listen', kind, address, '0', bytes],
  { stdio: ['ignore', 'pipe', 'inherit'] },
);
await new Promise((resolve) => listener.stdout.once('data', resolve));
const ended = new Promise((resolve) => listener.once('close', resolve));
send(kind, address, Number(mark), Number(bytes));
await ended;
process.exit();
