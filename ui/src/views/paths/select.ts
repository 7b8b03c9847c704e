/** Which paths a graph draws. Pure. */
import type { Path } from '../../trace/paths.js';

/**
 * The most frequent paths, and among them the most frequent one of each outcome, and of as many ends as take half of the
 * room: what is rare and ends elsewhere is what people look for.
 * @param paths the most frequent first
 */
export function selectPaths(paths: readonly Path[], limit: number): readonly Path[] {
  if (paths.length <= limit) return paths;
  const selected = new Set<Path>();
  const addFirstOf = (key: (path: Path) => string, room: number) => {
    const seen = new Set([...selected].map(key));
    for (const path of paths) {
      if (selected.size >= room) return;
      if (seen.has(key(path))) continue;
      seen.add(key(path));
      selected.add(path);
    }
  };
  addFirstOf(({ example }) => example.outcome, limit);
  addFirstOf(({ example }) => example.endText, Math.max(selected.size, Math.floor(limit / 2)));
  for (const path of paths) if (selected.size < limit) selected.add(path);
  return paths.filter((path) => selected.has(path));
}
