/** What `ipft/extension` exports to a module that is loaded: names that stand for what the kernel side knows. Pure. */

/** What an extension's default export holds. */
export interface GivenExtension {
  readonly spec: unknown;
}

const extensions = new WeakMap<object, GivenExtension>();
const names = new WeakMap<object, string>();

/** What `extension()` was given; undefined for anything else. */
export function findExtension(value: unknown): GivenExtension | undefined {
  return typeof value === 'object' && value !== null ? extensions.get(value) : undefined;
}

/** The name that a placeholder stands for. */
export function findName(value: unknown): string | undefined {
  return typeof value === 'function' ? names.get(value) : undefined;
}

/** The module, with a placeholder for each name that is asked of it. */
export function createExtensionModule(): Record<string, unknown> {
  const made = new Map<string, unknown>([['extension', extension]]);
  // What has a `then` would be waited for.
  const isName = (name: string | symbol) => typeof name === 'string' && name !== 'default' && name !== 'then';
  return new Proxy({} as Record<string, unknown>, {
    has: (_, name) => isName(name),
    get(_, name) {
      if (typeof name !== 'string' || !isName(name)) return undefined;
      if (!made.has(name)) made.set(name, createPlaceholder(name));
      return made.get(name);
    },
  });
}

function extension(spec: unknown): object {
  const made = Object.freeze({});
  extensions.set(made, { spec });
  return made;
}

function createPlaceholder(name: string): unknown {
  const refuse = () => {
    throw new Error(`${name} is known in the kernel only: use it in the function of a field`);
  };
  const placeholder = Object.assign(() => refuse(), { [Symbol.toPrimitive]: refuse });
  names.set(placeholder, name);
  return placeholder;
}
