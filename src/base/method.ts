/** A way to attach to functions; docs/backends.md compares them. */
export type BackendName = 'fentry-multi' | 'kprobe-multi' | 'kprobe' | 'ftrace';

/** Entries only, or entries and returns. */
export type TracerName = 'function' | 'function_graph';
