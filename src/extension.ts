/**
 * `ipft/extension`, for whoever imports an extension by itself, as its own tests may. ipft gives a module that it loads names
 * of its own in the place of these; what TypeScript's compiler is told is in `fields/typescript/api.ts`.
 */

/** What an extension is made of, as it was given. */
export function extension<T>(spec: T): T {
  return spec;
}

function refuse(name: string): () => never {
  return () => {
    throw new Error(`${name} is known in the kernel only: ipft -e FILE runs it there`);
  };
}

export const ip4 = refuse('ip4()');
export const ip6 = refuse('ip6()');
export const tcp = refuse('tcp()');
export const udp = refuse('udp()');
export const icmp = refuse('icmp()');
export const icmp6 = refuse('icmp6()');
export const eth = refuse('eth()');
export const arg = refuse('arg()');
export const ip = refuse('ip()');
export const mac = refuse('mac()');
export const ntohs = refuse('ntohs()');
export const ntohl = refuse('ntohl()');
export const htons = refuse('htons()');
export const htonl = refuse('htonl()');
export const be16_to_cpu = refuse('be16_to_cpu()');
export const be32_to_cpu = refuse('be32_to_cpu()');
export const be64_to_cpu = refuse('be64_to_cpu()');
export const cpu_to_be16 = refuse('cpu_to_be16()');
export const cpu_to_be32 = refuse('cpu_to_be32()');
export const cpu_to_be64 = refuse('cpu_to_be64()');
export const cast = refuse('cast()');
export const sizeof = refuse('sizeof()');
export const u64 = Number;
export const func = undefined;
export const cpu = undefined;
export const now = undefined;
export const pid = undefined;
export const comm = undefined;
