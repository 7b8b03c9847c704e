/** What can't be compiled, by the type of Babel's node, and what to write instead. Pure. */

export const REFUSED: Readonly<Record<string, readonly [string, string?]>> = {
  AwaitExpression: ['await: nothing can be waited for in the kernel', 'await it at the top of the file, into a const'],
  YieldExpression: ['yield: a field has one value'],
  NewExpression: [
    'new: there are no objects in the kernel',
    'make it at the top of the file, and use its numbers and texts',
  ],
  ThisExpression: ['this: a field has no object', 'use what the function is given'],
  ClassDeclaration: ['a class'],
  ClassExpression: ['a class'],
  RegExpLiteral: ['a regular expression', 'compare the text with ===, or use show, which runs outside of the kernel'],
  TemplateLiteral: [
    'text that is put together',
    'give its parts as fields, or use show, which runs outside of the kernel',
  ],
  TaggedTemplateExpression: ['a tagged template'],
  TryStatement: ['try: nothing is thrown in the kernel', 'what is not there is undefined: use ??'],
  ThrowStatement: ['throw: nothing is thrown in the kernel', 'return undefined'],
  ForInStatement: ['for … in', 'write: for (const one of […])'],
  LabeledStatement: ['a label', 'use break and continue without one'],
  WithStatement: ['with'],
  DebuggerStatement: ['debugger'],
  SpreadElement: ['…: how many there are is not known'],
  RestElement: ['…: how many there are is not known'],
  MetaProperty: ['import.meta', 'put it into a const at the top of the file'],
  SequenceExpression: ['several values with commas', 'write them as statements'],
};
