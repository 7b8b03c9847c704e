// The smallest extension: the packet's length at each function.
// As an expression: --show 'skb->len'
import { extension } from 'ipft/extension';

export default extension({ fields: { len: (skb) => skb.len } });
