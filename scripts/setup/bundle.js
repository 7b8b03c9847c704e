/** What rolldown makes one file with. Names stay: a stack tells where an error came from, and errors are named by their class. */
export default {
  platform: 'node',
  external: ['koffi'],
  output: { format: 'esm', minify: { mangle: false, compress: true, codegen: { removeWhitespace: true } } },
};
