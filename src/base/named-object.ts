/** A BPF object file's bytes, with a name for messages. */
export interface NamedObject {
  readonly name: string;
  readonly bytes: Uint8Array;
}
