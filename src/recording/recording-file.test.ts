import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IpftError } from '../base/errors.js';
import { createRecordingFile, openRecordingFile } from './recording-file.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-recording-file-'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(dir, { recursive: true, force: true });
});

test('openRecordingFile: a new file is for its owner alone', async () => {
  const path = join(dir, 'new');
  const file = openRecordingFile(path);
  const large = Buffer.alloc((2 << 20) + 5, 'x');
  await file.write(large);
  await file.write(Buffer.from('y'));
  await file.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, 'latin1')).toBe(`${large}y`);
});

test('openRecordingFile: an existing file is replaced, but not before something is written', async () => {
  const path = join(dir, 'old');
  writeFileSync(path, 'what was there before');
  chmodSync(path, 0o640);
  await openRecordingFile(path).close();
  expect(readFileSync(path, 'utf8')).toBe('what was there before');
  const file = openRecordingFile(path);
  await file.write(Buffer.from('new'));
  await file.close();
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('openRecordingFile: a new file that nothing was written to goes again', async () => {
  const path = join(dir, 'new');
  await openRecordingFile(path).close();
  expect(existsSync(path)).toBe(false);
});

test('openRecordingFile: links, directories, pipes and devices are refused, and named', () => {
  symlinkSync(join(dir, 'target'), join(dir, 'link'));
  execFileSync('mkfifo', [join(dir, 'fifo')]);
  for (const path of [join(dir, 'link'), dir, join(dir, 'fifo'), '/dev/zero', '/dev/full', join(dir, 'no/such')]) {
    expect(() => openRecordingFile(path), path).toThrow(IpftError);
    expect(() => openRecordingFile(path), path).toThrow(`writing the recording ${path}: `);
  }
  expect(readdirSync(dir).sort()).toEqual(['fifo', 'link']);
});

test('openRecordingFile: a full disk is an error that names the file', async () => {
  // A limit of file sizes acts as a full disk does, for one process.
  const script = `
    import { openRecordingFile } from './dist/recording/recording-file.js';
    process.on('SIGXFSZ', () => {});
    const file = openRecordingFile(${JSON.stringify(join(dir, 'large'))});
    await file.write(new Uint8Array(1 << 20)).catch(({ code, message, hint }) => console.log(code, message, '|', hint));
  `;
  const out = execFileSync('sh', ['-c', 'ulimit -f 100; exec node --input-type=module -e "$1"', 'sh', script]);
  expect(String(out)).toMatch(/^RECORDING writing the recording .*\/large: EFBIG: .* \| name a new or a regular file/);
});

test('createRecordingFile: nothing that is there is opened', async () => {
  const path = join(dir, 'one');
  const file = createRecordingFile(path);
  expect(createRecordingFile(path)).toBeUndefined();
  symlinkSync(join(dir, 'target'), join(dir, 'link'));
  expect(createRecordingFile(join(dir, 'link'))).toBeUndefined();
  expect(() => createRecordingFile(join(dir, 'no/such'))).toThrow(IpftError);
  await file!.close();
});

test('RecordingFile.remove: another file that has its name meanwhile stays', async () => {
  const path = join(dir, 'one');
  const file = createRecordingFile(path)!;
  await file.write(Buffer.from('x'));
  await file.close();
  renameSync(path, join(dir, 'moved'));
  writeFileSync(path, 'of somebody else');
  file.remove();
  expect(readFileSync(path, 'utf8')).toBe('of somebody else');
  rmSync(path);
  file.remove();
  renameSync(join(dir, 'moved'), path);
  file.remove();
  expect(existsSync(path)).toBe(false);
});

test.runIf(process.geteuid?.() === 0)('openRecordingFile: under sudo a new file is the calling user’s', async () => {
  vi.stubEnv('SUDO_UID', '1234');
  vi.stubEnv('SUDO_GID', '5678');
  const path = join(dir, 'new');
  const file = openRecordingFile(path);
  await file.write(Buffer.from('x'));
  expect(statSync(path)).toMatchObject({ uid: 1234, gid: 5678 });
  const old = join(dir, 'old');
  writeFileSync(old, '');
  await openRecordingFile(old).write(Buffer.from('x'));
  expect(statSync(old)).toMatchObject({ uid: 0, gid: 0 });
  vi.stubEnv('SUDO_UID', '-1');
  const odd = join(dir, 'odd');
  mkdirSync(join(dir, 'sub'));
  createRecordingFile(odd);
  expect(statSync(odd)).toMatchObject({ uid: 0, gid: 0 });
});
