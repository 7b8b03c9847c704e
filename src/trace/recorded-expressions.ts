/** Expressions over what a recording has: `--where` and `--show` of `ipft show`. */

import type { TraceEvent } from '../base/event.js';
import { ExpressionError } from '../base/expression-error.js';
import type { ComputedField, ComputedValue, FieldLayout } from '../base/field.js';
import { join } from '../base/halves.js';
import type { TraceHeader } from '../base/record-source.js';
import { compileRecorded, type RecordedEvent } from '../expression/evaluate.js';
import { parseExpression, type ShowItem } from '../expression/parse.js';
import { withPlace } from '../expression/place.js';
import { addComputed } from '../fields/computed.js';
import type { ShowText } from '../fields/expression/show.js';
import type { StructLayout } from '../fields/layout.js';

const NOWHERE = { func: '', cpu: 0, now: 0n };

/**
 * A condition on the events of a recording: not 0, and not absent.
 * @param name what the text is to its user, as `--where`
 * @throws ExpressionError for what the recording does not tell
 */
export function compileRecordedWhere(text: string, name: string, header: TraceHeader): (event: TraceEvent) => boolean {
  const { fields } = header;
  const evaluate = withPlace(text, name, () =>
    compileRecorded(parseExpression(text), { fields: namesOf(fields), hasFacts: true }),
  );
  const read = recordedReader(header);
  return (event) => {
    const value = evaluate(read(event));
    return value !== undefined && value !== 0n && value !== '';
  };
}

/** Reads what expressions may ask of an event. */
export function recordedReader({ fields, symbols, targets }: TraceHeader): (event: TraceEvent) => RecordedEvent {
  const read = fields?.createReader(symbols);
  return ({ data, dataOffset, hasFields, target, cpu, timestampLow, timestampHigh }) => ({
    fields: read && hasFields ? read(data, dataOffset) : {},
    func: targets[target]?.name ?? '',
    ...{ cpu, now: join(timestampLow, timestampHigh) },
  });
}

/**
 * A recording's fields with more behind them, which are made of them.
 * @throws ExpressionError
 */
export function addRecordedFields(
  texts: readonly ShowText[],
  name: string,
  header: TraceHeader,
  layout: StructLayout | undefined,
): StructLayout | undefined {
  const names = namesOf(header.fields);
  const made = texts.flatMap(({ text, items }) =>
    items.map((item) =>
      withPlace(text, name, () => {
        if (!layout)
          throw new ExpressionError(
            'the recording has no fields that could be shown',
            `record some, as in: ipft record FILE --show '${item.text}'`,
            item.at,
          );
        if (names.has(item.name)) {
          throw new ExpressionError(
            `the recording has a field ${item.name}`,
            `give this one another name: ${item.text} as NAME`,
            item.at,
          );
        }
        return {
          name: item.name,
          isHex: isHex(item),
          evaluate: compileRecorded(item.expression, { fields: names, hasFacts: false }),
        };
      }),
    ),
  );
  if (!layout || made.length === 0) return layout;
  const read = layout.createReader(header.symbols);
  const compute = (data: DataView, at: number): ComputedField[] => {
    const event = { ...NOWHERE, fields: read(data, at) };
    return made.flatMap(({ name, isHex, evaluate }) => {
      const value: ComputedValue | undefined = evaluate(event);
      if (value === undefined) return [];
      return [
        { name, value: isHex && typeof value === 'bigint' ? `0x${BigInt.asUintN(64, value).toString(16)}` : value },
      ];
    });
  };
  return addComputed(layout, [{ computed: { label: name, varies: false, compute }, offset: 0 }], new Map());
}

/** Whether a number is to be shown in hexadecimal. @throws ExpressionError for other formats */
export function isHex({ format }: ShowItem): boolean {
  if (!format || format.text === 'hex') return format !== undefined;
  throw new ExpressionError(
    `the format ${format.text} is for what is recorded`,
    'of a recording there is :hex',
    format.at,
  );
}

/** The names of recorded fields. */
export function namesOf(fields: FieldLayout | undefined): ReadonlySet<string> {
  return new Set(fields?.fields.map(({ name }) => name));
}
