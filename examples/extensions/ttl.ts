// The time to live of an IPv4 packet, which each router counts down. Other packets are left out.
import { extension, ip4 } from 'ipft/extension';

export default extension({
  fields: { ttl: (skb) => ip4(skb).ttl },
  keep: (skb) => ip4(skb),
});
