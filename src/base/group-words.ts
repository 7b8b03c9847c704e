/** A control group, or several, in a user's words. */
export interface GroupWords {
  readonly kind: GroupKind;
  /** A path, or the name of a unit, a container (or its id), or a pod with its namespace before it. */
  readonly name: string;
}

/** By what a group is named. */
export const GROUP_KINDS = ['cgroup', 'unit', 'container', 'pod'] as const;
export type GroupKind = (typeof GROUP_KINDS)[number];
