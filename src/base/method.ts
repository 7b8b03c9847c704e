/** A way to attach to functions; docs/backends.md compares them. */
export type BackendName = 'fentry-multi' | 'kprobe-multi' | 'kprobe' | 'ftrace';

/** Entries only, or entries and returns. */
export type TracerName = 'function' | 'function_graph';

// The types are unions, as docs/api.md shows them. Records make the lists: the compiler refuses one that lacks a name.
const BACKENDS: Record<BackendName, true> = { 'fentry-multi': true, 'kprobe-multi': true, kprobe: true, ftrace: true };
const TRACERS: Record<TracerName, true> = { function: true, function_graph: true };

/**
 * All backends, best first. Those that attach all functions at once come before those that attach one by one, and of
 * these kprobe, since a trampoline takes the kernel up to 0.15 s to release. docs/backends.md has the measurements.
 */
export const BACKEND_NAMES = Object.keys(BACKENDS) as readonly BackendName[];

/** Other names that the command line takes for a backend: ipftrace2's. */
export const BACKEND_ALIASES: ReadonlyMap<string, BackendName> = new Map([['fentry', 'ftrace']]);

/** All tracers; the first is the default. */
export const TRACER_NAMES = Object.keys(TRACERS) as readonly TracerName[];

/** The backend that a name or an alias means; undefined for any other word. */
export function findBackend(word: string): BackendName | undefined {
  return BACKEND_ALIASES.get(word) ?? BACKEND_NAMES.find((name) => name === word);
}
