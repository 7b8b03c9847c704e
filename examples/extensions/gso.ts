// Length and segmentation: how much of the packet is in fragments, and into what it will be cut.
// As an expression: --show 'skb->len, skb->data_len'
//   --show '((struct skb_shared_info *)(skb->head + skb->end))->gso_size'
//   --show '((struct skb_shared_info *)(skb->head + skb->end))->gso_segs'
//   --show '((struct skb_shared_info *)(skb->head + skb->end))->gso_type:hex'
import { cast, extension, type sk_buff } from 'ipft/extension';

/** It lies behind the packet's linear part. */
const shared = (skb: sk_buff) => cast('struct skb_shared_info', skb.head + skb.end);

export default extension({
  fields: {
    len: (skb) => skb.len,
    data_len: (skb) => skb.data_len,
    gso_size: (skb) => shared(skb).gso_size,
    gso_segs: (skb) => shared(skb).gso_segs,
    gso_type: { read: (skb) => shared(skb).gso_type, format: 'hex' },
  },
});
