/** A name of an address, as the traced machine knew it. */
export interface HostName {
  /** IPv4 or IPv6, in any form that is usual. */
  readonly address: string;
  readonly name: string;
}
