// What connection tracking says of the packet. The module nf_conntrack must be loaded, unless the kernel's own BTF has nf_conn.
// As an expression:
//   --show 'skb->_nfct & ~7 ? (int)(skb->_nfct & 7) : -1 as state:enum:ip_conntrack_info'
//   --show '((struct nf_conn *)(skb->_nfct & ~7))->status:hex'
import { cast, extension } from 'ipft/extension';

/** The lowest three bits of the address of the nf_conn are the state. */
const STATE = 7;
const STATES = ['established', 'related', 'new_connection', 'established_reply', 'related_reply'];

export default extension({
  fields: {
    state: {
      read: (skb) => (skb._nfct & ~STATE ? skb._nfct & STATE : -1),
      show: (state: number) => STATES[state] ?? 'untracked',
    },
    status: { read: (skb) => cast('struct nf_conn', skb._nfct & ~STATE).status, format: 'hex' },
  },
});
