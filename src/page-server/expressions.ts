/** Checks expressions before a trace is made of them. */
import { compileExpression, compileInner } from '../filter/pcap/expression.js';
import { compileWithLibpcap } from '../sys/libpcap.js';

/** @throws UsageError, an ExpressionError if it is known where it is wrong; EnvironmentError `NO_LIBPCAP` */
export function checkExpressions(expression: string | undefined, inner: string | undefined): void {
  if (expression !== undefined) compileExpression(expression, compileWithLibpcap);
  if (inner !== undefined) compileInner(inner, compileWithLibpcap);
}
