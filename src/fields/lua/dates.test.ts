import { expect, test } from 'vitest';
import { formatTime, readTime, writeTime } from './dates.js';

const memory = new DataView(new ArrayBuffer(44));

function format(seconds: number, text: string): string {
  writeTime(memory, 0, seconds, false);
  return formatTime(memory, 0, text);
}

test('formatTime: as strftime in the C locale', () => {
  const at = Date.UTC(2026, 10, 27, 8, 5, 9) / 1000;
  expect(format(at, '%a %A %b %B %c|%C %d %D %e %F')).toBe(
    'Fri Friday Nov November Fri Nov 27 08:05:09 2026|20 27 11/27/26 27 2026-11-27',
  );
  expect(format(at, '%g %G %h %H %I %j %m %M%n%p %r %R')).toBe('26 2026 Nov 08 08 331 11 05\nAM 08:05:09 AM 08:05');
  expect(format(at, '%S%t%T %u %U %V %w %W %x %X %y %Y %z %Z %%')).toBe(
    '09\t08:05:09 5 47 48 5 47 11/27/26 08:05:09 26 2026 +0000 GMT %',
  );
  expect(format(at, '%Ey %Od %Q')).toBe('26 27 %Q');
});

test('formatTime: weeks of ISO 8601 at the ends of years', () => {
  const week = (year: number, month: number, day: number) => format(Date.UTC(year, month, day) / 1000, '%G-%V-%u');
  expect(week(2021, 0, 3)).toBe('2020-53-7');
  expect(week(2024, 11, 30)).toBe('2025-01-1');
  expect(week(2026, 0, 1)).toBe('2026-01-4');
});

test('readTime: brings members into their ranges', () => {
  writeTime(memory, 0, 1_700_000_000, true);
  expect(readTime(memory, 0)).toBe(1_700_000_000);
  memory.setInt32(0, memory.getInt32(0, true) + 3600, true);
  expect(readTime(memory, 0)).toBe(1_700_003_600);
  expect(memory.getInt32(0, true)).toBeLessThan(60);
});
