/** What `os.date` and `os.time` of Lua need: the C library's `struct tm` and `strftime`, in the C locale. Pure. */

/** Offsets of `struct tm`, all of 32 bits. */
const SEC = 0;
const MIN = 4;
const HOUR = 8;
const MDAY = 12;
const MON = 16;
const YEAR = 20;
const WDAY = 24;
const YDAY = 28;
const ISDST = 32;
const GMTOFF = 36;

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June', 'July'],
  ...['August', 'September', 'October', 'November', 'December'],
];
const DAY_MS = 86_400_000;

/** Fills a `struct tm`. @param seconds since 1970 @param isLocal whether the time is that of the machine's zone */
export function writeTime(memory: DataView, at: number, seconds: number, isLocal: boolean): void {
  const date = new Date(seconds * 1000);
  const offset = isLocal ? -date.getTimezoneOffset() * 60 : 0;
  const shown = new Date(date.getTime() + offset * 1000);
  const set = (member: number, value: number) => memory.setInt32(at + member, value, true);
  const year = shown.getUTCFullYear();
  set(SEC, shown.getUTCSeconds());
  set(MIN, shown.getUTCMinutes());
  set(HOUR, shown.getUTCHours());
  set(MDAY, shown.getUTCDate());
  set(MON, shown.getUTCMonth());
  set(YEAR, year - 1900);
  set(WDAY, shown.getUTCDay());
  set(YDAY, Math.floor((shown.getTime() - Date.UTC(year, 0, 1)) / DAY_MS));
  set(ISDST, isLocal && offset !== standardOffset(date.getFullYear()) ? 1 : 0);
  set(GMTOFF, offset);
}

/** The zone's offset when it has no summer time, in seconds. */
function standardOffset(year: number): number {
  return -60 * Math.max(new Date(year, 0, 1).getTimezoneOffset(), new Date(year, 6, 1).getTimezoneOffset());
}

/** The time of a `struct tm` in the machine's zone, whose members it brings into their ranges. @returns seconds since 1970; -1 for none */
export function readTime(memory: DataView, at: number): number {
  const get = (member: number) => memory.getInt32(at + member, true);
  const date = new Date(get(YEAR) + 1900, get(MON), get(MDAY), get(HOUR), get(MIN), get(SEC));
  const seconds = Math.floor(date.getTime() / 1000);
  if (Number.isNaN(seconds)) return -1;
  writeTime(memory, at, seconds, true);
  return seconds;
}

/** What `strftime` makes of a `struct tm`. What C does not know stays as it is. */
export function formatTime(memory: DataView, at: number, format: string): string {
  const get = (member: number) => memory.getInt32(at + member, true);
  const [second, minute, hour] = [get(SEC), get(MIN), get(HOUR)];
  const [day, month, year] = [get(MDAY), get(MON), get(YEAR) + 1900];
  const [weekday, yearDay, offset] = [get(WDAY), get(YDAY), get(GMTOFF)];
  const two = (value: number) => String(value).padStart(2, '0');
  const week = isoWeek(year, yearDay, weekday);
  const formatted = (text: string): string =>
    text.replace(/%[EO]?([\s\S])/g, (whole, letter: string) => texts[letter]?.() ?? whole);
  const texts: Readonly<Record<string, () => string>> = {
    a: () => (DAYS[weekday] ?? '?').slice(0, 3),
    A: () => DAYS[weekday] ?? '?',
    b: () => (MONTHS[month] ?? '?').slice(0, 3),
    B: () => MONTHS[month] ?? '?',
    c: () => formatted('%a %b %e %H:%M:%S %Y'),
    C: () => two(Math.floor(year / 100)),
    d: () => two(day),
    D: () => formatted('%m/%d/%y'),
    e: () => String(day).padStart(2),
    F: () => formatted('%Y-%m-%d'),
    g: () => two(week.year % 100),
    G: () => String(week.year),
    h: () => formatted('%b'),
    H: () => two(hour),
    I: () => two(hour % 12 || 12),
    j: () => String(yearDay + 1).padStart(3, '0'),
    m: () => two(month + 1),
    M: () => two(minute),
    n: () => '\n',
    p: () => (hour < 12 ? 'AM' : 'PM'),
    r: () => formatted('%I:%M:%S %p'),
    R: () => formatted('%H:%M'),
    S: () => two(second),
    t: () => '\t',
    T: () => formatted('%H:%M:%S'),
    u: () => String(weekday || 7),
    U: () => two(Math.floor((yearDay + 7 - weekday) / 7)),
    V: () => two(week.number),
    w: () => String(weekday),
    W: () => two(Math.floor((yearDay + 7 - ((weekday + 6) % 7)) / 7)),
    x: () => formatted('%m/%d/%y'),
    X: () => formatted('%H:%M:%S'),
    y: () => two(year % 100),
    Y: () => String(year),
    z: () => `${offset < 0 ? '-' : '+'}${two(Math.floor(Math.abs(offset) / 3600))}${two((Math.abs(offset) / 60) % 60)}`,
    Z: () => (offset === 0 ? 'GMT' : formatted('%z')),
    '%': () => '%',
  };
  return formatted(format);
}

/** The week of ISO 8601, and the year that it belongs to: that of its Thursday. */
function isoWeek(year: number, yearDay: number, weekday: number): { number: number; year: number } {
  const thursday = new Date(Date.UTC(year, 0, yearDay + 1 + 3 - ((weekday + 6) % 7)));
  const its = thursday.getUTCFullYear();
  return { number: Math.floor((thursday.getTime() - Date.UTC(its, 0, 1)) / DAY_MS / 7) + 1, year: its };
}
