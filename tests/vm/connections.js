/**
 * connections.js listen|connect ADDRESS STEPS…: one end of TCP connections, one after the other, with the C library's own
 * calls. STEPS of each, joined by commas: accept, read (once), drain (until the other end has closed), write, shut (for
 * writing), wait, say (a line), pause (until a line comes), close. Each connection waits for a line; a listener prints one
 * when it listens, and both print one when they are done.
 */
import { isIPv6 } from 'node:net';
import koffi from 'koffi';

const PORT = 4712;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SHUT_WR = 1;
const BYTES = 500;
const WAIT_US = 400_000;

const libc = koffi.load(null);
/** @param {string} declaration */
const call = (declaration) => {
  const f = libc.func(declaration);
  return (/** @type {unknown[]} */ ...args) => Number(f(...args));
};
const socket = call('int socket(int family, int type, int protocol)');
const setsockopt = call('int setsockopt(int fd, int level, int name, void *value, uint length)');
const bind = call('int bind(int fd, void *address, uint length)');
const listen = call('int listen(int fd, int backlog)');
const accept = call('int accept(int fd, void *address, void *length)');
const connect = call('int connect(int fd, void *address, uint length)');
const read = call('long read(int fd, void *data, ulong length)');
const write = call('long write(int fd, void *data, ulong length)');
const shutdown = call('int shutdown(int fd, int how)');
const close = call('int close(int fd)');
const usleep = call('int usleep(uint us)');

const [end = '', address = '', ...connections] = process.argv.slice(2);
const family = isIPv6(address) ? AF_INET6 : AF_INET;
const buffer = new Uint8Array(4 * BYTES);
const say = () => process.stdout.write('\n');
const pause = () => read(0, buffer, 1);
for (const steps of connections) {
  pause();
  const name = socketAddress();
  const first = socket(family, SOCK_STREAM, 0);
  let fd = first;
  if (end === 'listen') {
    setsockopt(first, SOL_SOCKET, SO_REUSEADDR, Uint32Array.of(1), 4);
    if (bind(first, name, name.length) < 0 || listen(first, 8) < 0) throw new Error(`errno ${koffi.errno()}`);
    say();
  } else if (connect(first, name, name.length) < 0) {
    throw new Error(`connect: errno ${koffi.errno()}`);
  }
  for (const step of steps.split(',')) {
    if (step === 'accept') fd = accept(first, null, null);
    else if (step === 'read') read(fd, buffer, buffer.length);
    else if (step === 'drain') while (read(fd, buffer, buffer.length) > 0);
    else if (step === 'write') write(fd, buffer, BYTES);
    else if (step === 'shut') shutdown(fd, SHUT_WR);
    else if (step === 'wait') usleep(WAIT_US);
    else if (step === 'say') say();
    else if (step === 'pause') pause();
    else if (step === 'close') close(fd);
    else throw new Error(`no step ${step}`);
  }
  close(fd);
  if (fd !== first) close(first);
  say();
}
process.exit();

/** struct sockaddr_in and sockaddr_in6, of addresses like `fd11::2`. */
function socketAddress() {
  const port = [PORT >> 8, PORT & 255];
  if (family === AF_INET)
    return Buffer.from([AF_INET, 0, ...port, ...address.split('.').map(Number), ...Array(8).fill(0)]);
  const [head = 0, tail = 0] = address.split('::').map((group) => Number.parseInt(group, 16));
  const groups = [head >> 8, head & 255, ...Array(12).fill(0), tail >> 8, tail & 255];
  return Buffer.from([AF_INET6, 0, ...port, 0, 0, 0, 0, ...groups, 0, 0, 0, 0]);
}
