/**
 * What TypeScript's compiler is told of the module `ipft/extension`, but for the kernel's structs, which
 * `declarations.ts` adds.
 */
export const API = `/** A number of 64 bits. The kernel computes with all of them; a value beyond 2 ** 53 is written u64(0xffff_ffff_ffff_fff8n). */
export type u64 = number & { readonly [bits]?: 64 };
/** As u64, with a sign. */
export type s64 = number & { readonly [bits]?: 64 };
declare const bits: unique symbol;
/** An address of which the kernel's types do not tell what lies there: cast() gives it a type. */
export type Address = u64;
/** The address of what has no members: pointer[0] reads it, pointer + n counts bytes where T has one. */
export type Pointer<T> = u64 & { readonly [index: number]: T };
/** An array. */
export interface Elements<T> {
  readonly [index: number]: T;
}
/** The address of a function, shown as its name. */
export interface KernelFunction {
  readonly [symbol]: 'function';
}
declare const symbol: unique symbol;

/** What a field may be: undefined where the packet has none. */
export type Value = number | bigint | string | boolean | object | null | undefined;

/** A field that says more than how it is read. */
export interface Field<T> {
  /** Compiled to BPF: runs in the kernel at each traced function. */
  readonly read: (skb: sk_buff) => T;
  /** How it is shown: hex, ipv4, ipv6, ip, mac, symbol, ns, char, string, be16, be32, be64, enum:NAME, enum_flags:NAME. */
  readonly format?: string;
  /** Runs outside of the kernel on what was read, and gives what is shown. */
  readonly show?: (value: Shown<T>) => string | number | boolean;
}

/** A value as it comes out of the kernel: numbers beyond 2 ** 53 are bigints. */
export type Shown<T> = unknown extends T ? any : T extends string ? string : T extends boolean ? boolean : T extends number ? number : any;

/** The default export of an extension. */
export interface Extension {
  readonly [extensionBrand]: true;
}
declare const extensionBrand: unique symbol;

/** Makes an extension: export default extension({ fields: { len: (skb) => skb.len } }). */
export function extension<T extends Readonly<Record<string, Value>>>(spec: {
  /** By the names that outputs show. */
  readonly fields: { readonly [K in keyof T]: ((skb: sk_buff) => T[K]) | Field<T[K]> };
  /** Events for which it gives false are left out. */
  readonly keep?: (skb: sk_buff) => unknown;
}): Extension;

/** The packet's header of IPv4; absent where it has none. */
export function ip4(skb: sk_buff): iphdr;
/** The packet's header of IPv6; absent where it has none. */
export function ip6(skb: sk_buff): ipv6hdr;
/** The packet's header of TCP; absent where it has none. */
export function tcp(skb: sk_buff): tcphdr;
/** The packet's header of UDP; absent where it has none. */
export function udp(skb: sk_buff): udphdr;
/** The packet's header of ICMP; absent where it has none. */
export function icmp(skb: sk_buff): icmphdr;
/** The packet's header of ICMPv6; absent where it has none. */
export function icmp6(skb: sk_buff): icmp6hdr;
/** The packet's header of Ethernet; absent where it has none. */
export function eth(skb: sk_buff): ethhdr;
/** Argument n of the traced function, counted from 0; absent where there is none. */
export function arg(n: number): u64;
/** An address of IPv4 or IPv6, to compare with: ip('10.0.0.1'); or a value as such an address. */
export function ip(address: string | number | object): any;
/** A hardware address, to compare with: mac('02:42:ac:11:00:02'); or a value as such an address. */
export function mac(address: string | object): any;
/** A number of 16 bits in network order, as the machine has it. Members that are declared as __be16 need none of these. */
export function ntohs(value: number): number;
export function ntohl(value: number): number;
export function htons(value: number): number;
export function htonl(value: number): number;
export function be16_to_cpu(value: number): number;
export function be32_to_cpu(value: number): number;
export function be64_to_cpu(value: number): u64;
export function cpu_to_be16(value: number): number;
export function cpu_to_be32(value: number): number;
export function cpu_to_be64(value: number): u64;
/** What lies at an address, by the name of its type: cast('struct tcphdr', skb.head + skb.transport_header). */
export function cast<K extends keyof KernelTypes>(type: K, value: Value): KernelTypes[K];
export function cast(type: string, value: Value): any;
/** The size of a type, by its name, or of a value, in bytes. */
export function sizeof(of: keyof KernelTypes | Value): number;
/** A number of 64 bits that JavaScript has no exact number for. */
export function u64(value: bigint | number): u64;
/** The traced function. */
export const func: KernelFunction | string;
/** The CPU. */
export const cpu: number;
/** The time, in nanoseconds since the machine started. */
export const now: u64;
/** The process that the function runs in, which may be any in an interrupt. */
export const pid: number;
/** The name of that process. */
export const comm: string;
`;

/** What a compiler is told where the kernel's types are not known: every member is there, and anything. */
export const OPEN_TYPES = `
/** Without the kernel's types, which \`ipft types\` writes, any member is taken. */
export type sk_buff = any;
export type iphdr = any;
export type ipv6hdr = any;
export type tcphdr = any;
export type udphdr = any;
export type ethhdr = any;
export type icmphdr = any;
export type icmp6hdr = any;
export interface KernelTypes {}
`;
