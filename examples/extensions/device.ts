// Where the packet is: device and network namespace (its inode, as `ls -iL /proc/PID/ns/net` shows it).
// As an expression:
//   --show 'skb->dev->name as device, skb->dev->ifindex, skb->dev->nd_net.net->ns.inum as netns'
import { extension } from 'ipft/extension';

export default extension({
  fields: {
    device: (skb) => skb.dev.name,
    ifindex: (skb) => skb.dev.ifindex,
    netns: (skb) => skb.dev.nd_net.net.ns.inum,
  },
});
