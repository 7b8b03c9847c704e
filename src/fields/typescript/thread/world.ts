/** The modules of an extension, as they are once they were executed. Pure. */
import type { FunctionSyntax, Syntax } from './syntax.js';

export interface Module {
  readonly syntax: Syntax;
  /** The values of what the module declares and imports. */
  scope: Readonly<Record<string, unknown>>;
}

export interface LocatedFunction {
  readonly module: Module;
  readonly syntax: FunctionSyntax;
}

/** Finds where functions were written. */
export class World {
  readonly modules: Module[] = [];
  #byText: Map<string, LocatedFunction[]> | undefined;

  /**
   * Where a function was written: known by its text. Of several that are equal, the one of that name, or else the one that
   * has the most around it, so that what it may not use is told.
   */
  locate(value: unknown, name?: string): LocatedFunction | undefined {
    if (typeof value !== 'function') return undefined;
    this.#byText ??= this.#index();
    const found = this.#byText.get(Function.prototype.toString.call(value).trim()) ?? [];
    const named = name === undefined ? undefined : found.find((one) => isCalled(one, name));
    return named ?? found.toSorted((a, b) => b.syntax.outer.size - a.syntax.outer.size)[0];
  }

  #index(): Map<string, LocatedFunction[]> {
    const found = new Map<string, LocatedFunction[]>();
    for (const module of this.modules) {
      for (const syntax of module.syntax.functions) {
        const { start, end } = syntax.node;
        const text = module.syntax.code.slice(start ?? 0, end ?? 0).trim();
        found.set(text, [...(found.get(text) ?? []), { module, syntax }]);
      }
    }
    return found;
  }
}

/** How far before a function its name may stand. */
const BEFORE = 200;

/** Whether `name:` stands before a function, or `name: { read:`. */
function isCalled({ module, syntax }: LocatedFunction, name: string): boolean {
  const start = syntax.node.start ?? 0;
  const before = module.syntax.text.slice(Math.max(0, start - BEFORE), start);
  const [, key] = /([\w$]+)['"]?\s*:\s*(?:\{(?:[^{}]*[\s,{])?read\s*:\s*)?$/.exec(before) ?? [];
  return key === name;
}
