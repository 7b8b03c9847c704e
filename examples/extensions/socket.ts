// The socket that the packet belongs to: its cookie (SO_COOKIE; 0 until someone asked for it), family and owner.
// As an expression:
//   --show 'skb->sk->__sk_common.skc_cookie.counter as cookie, skb->sk->__sk_common.skc_family as family'
//   --show 'skb->sk->sk_uid.val as uid'
import { extension } from 'ipft/extension';

const FAMILIES: Record<number, string> = { 1: 'unix', 2: 'inet', 10: 'inet6', 16: 'netlink', 17: 'packet' };

export default extension({
  fields: {
    cookie: (skb) => skb.sk.__sk_common.skc_cookie.counter,
    family: {
      read: (skb) => skb.sk.__sk_common.skc_family,
      show: (family: number) => FAMILIES[family] ?? family,
    },
    uid: (skb) => skb.sk.sk_uid.val,
  },
});
