/** Takes the values of fields as JavaScript has them. */
import type { FieldWriter, ValueTaker } from '../../src/base/event.js';
import type { FieldValue } from '../../src/base/field.js';
import { join } from '../../src/base/halves.js';
import { TextBuffer } from '../../src/base/text-buffer.js';

type Open = { readonly name: string | undefined; readonly entries: [string | undefined, FieldValue][]; kind: string };

/** All that a writer gives of an event, by name. Integers are bigints. */
export function givenValues(writer: FieldWriter, data: DataView, at: number): { readonly [name: string]: FieldValue } {
  const stack: Open[] = [{ name: undefined, entries: [], kind: 'struct' }];
  let next: string | undefined;
  const add = (value: FieldValue) => {
    stack.at(-1)!.entries.push([next, value]);
    next = undefined;
  };
  const finish = ({ kind, entries }: Open): FieldValue =>
    kind === 'array'
      ? entries.map(([, value]) => value)
      : Object.fromEntries(entries.map(([name, value]) => [String(name), value]));
  const taker: ValueTaker = {
    name(name) {
      next = name;
    },
    unsigned: (low, high) => add(join(low, high)),
    signed: (low, high) => add(BigInt.asIntN(64, join(low, high))),
    boolean: add,
    double: add,
    text(write, from, offset) {
      const out = new TextBuffer(16);
      write(out, from, offset);
      add(out.takeText());
    },
    open(kind) {
      stack.push({ name: next, entries: [], kind });
      next = undefined;
    },
    close() {
      const open = stack.pop()!;
      next = open.name;
      add(finish(open));
    },
  };
  writer.values(taker, data, at);
  return finish(stack[0]!) as { readonly [name: string]: FieldValue };
}
