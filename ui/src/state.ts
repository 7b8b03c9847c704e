/** What the page shows, as its address says it: a link opens the same view again. */

export const VIEWS = ['timeline', 'paths', 'table', 'compare'] as const;
export type View = (typeof VIEWS)[number];

export const GROUPS = ['none', 'flow', 'netns', 'device', 'cpu', 'outcome'] as const;
export type Group = (typeof GROUPS)[number];

export const SCALES = ['time', 'own'] as const;
/** `time`: when it happened; `own`: each packet from its own begin. */
export type Scale = (typeof SCALES)[number];

export interface ViewState {
  readonly view: View;
  /** The words that choose packets. */
  readonly find: string;
  /** The number of the journey that is shown by itself, and of the one that it is compared with. */
  readonly packet: number | undefined;
  readonly other: number | undefined;
  readonly group: Group;
  readonly scale: Scale;
  /** The part of the time that the timeline shows, in nanoseconds; undefined: all. */
  readonly from: number | undefined;
  readonly until: number | undefined;
  /** The table's order: a column's name, with `-` before it the other way round. */
  readonly sort: string;
  /** The table's columns by their names, as `number,packet,outcome`; undefined: the usual ones. */
  readonly columns: string | undefined;
  /** The paths that are chosen in the graph, by their numbers: `1-3,7`. */
  readonly node: string | undefined;
}

export const FIRST_STATE: ViewState = {
  ...{ view: 'timeline', find: '', packet: undefined, other: undefined, group: 'none', scale: 'time' },
  ...{ from: undefined, until: undefined, sort: 'begin', columns: undefined, node: undefined },
};

/** The state that an address names; what it has no sense for is as at first. @param hash with or without `#` */
export function readState(hash: string): ViewState {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const number = (key: string): number | undefined => {
    const text = given.get(key);
    const value = Number(text);
    return text === null || text === '' || !Number.isFinite(value) ? undefined : value;
  };
  const oneOf = <Value extends string>(key: string, values: readonly Value[], otherwise: Value): Value =>
    values.find((value) => value === given.get(key)) ?? otherwise;
  return {
    view: oneOf('view', VIEWS, FIRST_STATE.view),
    find: given.get('find') ?? '',
    ...{ packet: number('packet'), other: number('other'), from: number('from'), until: number('until') },
    group: oneOf('group', GROUPS, FIRST_STATE.group),
    scale: oneOf('scale', SCALES, FIRST_STATE.scale),
    sort: given.get('sort') ?? FIRST_STATE.sort,
    columns: given.get('columns') ?? undefined,
    node: given.get('node') ?? undefined,
  };
}

/** The address of a state, with `#`. */
export function writeState(state: ViewState): string {
  const written = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value !== undefined && value !== FIRST_STATE[key as keyof ViewState]) written.set(key, String(value));
  }
  return `#${written}`;
}
