/** The timeline in the page: when it is drawn, and what the pointer, the wheel and the keys do. */
import type { Group, Scale } from '../../state.js';
import type { Journey, Trace } from '../../trace/trace.js';
import { type Cursor, type Detail, type Hit, OVERVIEW_HEIGHT, TimelineModel, TOP } from './model.js';
import { Painter, scrollThumb } from './paint.js';
import { assignColours, type Palette, readPalette } from './palette.js';
import { lengthOf, type Span } from './scale.js';
import { tellHit } from './tell.js';

/** What the page gets to know. */
export interface Listener {
  selected(cursor: Cursor | undefined): void;
  /** The packet shall be looked at. */
  opened(journey: number): void;
  /** The time in sight has rested; undefined: it is what is in sight at first. */
  rested(span: Span | undefined): void;
  coloured(palette: Palette): void;
}

/** A frame may take so long, in milliseconds; then less is drawn while something moves. */
const FRAME_MS = 8;
const MAX_STEP = 4;
/** What moves has come to rest after so long. */
const REST_MS = 150;
const ADDRESS_MS = 300;
/** A press becomes a drag when it has moved so far, in pixels. */
const DRAG = 4;
const ZOOM_KEY = 1.5;
const LINE = 18;
const MAX_DPR = 3;

type Drag =
  | { readonly kind: 'lanes' | 'none'; readonly x: number; readonly y: number }
  | { readonly kind: 'scroll'; readonly grip: number }
  | { readonly kind: 'window'; readonly grip: number }
  | { readonly kind: 'from' | 'until' }
  | { readonly kind: 'choose'; readonly start: number; readonly isOverview: boolean };

export class TimelineControl {
  readonly model: TimelineModel;
  readonly #box: HTMLElement;
  readonly #canvas: HTMLCanvasElement;
  readonly #tip: HTMLElement;
  readonly #listener: Listener;
  readonly #context: CanvasRenderingContext2D;
  #placeColours: Uint8Array;
  readonly #end = new AbortController();
  readonly #observer: ResizeObserver;
  #painter: Painter | undefined;
  #frame = 0;
  #ratio = 1;
  #step = 1;
  #restTimer = 0;
  #addressTimer = 0;
  #reported: Span | undefined;
  #isPrinting = false;
  /** Where the pointer is. */
  #pointer: { readonly x: number; readonly y: number } | undefined;
  #hasTip = false;
  #pressed = new Map<number, { readonly x: number; readonly y: number }>();
  #drag: Drag | undefined;
  #isDragging = false;
  #chosen: readonly [x0: number, x1: number] | undefined;

  /** @throws Error if the browser has no canvas to draw on */
  constructor(box: HTMLElement, canvas: HTMLCanvasElement, tip: HTMLElement, trace: Trace, listener: Listener) {
    this.#box = box;
    this.#canvas = canvas;
    this.#tip = tip;
    this.#listener = listener;
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser can not draw');
    this.#context = context;
    this.model = new TimelineModel(trace);
    this.#placeColours = assignColours(trace.places);
    this.#observer = new ResizeObserver(() => this.#measure());
    this.#observer.observe(box);
    this.#listen();
    this.#watchRatio();
    this.#measure();
  }

  dispose(): void {
    this.#end.abort();
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#restTimer);
    clearTimeout(this.#addressTimer);
  }

  /** The same trace, to which packets were added; `show` has to follow. */
  grow(trace: Trace): void {
    const hasPlaces = trace.places.length > this.#placeColours.length;
    this.model.trace = trace;
    if (!hasPlaces) return;
    this.#placeColours = assignColours(trace.places);
    this.#painter = undefined;
  }

  show(journeys: readonly Journey[], group: Group, scale: Scale, detail: Detail): void {
    if (scale !== this.model.scale) clearTimeout(this.#addressTimer);
    if (this.model.show(journeys, group, scale, detail)) this.#invalidate();
  }

  /** The time that the address names. */
  setSpan(from: number | undefined, until: number | undefined): void {
    const { extent } = this.model;
    if (from === undefined && until === undefined) {
      if (!this.#reported) return;
      this.#reported = undefined;
      this.model.showFirst();
    } else {
      const span = { from: from ?? extent.from, until: until ?? extent.until };
      if (span.from === this.#reported?.from && span.until === this.#reported.until) return;
      this.#reported = span;
      this.model.setSpan(span);
      this.model.follow();
    }
    this.#invalidate();
  }

  /** Selects what the address names. */
  select(journey: number | undefined): void {
    const { cursor } = this.model;
    if (journey === undefined || (cursor && 'journey' in cursor && cursor.journey === journey)) return;
    this.model.select({ journey });
    this.model.showCursor();
    this.#listener.selected({ journey });
    this.#invalidate();
  }

  foldAll(isFolded: boolean): void {
    this.model.foldAll(isFolded);
    this.#invalidate();
  }

  /** The keys and buttons that move and zoom. */
  move(what: 'in' | 'out' | 'left' | 'right' | 'all' | 'packet'): void {
    const { model } = this;
    const [left, right] = [model.gutter, model.gutter + model.plotWidth];
    const lane = model.cursorLane();
    const center = this.#zoomCenter();
    if (what === 'in') model.zoom(1 / ZOOM_KEY, center);
    else if (what === 'out') model.zoom(ZOOM_KEY, center);
    else if (what === 'left') model.pan((left - right) / 8);
    else if (what === 'right') model.pan((right - left) / 8);
    else if (what === 'all') model.showAll();
    else if (lane >= 0) model.zoomToLane(lane);
    if (what !== 'all') model.follow();
    this.#moved();
  }

  /** Keys zoom around the selected packet if it is in sight. */
  #zoomCenter(): number {
    const { model } = this;
    const middle = (model.span.from + model.span.until) / 2;
    const journey = model.journeys[model.cursorLane()];
    if (!journey) return middle;
    const origin = model.scale === 'own' ? journey.begin : 0;
    const at =
      (Math.max(journey.begin - origin, model.span.from) + Math.min(journey.end - origin, model.span.until)) / 2;
    return at >= model.span.from && at <= model.span.until ? at : middle;
  }

  #measure(): void {
    if (this.#isPrinting) return;
    this.model.resize(this.#box.clientWidth, this.#box.clientHeight);
    this.#invalidate();
  }

  #watchRatio(): void {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      this.#watchRatio();
      this.#repaint();
    };
    query.addEventListener('change', changed, { once: true, signal: this.#end.signal });
  }

  /** Reads the colours again. */
  #repaint(): void {
    this.#painter = undefined;
    this.#invalidate();
  }

  #invalidate(): void {
    if (this.#frame !== 0 || this.#end.signal.aborted) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** The time in sight is another. */
  #moved(): void {
    this.#invalidate();
    clearTimeout(this.#restTimer);
    this.#restTimer = window.setTimeout(() => {
      if (this.#step === 1) return;
      this.#step = 1;
      this.#invalidate();
    }, REST_MS);
    clearTimeout(this.#addressTimer);
    this.#addressTimer = window.setTimeout(() => this.#report(), ADDRESS_MS);
  }

  #report(): void {
    const { span, isAtFirst } = this.model;
    const next = isAtFirst ? undefined : { from: Math.round(span.from), until: Math.round(span.until) };
    if (next?.from === this.#reported?.from && next?.until === this.#reported?.until) return;
    this.#reported = next;
    this.#listener.rested(next);
  }

  #draw(): void {
    const { model } = this;
    if (model.width <= 0 || model.height <= 0) return;
    const began = performance.now();
    const ratio = Math.min(MAX_DPR, devicePixelRatio || 1);
    const [width, height] = [Math.round(model.width * ratio), Math.round(model.height * ratio)];
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#canvas.style.width = `${model.width}px`;
      this.#canvas.style.height = `${model.height}px`;
    }
    if (!this.#painter || this.#ratio !== ratio) {
      const palette = readPalette(this.#box, this.#placeColours);
      this.#ratio = ratio;
      this.#painter = new Painter(this.#context, model, palette, this.#placeColours, ratio);
      this.#listener.coloured(palette);
    }
    const hit = this.#pointer && !this.#isDragging ? model.hit(this.#pointer.x, this.#pointer.y) : undefined;
    this.#painter.draw(ratio, {
      x: this.#isDragging || (this.#pointer && this.#pointer.y < OVERVIEW_HEIGHT) ? undefined : this.#pointer?.x,
      lane: hit?.area === 'lane' ? hit.lane : -1,
      chosen: this.#chosen,
      step: this.#isPrinting ? 1 : this.#step,
      hasFocus: document.activeElement === this.#canvas,
    });
    this.#showTip(hit);
    // Less is drawn if a frame took too long, until what moves rests.
    if (performance.now() - began > FRAME_MS && this.#step < MAX_STEP) this.#step *= 2;
  }

  #showTip(hit: Hit | undefined): void {
    const pointer = this.#pointer;
    const lines = hit && pointer ? tellHit(this.model.trace, hit) : [];
    if (lines.length === 0 || !pointer) {
      if (this.#hasTip) this.#tip.hidden = true;
      this.#hasTip = false;
      return;
    }
    this.#hasTip = true;
    this.#tip.hidden = false;
    this.#tip.textContent = lines.join('\n');
    const { offsetWidth, offsetHeight } = this.#tip;
    const x = pointer.x + 14 + offsetWidth > this.model.width ? pointer.x - offsetWidth - 14 : pointer.x + 14;
    const y = pointer.y + 14 + offsetHeight > this.model.height ? pointer.y - offsetHeight - 10 : pointer.y + 14;
    this.#tip.style.left = `${Math.max(0, x)}px`;
    this.#tip.style.top = `${Math.max(0, y)}px`;
    this.#canvas.style.cursor = hit?.area === 'heading' ? 'pointer' : 'default';
  }

  #listen(): void {
    const { signal } = this.#end;
    const canvas = this.#canvas;
    canvas.addEventListener('pointerdown', (event) => this.#press(event), { signal });
    canvas.addEventListener('pointermove', (event) => this.#point(event), { signal });
    canvas.addEventListener('pointerup', (event) => this.#release(event, true), { signal });
    canvas.addEventListener('pointercancel', (event) => this.#release(event, false), { signal });
    canvas.addEventListener('pointerleave', () => this.#leave(), { signal });
    canvas.addEventListener('dblclick', (event) => this.#pressTwice(event), { signal });
    canvas.addEventListener('wheel', (event) => this.#wheel(event), { signal, passive: false });
    canvas.addEventListener('keydown', (event) => this.#key(event), { signal });
    for (const type of ['focus', 'blur']) canvas.addEventListener(type, () => this.#invalidate(), { signal });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#repaint(), { signal });
    addEventListener('beforeprint', () => this.#print(true), { signal });
    addEventListener('afterprint', () => this.#print(false), { signal });
  }

  /** Paper is white. */
  #print(isPrinting: boolean): void {
    this.#isPrinting = isPrinting;
    this.#box.style.colorScheme = isPrinting ? 'light' : '';
    this.#painter = undefined;
    if (isPrinting) {
      this.#pointer = undefined;
      this.#draw();
    } else this.#measure();
  }

  #positionOf({ clientX, clientY }: MouseEvent): { readonly x: number; readonly y: number } {
    const { left, top } = this.#canvas.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #leave(): void {
    if (this.#pressed.size > 0) return;
    this.#pointer = undefined;
    this.#invalidate();
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return;
    const at = this.#positionOf(event);
    this.#canvas.focus({ preventScroll: true });
    this.#canvas.setPointerCapture(event.pointerId);
    this.#pressed.set(event.pointerId, at);
    this.#isDragging = this.#pressed.size > 1;
    this.#drag = this.#pressed.size > 1 ? { kind: 'lanes', ...at } : this.#beginDrag(at.x, at.y);
    event.preventDefault();
  }

  #beginDrag(x: number, y: number): Drag {
    const { model } = this;
    const { area } = model.hit(x, y);
    if (area === 'scrollbar') {
      const { top, size } = scrollThumb(model);
      return { kind: 'scroll', grip: y >= top && y <= top + size ? y - top : size / 2 };
    }
    if (area === 'ruler') return { kind: 'choose', start: x, isOverview: false };
    if (area !== 'overview') return { kind: 'lanes', x, y };
    const [x0, x1] = [model.overviewXOf(model.span.from), model.overviewXOf(model.span.until)];
    const isAll = lengthOf(model.span) >= lengthOf(model.extent);
    if (Math.abs(x - x0) <= 5) return { kind: 'from' };
    if (Math.abs(x - x1) <= 5) return { kind: 'until' };
    if (!isAll && x > x0 && x < x1) return { kind: 'window', grip: x - x0 };
    return { kind: 'choose', start: x, isOverview: true };
  }

  #point(event: PointerEvent): void {
    const at = this.#positionOf(event);
    const before = this.#pressed.get(event.pointerId);
    if (!before || !this.#drag) {
      // A finger points at nothing before it touches.
      if (event.pointerType === 'touch') return;
      this.#pointer = at;
      this.#invalidate();
      return;
    }
    if (!this.#isDragging && Math.hypot(at.x - before.x, at.y - before.y) < DRAG) return;
    this.#isDragging = true;
    if (this.#pressed.size === 2) this.#pinch(event.pointerId, before, at);
    else this.#dragTo(this.#drag, before, at);
    this.#pressed.set(event.pointerId, at);
    this.#moved();
  }

  #dragTo(drag: Drag, before: { x: number; y: number }, { x, y }: { x: number; y: number }): void {
    const { model } = this;
    switch (drag.kind) {
      case 'lanes':
        model.pan(before.x - x);
        model.scrollTo(model.scrollTop + before.y - y);
        break;
      case 'scroll': {
        const { size } = scrollThumb(model);
        model.scrollTo(((y - drag.grip - TOP) / Math.max(1, model.lanesHeight - size)) * model.maxScroll);
        break;
      }
      case 'window': {
        const from = model.overviewTimeAt(x - drag.grip);
        model.setSpan({ from, until: from + lengthOf(model.span) });
        model.follow();
        break;
      }
      case 'from':
        model.setSpan({ from: Math.min(model.overviewTimeAt(x), model.span.until), until: model.span.until });
        break;
      case 'until':
        model.setSpan({ from: model.span.from, until: Math.max(model.overviewTimeAt(x), model.span.from) });
        break;
      case 'choose':
        this.#chosen = [drag.start, x];
        break;
    }
  }

  /** Two fingers: what is between them stays there. */
  #pinch(id: number, before: { x: number; y: number }, at: { x: number; y: number }): void {
    const { model } = this;
    const [other] = [...this.#pressed].filter(([one]) => one !== id).map(([, position]) => position);
    if (!other) return;
    const old = Math.hypot(before.x - other.x, before.y - other.y);
    const now = Math.hypot(at.x - other.x, at.y - other.y);
    model.pan((before.x - at.x) / 2);
    model.scrollTo(model.scrollTop + (before.y - at.y) / 2);
    if (now > 10 && old > 10) model.zoom(old / now, model.timeAt((at.x + other.x) / 2));
  }

  #release(event: PointerEvent, isDone: boolean): void {
    if (!this.#pressed.delete(event.pointerId)) return;
    const drag = this.#drag;
    if (this.#pressed.size > 0) return;
    const at = this.#positionOf(event);
    const wasDragging = this.#isDragging;
    this.#isDragging = false;
    this.#drag = undefined;
    if (isDone && wasDragging && drag?.kind === 'choose') this.#choose(drag, at.x);
    else if (isDone && !wasDragging) this.#click(at, event.pointerType === 'touch');
    this.#chosen = undefined;
    this.#invalidate();
  }

  #choose({ start, isOverview }: { readonly start: number; readonly isOverview: boolean }, x: number): void {
    const { model } = this;
    const timeOf = (at: number) => (isOverview ? model.overviewTimeAt(at) : model.timeAt(at));
    model.setSpan({ from: timeOf(Math.min(start, x)), until: timeOf(Math.max(start, x)) });
    model.follow();
    this.#moved();
  }

  #click(at: { readonly x: number; readonly y: number }, isTouch: boolean): void {
    const { model } = this;
    const hit = model.hit(at.x, at.y);
    this.#pointer = isTouch && this.#pointer?.x === at.x && this.#pointer.y === at.y ? undefined : at;
    if (hit.area === 'heading') {
      this.#select({ group: hit.group.key });
      model.toggleFold(hit.group);
      this.#listener.selected(model.cursor);
    } else if (hit.area === 'lane') {
      this.#select({ journey: hit.journey.number });
      if (hit.part === 'before' || hit.part === 'after') {
        model.showLane(hit.lane);
        this.#moved();
      }
    } else if (hit.area === 'overview') {
      const middle = model.overviewTimeAt(at.x) - lengthOf(model.span) / 2;
      model.setSpan({ from: middle, until: middle + lengthOf(model.span) });
      model.follow();
      this.#moved();
    } else if (hit.area === 'scrollbar') {
      const { top, size } = scrollThumb(model);
      const by = at.y < top ? -1 : at.y > top + size ? 1 : 0;
      model.scrollTo(model.scrollTop + by * model.lanesHeight * 0.9);
    }
  }

  #select(cursor: Cursor): void {
    this.model.select(cursor);
    this.#listener.selected(cursor);
  }

  #pressTwice(event: MouseEvent): void {
    const { x, y } = this.#positionOf(event);
    const hit = this.model.hit(x, y);
    if (hit.area === 'lane') this.model.zoomToLane(hit.lane);
    else if (hit.area === 'overview' || hit.area === 'ruler') this.model.showAll();
    else return;
    this.#moved();
  }

  #wheel(event: WheelEvent): void {
    const { model } = this;
    const { x, y } = this.#positionOf(event);
    const unit = event.deltaMode === 1 ? LINE : event.deltaMode === 2 ? model.lanesHeight : 1;
    const [dx, dy] = [event.deltaX * unit, event.deltaY * unit];
    event.preventDefault();
    if (event.ctrlKey || event.metaKey || y < TOP) {
      // A notch of a wheel is 100 or more, a step of a pinch some few.
      const factor = Math.exp(Math.max(-60, Math.min(60, dy)) * 0.008);
      model.zoom(
        factor,
        y < OVERVIEW_HEIGHT ? (model.span.from + model.span.until) / 2 : model.timeAt(Math.max(x, model.gutter)),
      );
      if (y < TOP) model.follow();
    } else if (event.shiftKey) {
      model.pan(dx || dy);
      model.follow();
    } else {
      model.pan(dx);
      model.scrollTo(model.scrollTop + dy);
    }
    this.#moved();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { model } = this;
    const page = Math.max(1, Math.floor(model.lanesHeight / 24) - 1);
    const step = (by: number) => () => {
      model.moveCursor(by);
      this.#listener.selected(model.cursor);
      this.#moved();
    };
    const keys: Record<string, () => void> = {
      ...{ ArrowLeft: () => this.move('left'), ArrowRight: () => this.move('right') },
      ...{ '+': () => this.move('in'), '=': () => this.move('in'), '-': () => this.move('out') },
      ...{ '−': () => this.move('out'), '0': () => this.move('all'), z: () => this.move('packet') },
      ...{ ArrowDown: step(1), ArrowUp: step(-1), PageDown: step(page), PageUp: step(-page) },
      ...{ Home: step(-Infinity), End: step(Infinity), Enter: () => this.#enter(), ' ': () => this.#enter() },
    };
    const action = keys[event.key];
    if (!action) return;
    action();
    event.preventDefault();
  }

  #enter(): void {
    const { model } = this;
    const group = model.cursorGroup();
    const { cursor } = model;
    if (group) {
      model.toggleFold(group);
      model.showCursor();
      this.#listener.selected(cursor);
      this.#invalidate();
    } else if (cursor && 'journey' in cursor) this.#listener.opened(cursor.journey);
  }
}
