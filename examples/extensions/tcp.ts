// TCP: flags, sequence numbers and window. Events of other packets are left out.
// As an expression: --where 'tcp(skb)'
//   --show '((u8 *)tcp(skb))[13] as flags:hex, tcp(skb)->window, tcp(skb)->seq:be32, tcp(skb)->ack_seq:be32'
import { cast, extension, tcp } from 'ipft/extension';

/** By their bits, from the lowest. */
const FLAGS = ['fin', 'syn', 'rst', 'psh', 'ack', 'urg', 'ece', 'cwr'];

export default extension({
  fields: {
    flags: {
      // They have no name of their own as a whole: byte 13 of the header.
      read: (skb) => cast('u8 *', tcp(skb))[13],
      show: (flags: number) => FLAGS.filter((_, bit) => flags & (1 << bit)).join('|') || '<none>',
    },
    window: (skb) => tcp(skb).window,
    // Not as an address, which four bytes in network order are otherwise.
    seq: { read: (skb) => tcp(skb).seq, format: 'be32' },
    ack_seq: { read: (skb) => tcp(skb).ack_seq, format: 'be32' },
  },
  keep: (skb) => tcp(skb),
});
