/** A long list of which only the rows in sight are in the page: a million rows scroll as a hundred do. */
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';

/** More pixels than this no browser scrolls through: rows then stand closer to each other than they are high. */
const MAX_HEIGHT = 8_000_000;
/** Rows beyond the edges, so that they are there when they come into sight. */
const MARGIN = 8;

export interface RowsProps {
  readonly count: number;
  /** The height of each row, in pixels. */
  readonly rowHeight: number;
  readonly label: string;
  /** The row that is brought into sight when it changes. */
  readonly selected?: number | undefined;
  readonly row: (index: number) => ComponentChildren;
  /** Stands above the rows, and stays there. */
  readonly head?: ComponentChildren;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  /** Whether the last row stays in sight when more come, if it was. */
  readonly sticks?: boolean;
}

export function Rows({ count, rowHeight, label, selected, row, head, onKeyDown, sticks = false }: RowsProps) {
  const box = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const whole = Math.min(count * rowHeight, MAX_HEIGHT);
  const stretch = (count * rowHeight - height) / Math.max(1, whole - height);
  useEffect(() => {
    const element = box.current;
    if (!element || selected === undefined) return;
    const at = selected * rowHeight;
    const seen = element.scrollTop * stretch;
    if (at >= seen && at + rowHeight * 2 <= seen + height) return;
    element.scrollTop = Math.max(0, at - height / 2) / stretch;
  }, [selected]);
  useLayoutEffect(() => {
    if (sticks && isAtEnd.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [count, sticks]);
  const first = Math.max(0, Math.floor((top * stretch) / rowHeight) - MARGIN);
  const last = Math.min(count, Math.ceil((top * stretch + height) / rowHeight) + MARGIN);
  const rows: ComponentChildren[] = [];
  for (let index = first; index < last; index++) rows.push(row(index));
  return (
    <div
      ref={box}
      class="rows"
      role="grid"
      aria-label={label}
      aria-rowcount={count}
      tabIndex={0}
      onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
        isAtEnd.current = scrollTop + clientHeight >= scrollHeight - rowHeight;
        setTop(scrollTop);
      }}
      onKeyDown={onKeyDown}
    >
      {head}
      <div style={{ height: `${whole}px`, position: 'relative' }}>
        <div style={{ position: 'absolute', insetInline: 0, top: `${top + first * rowHeight - top * stretch}px` }}>
          {rows}
        </div>
      </div>
    </div>
  );
}
