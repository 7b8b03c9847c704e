import type { Expression } from '../../src/expression/ast.js';

/** An expression as text, with a dot for each way to a member, and brackets around all that has two sides. */
export function writeExpression(node: Expression): string {
  const write = writeExpression;
  switch (node.kind) {
    case 'number':
      return `${node.value}${node.type === 'int' ? '' : `:${node.type}`}`;
    case 'text':
      return JSON.stringify(node.value);
    case 'name':
      return node.name;
    case 'member':
      return `${write(node.of)}.${node.name}`;
    case 'index':
      return `${write(node.of)}[${write(node.index)}]`;
    case 'call':
      return `${node.name}(${node.given.map(write).join(', ')})`;
    case 'cast': {
      const { keyword = '', name, module, pointers } = node.type;
      return `<${`${keyword} ${name}`.trim()}${module === undefined ? '' : `@${module}`}${'*'.repeat(pointers)}>${write(node.of)}`;
    }
    case 'sizeof':
      return `sizeof(${'kind' in node.of ? write(node.of) : `${node.of.keyword} ${node.of.name}${'*'.repeat(node.of.pointers)}`})`;
    case 'unary':
      return `${node.operator}${write(node.of)}`;
    case 'binary':
      return `(${write(node.left)} ${node.operator} ${write(node.right)})`;
    case 'conditional':
      return `(${write(node.condition)} ? ${write(node.then)} : ${write(node.otherwise)})`;
    case 'coalesce':
      return `(${write(node.left)} ?? ${write(node.right)})`;
    case 'absent':
      return 'absent';
  }
}
