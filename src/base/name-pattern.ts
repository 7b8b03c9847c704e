/** A regular expression that chooses functions or modules by their names. */
export interface NamePattern {
  /** Without the flags g and y, so that it keeps no state. */
  readonly regExp: RegExp;
  /** As the user wrote it, for messages. */
  readonly text: string;
}
