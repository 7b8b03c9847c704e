/** What the numbers look like: a table, a plot, and docs/performance.md, in which both stand. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {import('./rows.js').Row} Row */
/** @typedef {import('./rows.js').Curve} Curve */

const RESULTS = 'bench/results.json';
const DOCUMENT = 'docs/performance.md';
const PLOT = 'docs/performance.svg';

/** @param {string} root @returns {{ rows: Row[], curves: Curve[] }} */
export function loadResults(root) {
  const file = join(root, RESULTS);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { rows: [], curves: [] };
}

/** A row measures the same as another one if all of this is equal; kernels by their series: `6.12`. */
const series = (/** @type {string} */ kernel) => /^\d+\.\d+/.exec(kernel)?.[0] ?? kernel;
const rowKey = (/** @type {Row} */ row) =>
  [
    row.what.replace(/\d+ functions/, 'functions'),
    series(row.kernel),
    row.backend ?? row.browser?.replace(/\d+/, ''),
    row.against.replace(/,.*/, ''),
  ].join('|');
const curveKey = (/** @type {Curve} */ curve) => [curve.what, series(curve.kernel)].join('|');

/**
 * Keeps the numbers in the place of former ones, and renders the documents.
 * @param {string} root
 * @param {{ rows: Row[], curves: Curve[] }} found
 */
export function keepResults(root, found) {
  const before = loadResults(root);
  const merge = (/** @type {any[]} */ old, /** @type {any[]} */ fresh, /** @type {(one: any) => string} */ keyOf) => {
    const keys = new Set(fresh.map(keyOf));
    return [...old.filter((one) => !keys.has(keyOf(one))), ...fresh].sort((a, b) => compareKernels(a.kernel, b.kernel));
  };
  const rows = merge(before.rows, found.rows, rowKey);
  const curves = merge(before.curves, found.curves, curveKey);
  writeFileSync(join(root, RESULTS), `${JSON.stringify({ rows, curves }, undefined, 1)}\n`);
  writeFileSync(join(root, PLOT), renderPlot(curves));
  const file = join(root, DOCUMENT);
  if (!existsSync(file)) return;
  const text = readFileSync(file, 'utf8');
  const [inBrowser, others] = [true, false].map((is) => rows.filter(({ browser }) => (browser !== undefined) === is));
  const tables = { table: renderMarkdown(others ?? []), costs: renderCosts(rows), pages: renderPages(inBrowser ?? []) };
  writeFileSync(
    file,
    Object.entries(tables).reduce((whole, [name, content]) => fill(whole, name, content), text),
  );
}

/**
 * Replaces what stands between two comments.
 * @param {string} text
 * @param {string} name
 * @param {string} content
 */
function fill(text, name, content) {
  const [begin, end] = [`<!-- ${name} -->\n`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < 0) throw new Error(`${DOCUMENT} has no place for ${name}`);
  return `${text.slice(0, from + begin.length)}\n${content}\n\n${text.slice(to)}`;
}

/** @param {string} a @param {string} b */
function compareKernels(a, b) {
  const [left = 0, right = 0] = [a, b].map((kernel) => {
    const [major = 0, minor = 0] = (kernel || '0').split('.').map(Number.parseFloat);
    return major * 1000 + minor;
  });
  return left - right;
}

const number = (/** @type {number} */ value) =>
  value >= 1e4 ? Math.round(value).toLocaleString('en') : value >= 100 ? value.toFixed(0) : value.toPrecision(3);
const ratio = (/** @type {number} */ value) => (value < 0.1 ? value.toPrecision(2) : value.toFixed(2));

/** @param {Row} row */
function cells(row) {
  const spread = row.runs > 1 && row.low !== row.high ? ` (${ratio(row.low)}–${ratio(row.high)})` : '';
  return [
    ...[series(row.kernel), row.backend ?? row.browser ?? '', row.what, `${number(row.value)} ${row.unit}`],
    ...[`${row.against}: ${number(row.floor)}`, `${ratio(row.ratio)}${spread}`, row.goal ?? ''],
  ];
}

const HEADINGS = ['Linux', 'backend', 'what', 'measured', 'against', 'ratio (spread)', 'goal'];

/**
 * For a terminal, with the ratio of the last run.
 * @param {Row[]} rows
 * @param {Row[]} before
 */
export function renderTable(rows, before) {
  const last = new Map(before.map((row) => [rowKey(row), row]));
  const lines = [
    [...HEADINGS, 'before'],
    ...rows.map((row) => {
      const former = last.get(rowKey(row));
      return [...cells(row), former ? ratio(former.ratio) : ''];
    }),
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  return lines
    .map(
      (line) =>
        `${line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
}

/** @param {Row[]} rows */
function renderMarkdown(rows) {
  const line = (/** @type {string[]} */ columns) => `| ${columns.join(' | ')} |`;
  return [line(HEADINGS), line(HEADINGS.map(() => '---')), ...rows.map((row) => line(cells(row)))].join('\n');
}

/** The rows of pages, which no kernel has a part in. @param {Row[]} rows */
function renderPages(rows) {
  const line = (/** @type {string[]} */ columns) => `| ${columns.slice(1).join(' | ')} |`;
  const headings = HEADINGS.map((heading) => (heading === 'backend' ? 'browser' : heading));
  return [headings, headings.map(() => '---'), ...rows.map(cells)].map(line).join('\n');
}

const INSTRUCTIONS_A_SECOND = 4e9;
const PART_OF_CPU = 0.1;
const FUNCTIONS_A_PACKET = [30, 3];

/** What a call costs on each kernel with each backend, and at what rate of packets that hurts. @param {Row[]} rows */
function renderCosts(rows) {
  const columns = ['packet that does not match', 'packet that matches', 'packet that matches, skeleton extension'];
  const headings = [
    'Linux',
    'backend',
    'no match',
    'match',
    'match, small extension',
    'hurts at, all functions',
    '… a tenth of them',
  ];
  const lines = [headings, headings.map(() => '---')];
  for (const { kernel, backend = '', what, value: cost } of [...rows].reverse()) {
    if (what !== `${columns[0]}: a call`) continue;
    const costs = columns.map((column) => {
      const found = rows.find(
        (row) => row.kernel === kernel && row.backend === backend && row.what === `${column}: a call`,
      );
      return found ? found.value.toFixed(0) : '';
    });
    const rates = FUNCTIONS_A_PACKET.map((functions) => {
      const rate = (INSTRUCTIONS_A_SECOND * PART_OF_CPU) / (functions * cost);
      return `${Number(rate.toPrecision(2)).toLocaleString('en')} packets/s`;
    });
    lines.push([series(kernel), `\`${backend}\``, ...costs, ...rates]);
  }
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const [WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM] = [420, 300, 60, 36, 16, 48];
const COLORS = ['#1b6ca8', '#c2410c', '#3f7d20', '#7e3ff2', '#a3195b', '#57606a', '#0f766e', '#b45309'];

/** Both axes are logarithmic: what grows as its cause does is a line of the slope that is drawn in grey. @param {Curve[]} curves */
function renderPlot(curves) {
  const panels = ['functions', 'events'].map((x) => curves.filter((curve) => curve.x === x));
  const parts = panels.map(
    (those, index) => `<g transform="translate(${index * (WIDTH + 240)} 0)">${renderPanel(those)}</g>`,
  );
  const size = `width="${panels.length * (WIDTH + 240)}" height="${HEIGHT}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="12">\n<title>How start, stop and JSON grow</title>\n<rect ${size} fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}

/** @param {Curve[]} curves */
function renderPanel(curves) {
  const points = curves.flatMap((curve) => curve.points);
  if (points.length === 0) return '';
  const decades = (/** @type {number[]} */ values) => [
    Math.floor(Math.log10(Math.min(...values))),
    Math.ceil(Math.log10(Math.max(...values))),
  ];
  const [x0 = 0, x1 = 1] = decades(points.map(([x]) => x));
  const [y0 = 0, y1 = 1] = decades(points.map(([, y]) => y));
  const across = (/** @type {number} */ x) => LEFT + ((Math.log10(x) - x0) / (x1 - x0)) * (WIDTH - LEFT - RIGHT);
  const down = (/** @type {number} */ y) =>
    HEIGHT - BOTTOM - ((Math.log10(y) - y0) / (y1 - y0)) * (HEIGHT - TOP - BOTTOM);
  const text = (/** @type {number} */ x, /** @type {number} */ y, /** @type {string} */ content, more = '') =>
    `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${content}</text>`;
  const range = (/** @type {number} */ from, /** @type {number} */ to) =>
    Array.from({ length: to - from + 1 }, (_, i) => 10 ** (from + i));
  const grid = [
    ...range(x0, x1).map(
      (x) =>
        `<path d="M${across(x)} ${TOP}V${HEIGHT - BOTTOM}" stroke="#ddd"/>${text(across(x), HEIGHT - BOTTOM + 16, x.toLocaleString('en'), 'text-anchor="middle"')}`,
    ),
    ...range(y0, y1).map(
      (y) =>
        `<path d="M${LEFT} ${down(y)}H${WIDTH - RIGHT}" stroke="#ddd"/>${text(LEFT - 6, down(y) + 4, String(y), 'text-anchor="end"')}`,
    ),
  ];
  const lines = curves.map(({ what, kernel, points: its }, index) => {
    const color = COLORS[index % COLORS.length];
    const path = its.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${across(x).toFixed(1)} ${down(y).toFixed(1)}`).join('');
    const dots = its
      .map(([x, y]) => `<circle cx="${across(x).toFixed(1)}" cy="${down(y).toFixed(1)}" r="3" fill="${color}"/>`)
      .join('');
    return `<path d="${path}" fill="none" stroke="${color}" stroke-width="2"/>${dots}${text(WIDTH, TOP + 16 + index * 18, `${what}, ${series(kernel)}`, `fill="${color}"`)}`;
  });
  const first = curves[0];
  // From the left corner of the first curve, as it would be if time grew with the cause.
  const [fromX = 1, fromY = 1] = first?.points[0] ?? [];
  const toX = Math.min(10 ** x1, fromX * (10 ** y1 / fromY));
  const slope = `<path d="M${across(fromX)} ${down(fromY)}L${across(toX)} ${down((fromY * toX) / fromX)}" stroke="#999" stroke-dasharray="4 4"/>`;
  return [
    ...[...grid, slope, ...lines],
    text(LEFT, TOP - 14, `${first?.y} by ${first?.x}; dashed: linear`, 'font-weight="bold"'),
  ].join('\n');
}
