/** Writing cpio archives in the "newc" format, the one that the kernel unpacks as its initial file system. */

/**
 * @typedef {{ path: string, mode: number, data?: Buffer }} CpioEntry mode: type and permission bits as in `stat`
 */

/**
 * @param {CpioEntry[]} entries parents before their children
 * @returns {Buffer}
 */
export function writeCpio(entries) {
  const all = [...entries, { path: 'TRAILER!!!', mode: 0 }];
  return Buffer.concat(all.flatMap((entry, index) => writeEntry(entry, index + 1)));
}

/**
 * @param {CpioEntry} entry
 * @param {number} inode
 */
function writeEntry({ path, mode, data = Buffer.alloc(0) }, inode) {
  const name = Buffer.from(`${path}\0`);
  // inode, mode, uid, gid, links, mtime, size, device (2), special device (2), length of the name, checksum (unused)
  const fields = [inode, mode, 0, 0, 1, 0, data.length, 0, 0, 0, 0, name.length, 0];
  const header = Buffer.from(`070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`);
  return [header, name, padding(header.length + name.length), data, padding(data.length)];
}

/** @param {number} length */
const padding = (length) => Buffer.alloc(-length & 3);
