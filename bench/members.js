/** Members of packets as fields: the same in C, as expressions, and in TypeScript. */
import { loadModuleHeader } from '../dist/fields/c/skeleton.js';

/** Members of the skb that every kernel has. */
const OF_SKB = ['len', 'data_len', 'mac_len', 'queue_mapping', 'priority', 'hash', 'truesize', 'mark'];
const IS_SHORT = ['mac_len', 'queue_mapping'];
const words = (/** @type {string} */ text) => text.split(' ');
const MORE_OF_SKB = [
  ...words(
    'hdr_len cloned nohdr fclone peeked head_frag pfmemalloc pkt_type ignore_df ip_summed ooo_okay l4_hash sw_hash',
  ),
  ...words('encapsulation csum_valid csum_level skb_iif vlan_proto vlan_tci inner_protocol protocol transport_header'),
  ...words('network_header mac_header tail end head data'),
];
const DEVICE = words('mtu ifindex name flags type addr_len min_mtu max_mtu group tx_queue_len');
const SOCKET = words('sk_mark sk_priority sk_protocol sk_type sk_rcvbuf sk_sndbuf sk_err');
const COMMON = words('skc_family skc_state skc_dport skc_num skc_hash');
const OF_HEADERS = words('ip4(skb)->ttl ip4(skb)->tos ip4(skb)->saddr tcp(skb)->seq tcp(skb)->window tcp(skb)->syn');

/** As many expressions as there may be fields. */
export const SIXTY_FOUR = [
  ...[...OF_SKB, ...MORE_OF_SKB].map((name) => `skb->${name}`),
  ...DEVICE.map((name) => `skb->dev->${name}`),
  ...SOCKET.map((name) => `skb->sk->${name}`),
  ...COMMON.map((name) => `skb->sk->__sk_common.${name}`),
  ...OF_HEADERS,
];

/** What `--show` takes. @param {readonly string[]} expressions */
export function showText(expressions) {
  return expressions.map((text, index) => `${text} as f${index}`).join(', ');
}

/** The same fields as an extension in TypeScript. @param {readonly string[]} expressions */
export function typescriptText(expressions) {
  const fields = expressions.map((text, index) => `    f${index}: (skb) => ${text.replaceAll('->', '.')},`);
  return `import { extension, ip4, tcp } from 'ipft/extension';\n\nexport default extension({\n  fields: {\n${fields.join('\n')}\n  },\n});\n`;
}

/**
 * Extensions in C, and the expressions that are the same: one member of the skb, eight, and one behind a pointer.
 * @typedef {{ name: string, expressions: string[], text: string }} Extension
 * @type {[Extension, Extension, Extension]}
 */
export const EXTENSIONS = [
  ofSkb('one', OF_SKB.slice(0, 1)),
  ofSkb('eight', OF_SKB),
  {
    name: 'behind',
    expressions: ['skb->dev->mtu'],
    text: cText(
      ['unsigned int mtu'],
      ['BPF_CORE_READ(skb, dev, mtu)'],
      ['struct net_device {\n  unsigned int mtu;\n};', 'struct sk_buff {\n  struct net_device *dev;\n};'],
    ),
  },
];

/** @param {string} name @param {string[]} members */
function ofSkb(name, members) {
  const declared = members.map((member) => `${IS_SHORT.includes(member) ? '__u16' : '__u32'} ${member}`);
  const reads = members.map((member) => `BPF_CORE_READ(skb, ${member})`);
  const struct = `struct sk_buff {\n${declared.map((member) => `  ${member};\n`).join('')}};`;
  return { name, expressions: members.map((member) => `skb->${member}`), text: cText(declared, reads, [struct]) };
}

/** @param {string[]} members of the event struct @param {string[]} reads their values @param {string[]} structs of the kernel */
function cText(members, reads, structs) {
  const names = members.map((member) => member.split(' ').at(-1));
  return `${loadModuleHeader()}
struct event {
${members.map((member) => `  ${member};\n`).join('')}} __ipft_event_struct;

${structs.join('\n')}

__hidden int
module(void *ctx, struct sk_buff *skb, __u8 data[64])
{
  struct event *event = (struct event *)data;

${reads.map((read, index) => `  event->${names[index]} = ${read};\n`).join('')}
  return 0;
}
`;
}
