// The smallest extension: the packet's length at each function.
import { extension } from 'ipft/extension';

export default extension({ fields: { len: (skb) => skb.len } });
