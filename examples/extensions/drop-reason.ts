// Why a packet was dropped, at the function that frees it with a reason (Linux 6.10). Other events are left out.
// As an expression: -r '^sk_skb_reason_drop$' --show '(u32)arg(2) as reason:enum:skb_drop_reason'
// From Linux 5.17 on it was kfree_skb_reason(skb, reason), whose reason is arg(1).
import { arg, cast, extension, func } from 'ipft/extension';

export default extension({
  // sk_skb_reason_drop(sk, skb, reason). The upper half of the register may hold anything.
  fields: { reason: { read: () => cast('u32', arg(2)), format: 'enum:skb_drop_reason' } },
  keep: () => func === 'sk_skb_reason_drop',
});
