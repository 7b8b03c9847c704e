/** Backend kprobe-multi: one link for each position of the skb. Requires Linux 5.18 with CONFIG_FPROBE. */
import { SystemCallError } from '../base/errors.js';
import type { Target } from '../base/target.js';
import { linkKprobeMulti, readLinkMisses, readProgramMisses } from '../sys/bpf.js';
import type { Descriptor } from '../sys/descriptor.js';
import { EPERM, errnoName } from '../sys/errno.js';
import type { BpfObject } from '../sys/libbpf.js';
import type { Attachment, AttachProgress, Backend } from './backend.js';

const POSITIONS = [0, 1, 2, 3, 4] as const;
const programName = (position: number) => `ipft_entry_${position}`;

export const kprobeMulti: Backend = {
  name: 'kprobe-multi',
  object: 'kprobe-multi.bpf.o',

  programs(targets) {
    const positions = new Set(targets?.map(({ skbPosition }) => skbPosition) ?? POSITIONS);
    return POSITIONS.filter((position) => positions.has(position)).map(programName);
  },

  attach(object, targets, onProgress) {
    const attachment = new KprobeMultiAttachment(object, targets, onProgress);
    for (const position of POSITIONS) {
      const indices = [...targets.keys()].filter((index) => targets[index]?.skbPosition === position);
      if (indices.length > 0) attachment.add(programName(position), indices);
    }
    return attachment;
  },
};

class KprobeMultiAttachment implements Attachment {
  succeeded = 0;
  readonly failed: { target: Target; reason: string }[] = [];
  readonly #links: Descriptor[] = [];
  readonly #programs: number[] = [];

  constructor(
    readonly object: BpfObject,
    readonly targets: readonly Target[],
    readonly onProgress: AttachProgress,
  ) {}

  add(program: string, indices: readonly number[]): void {
    const fd = this.object.programFd(program);
    this.#programs.push(fd);
    try {
      this.#attach(fd, indices);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** One name that the kernel doesn't take fails the whole link: halving finds it in few steps. */
  #attach(programFd: number, indices: readonly number[]): void {
    const names = indices.map((index) => this.targets[index]!.name);
    const link = linkKprobeMulti(programFd, { names, cookies: indices });
    if (typeof link !== 'number') {
      this.#links.push(link);
      this.succeeded += indices.length;
    } else if (-link === EPERM) {
      throw new SystemCallError('bpf(BPF_LINK_CREATE)', -link, errnoName(-link), 'attaching to kernel functions');
    } else if (indices.length === 1) {
      this.failed.push({ target: this.targets[indices[0]!]!, reason: errnoName(-link) });
    } else {
      const half = indices.length >> 1;
      this.#attach(programFd, indices.slice(0, half));
      this.#attach(programFd, indices.slice(half));
      return;
    }
    this.onProgress(this.succeeded, this.failed.length);
  }

  countMisses(): bigint {
    let misses = 0n;
    for (const fd of this.#programs) misses += readProgramMisses(fd);
    for (const link of this.#links) misses += readLinkMisses(link.fd);
    return misses;
  }

  [Symbol.dispose](): void {
    for (const link of this.#links) link[Symbol.dispose]();
  }
}
