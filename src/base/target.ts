/** A kernel function to attach to. */
export interface Target {
  /** The function's name, as the kernel's symbol table has it. */
  readonly name: string;
  /** The kernel module that holds it; `vmlinux` for the kernel proper. */
  readonly module: string;
  /** Position of the first `struct sk_buff *` parameter, counted from 0. */
  readonly skbPosition: number;
  /** How many parameters it has, without the `...` of a variadic one. */
  readonly parameters: number;
  /** The function's id in the BTF of its module. */
  readonly btfId: number;
  /** Where it lies, if its name alone does not tell: another function bears it, too. */
  readonly address?: bigint;
}

/** The module name of the kernel proper. */
export const VMLINUX = 'vmlinux';
