/** Tells of losses when they are noticed, in a line. Pure. */
import { counted } from '../base/counted.js';
import type { TraceLosses } from '../base/losses.js';

/** What has been told. */
interface Told {
  readonly cpus: ReadonlyMap<number, bigint>;
  readonly unfollowed: bigint;
  readonly ends: bigint;
  readonly unseen: bigint;
  readonly missed: bigint;
}

export class LossNotes {
  #told: Told = { cpus: new Map(), unfollowed: 0n, ends: 0n, unseen: 0n, missed: 0n };

  /**
   * What was lost since the last call, one text each; empty if nothing was.
   * @param losses since the trace began
   */
  since({ cpus, unfollowed, ends, unseen, missed }: TraceLosses): string[] {
    const told = this.#told;
    const now = {
      ...{ cpus: new Map(cpus.map(({ cpu, lost }) => [cpu, lost])), unfollowed, ends, unseen },
      missed: missed.shown + missed.deciding,
    };
    this.#told = now;
    const more = [...now.cpus]
      .map(([cpu, lost]) => ({ cpu, lost: lost - (told.cpus.get(cpu) ?? 0n) }))
      .filter(({ lost }) => lost > 0n);
    const notes: string[] = [];
    if (more.length > 0) {
      const total = more.reduce((sum, { lost }) => sum + lost, 0n);
      const each = more.map(({ cpu, lost }) => `CPU ${cpu}: ${lost}`).join(', ');
      notes.push(`${counted(total, 'event')} lost, since the ring was full (${each})`);
    }
    const tell = (kind: 'unfollowed' | 'ends' | 'unseen' | 'missed', text: (number: bigint) => string) => {
      const number = now[kind] - told[kind];
      if (number > 0n) notes.push(text(number));
    };
    tell(
      'unfollowed',
      (number) => `${counted(number, 'event')} lost, since too many packets were followed at the same time`,
    );
    tell('unseen', (number) => `${counted(number, 'packet')} of which no event found room in the ring`);
    tell('ends', (number) => `the end of ${counted(number, 'packet')} lost, since the ring was full`);
    tell(
      'missed',
      (number) => `${counted(number, 'call')} missed, of whatever packet: the CPU was within a BPF program`,
    );
    return notes;
  }
}
