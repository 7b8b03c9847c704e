/** What rolldown makes the page's script with: one file, for browsers. */
export default {
  platform: 'browser',
  transform: { jsx: { runtime: 'automatic', importSource: 'preact' }, target: 'es2023' },
  output: { format: 'esm', minify: true, codeSplitting: false },
};
