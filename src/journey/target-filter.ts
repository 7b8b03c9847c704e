/** The choice of functions whose events are shown, of those that were traced. Pure. */
import type { NamePattern } from '../base/name-pattern.js';
import type { Target } from '../base/target.js';

export interface TargetPatterns {
  /** Only functions whose names match; undefined for all. */
  readonly functions?: NamePattern | undefined;
  /** Only functions of modules whose names match. */
  readonly modules?: NamePattern | undefined;
}

export class TargetFilter {
  readonly #targets: readonly Target[];
  readonly #patterns: TargetPatterns;
  /** By the target's index. */
  readonly #known: boolean[] = [];

  /** @param targets by the index that events carry; the list may grow */
  constructor(targets: readonly Target[], patterns: TargetPatterns) {
    this.#targets = targets;
    this.#patterns = patterns;
  }

  /** @param index of a target; events of an unknown one are not shown */
  shows(index: number): boolean {
    return this.#known[index] ?? this.#look(index);
  }

  #look(index: number): boolean {
    const target = this.#targets[index];
    if (!target) return false;
    const { functions, modules } = this.#patterns;
    const shows = (functions?.regExp.test(target.name) ?? true) && (modules?.regExp.test(target.module) ?? true);
    this.#known[index] = shows;
    return shows;
  }
}
