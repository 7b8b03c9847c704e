/** Where events come from: a function of the kernel that is traced. */
export interface Target {
  /** The function's name, as the kernel's symbol table has it. */
  readonly name: string;
  /** The kernel module that holds it; `vmlinux` for the kernel proper. */
  readonly module: string;
}

/** The module name of the kernel proper. */
export const VMLINUX = 'vmlinux';
