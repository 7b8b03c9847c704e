// The time to live of an IPv4 packet, which each router counts down. Other packets are left out.
// As an expression: --where 'ip4(skb)' --show 'ip4(skb)->ttl'
import { extension, ip4 } from 'ipft/extension';

export default extension({
  fields: { ttl: (skb) => ip4(skb).ttl },
  keep: (skb) => ip4(skb),
});
