// Why a packet was dropped, at the functions that free it with a reason (Linux 6.10). Other events are left out.
import { arg, extension, func } from 'ipft/extension';

export default extension({
  // sk_skb_reason_drop(sk, skb, reason)
  fields: { reason: { read: () => arg(2), format: 'enum:skb_drop_reason' } },
  keep: () => func === 'sk_skb_reason_drop',
});
