/** What all backends have in common. */
import type { Target } from '../base/target.js';
import type { BpfObject } from '../sys/libbpf.js';

/** What became of attaching. */
export interface Attachment extends Disposable {
  readonly succeeded: number;
  /** Functions that the kernel refused, with the reason. */
  readonly failed: readonly { readonly target: Target; readonly reason: string }[];
  /** Hits that the kernel did not hand to a program, as far as it counts them. */
  countMisses(): bigint;
}

/** How many functions are attached so far; called now and then. */
export type AttachProgress = (succeeded: number, failed: number) => void;

/** A way to attach programs to functions. */
export interface Backend {
  readonly name: BackendName;
  /** Name of the BPF object below `dist/bpf/MACHINE/`. */
  readonly object: string;
  /** The programs that these targets need; without targets, all of them. */
  programs(targets?: readonly Target[]): string[];
  /** Attaches; what the kernel refuses is counted, and does not end it. Events carry the index into `targets`. */
  attach(object: BpfObject, targets: readonly Target[], onProgress: AttachProgress): Attachment;
}

export type BackendName = 'kprobe-multi';
