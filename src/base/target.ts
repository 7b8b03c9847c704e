/** A function of the kernel that is traced. */
export interface Target {
  /** The function's name, as the kernel's symbol table has it. */
  readonly name: string;
  /** The kernel module that holds it; `vmlinux` for the kernel proper. */
  readonly module: string;
  /** Position of the first `struct sk_buff *` parameter, counted from 0. */
  readonly skbPosition: number;
  /** The number of parameters, without the `...` of a variadic function. */
  readonly parameters: number;
  /** The function's id in the BTF of its module. */
  readonly btfId: number;
  /** The address; only given if another function has the same name. */
  readonly address?: bigint;
}

/** The module name of the kernel proper. */
export const VMLINUX = 'vmlinux';
