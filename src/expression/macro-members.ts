/**
 * Names that the kernel's source has for members, and its BTF has not, since they are macros: `sk->sk_family` is
 * `sk->__sk_common.skc_family` (include/net/sock.h, inet_sock.h, inet_timewait_sock.h). Pure.
 */
import { type FoundMember, forEachMember } from './members.js';
import { readType, type TypeRef } from './types.js';

interface Macros {
  /** The members that lead to the struct in which they are. */
  readonly through: readonly string[];
  /** The name that a member there has in the source; undefined if it has no other. */
  nameOf(member: string): string | undefined;
}

const COMMON = 'skc_';

/** All members of the struct, with another prefix. */
const withPrefix = (prefix: string) => (member: string) =>
  member.startsWith(COMMON) ? prefix + member.slice(COMMON.length) : undefined;

/** Some of its members. */
const named = (names: Readonly<Record<string, string>>) => (member: string) => names[member];

const MACROS: ReadonlyMap<string, Macros> = new Map(
  Object.entries({
    sock: { through: ['__sk_common'], nameOf: withPrefix('sk_') },
    inet_timewait_sock: { through: ['__tw_common'], nameOf: withPrefix('tw_') },
    inet_sock: {
      through: ['sk', '__sk_common'],
      nameOf: named({
        ...{ skc_daddr: 'inet_daddr', skc_rcv_saddr: 'inet_rcv_saddr' },
        ...{ skc_dport: 'inet_dport', skc_num: 'inet_num' },
      }),
    },
    inet_request_sock: {
      through: ['req', '__req_common'],
      nameOf: named({
        ...{ skc_rcv_saddr: 'ir_loc_addr', skc_daddr: 'ir_rmt_addr', skc_num: 'ir_num', skc_dport: 'ir_rmt_port' },
        ...{ skc_v6_rcv_saddr: 'ir_v6_loc_addr', skc_v6_daddr: 'ir_v6_rmt_addr', skc_bound_dev_if: 'ir_iif' },
        skc_cookie: 'ir_cookie',
      }),
    },
  }),
);

/** A member by its name in the source. */
export interface MacroMember {
  readonly name: string;
  /** The names of the members that lead to it. */
  readonly path: readonly string[];
  /** Its place in the outer struct. */
  readonly member: FoundMember;
}

/** The members that a struct has by such names. A member that it has itself counts before one of the same name here. */
export function macroMembers({ btf, id }: TypeRef): MacroMember[] {
  const macros = MACROS.get(btf.name(id));
  if (!macros) return [];
  let [struct, beginBits]: [TypeRef, number] = [{ btf, id }, 0];
  for (const step of macros.through) {
    const next = findMember(struct, step);
    const type = next && readType(next.type);
    // Another kernel may have no such member.
    if (type?.kind !== 'struct') return [];
    [struct, beginBits] = [type.ref, beginBits + next!.offsetBits];
  }
  const found: MacroMember[] = [];
  forEachMember(struct.btf, struct.id, (own, member) => {
    const name = macros.nameOf(own);
    if (name === undefined) return;
    const offsetBits = beginBits + member.offsetBits;
    found.push({ name, path: [...macros.through, own], member: { ...member, offsetBits } });
  });
  return found;
}

function findMember({ btf, id }: TypeRef, name: string): FoundMember | undefined {
  let found: FoundMember | undefined;
  forEachMember(btf, id, (own, member) => {
    if (own === name) found ??= member;
  });
  return found;
}
