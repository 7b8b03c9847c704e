/** The stack of a compiled filter, in bytes from r10; and its registers. */

/** `u64`: the skb, as a number. */
export const SKB = -8;
/** `u64`: where offset 0 of the packet is: its first header, or 4 bytes before it, if a VLAN tag is put back. */
export const BASE = -16;
/** `u64`: the length of the packet, as libpcap has it. */
export const LENGTH = -24;
/** `u32`: whether a VLAN tag is put back. */
export const IS_TAGGED = -28;
/** The length of a VLAN tag. */
export const TAG_BYTES = 4;
/** `u32`: the accelerated VLAN tag, as the skb has it. */
export const VLAN = -32;
/** 8 bytes for a value that a helper reads. */
export const SCRATCH = -40;
/** `u32`: whether the first header is Ethernet's; where a tunnel is searched. */
export const HAS_ETHERNET = -44;
/** 16 words of 32 bits: the memory of classic BPF. */
export const MEMORY = -112;
/** 72 bytes: a copy of a part of the skb, and then of the packet's first bytes. */
export const COPY = -184;
/** 16 bytes for readers without a helper: those of the packet that nearly every expression looks at. */
export const BEGINNING = -128;

/** A of classic BPF. */
export const A = 'r6';
/** X of classic BPF. */
export const X = 'r7';
/** How many bytes of the packet can be read. */
export const LIMIT = 'r8';
/** The packet, as the reader of memory wants it. */
export const PACKET = 'r9';
