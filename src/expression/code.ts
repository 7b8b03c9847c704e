/** An assembler that leaves out what can't be reached, which the kernel's verifier refuses. Pure. */
import { Assembler, type Condition, Label, type Operand, type Register } from '../bytecode/assembler.js';

/** A place that jumps lead to. All of them stand before it. */
export class Target {
  readonly label = new Label();
  isUsed = false;
}

const OPPOSITE: Readonly<Record<Condition, Condition>> = {
  ...{ '==': '!=', '!=': '==', '>': '<=', '<=': '>', '<': '>=', '>=': '<' },
  ...{ 's>': 's<=', 's<=': 's>', 's<': 's>=', 's>=': 's<' },
  // There is no opposite of it.
  set: 'set',
};

export class Code {
  readonly #asm = new Assembler();
  /** A jump that is only written if something stands between it and its target. */
  #jump: Target | undefined;
  /** Targets that are placed before the next instruction. */
  readonly #placed: Target[] = [];
  #isReachable = true;

  /** The index of the next instruction. */
  here(): number {
    this.#flush();
    return this.#asm.length;
  }

  /** Writes instructions that do not jump, where they can be reached. */
  emit(write: (asm: Assembler) => void): void {
    if (!this.#isReachable) return;
    this.#flush();
    write(this.#asm);
  }

  goto(target: Target): void {
    if (!this.#isReachable) return;
    if (this.#placed.length > 0) this.#flush();
    this.#jump = target;
    target.isUsed = true;
    this.#isReachable = false;
  }

  /**
   * Goes to one of two targets. `next` is the one that follows, if one of them does.
   * @param isHalf whether the lower halves are compared
   */
  branch(
    left: Register,
    condition: Condition,
    right: Operand,
    [yes, no]: readonly [Target, Target],
    { next, isHalf = false }: { readonly next?: Target | undefined; readonly isHalf?: boolean } = {},
  ): void {
    if (!this.#isReachable) return;
    const turned = yes === next;
    this.jumpIf(left, turned ? OPPOSITE[condition] : condition, right, turned ? no : yes, isHalf);
    this.goto(turned ? yes : no);
  }

  jumpIf(left: Register, condition: Condition, right: Operand, to: Target, isHalf = false): void {
    if (!this.#isReachable) return;
    this.#flush();
    to.isUsed = true;
    if (isHalf) this.#asm.jumpIf32(left, condition, right, to.label);
    else this.#asm.jumpIf(left, condition, right, to.label);
  }

  /** What follows can't be reached from here: the last instruction was an exit. */
  end(): void {
    this.#isReachable = false;
  }

  place(target: Target): void {
    if (!target.isUsed) return;
    this.#placed.push(target);
    this.#isReachable = true;
  }

  finish(): Assembler {
    this.#flush();
    return this.#asm;
  }

  #flush(): void {
    if (this.#jump && !this.#placed.includes(this.#jump)) this.#asm.goto(this.#jump.label);
    this.#jump = undefined;
    for (const { label } of this.#placed) this.#asm.place(label);
    this.#placed.length = 0;
  }
}
