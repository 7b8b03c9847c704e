/** Processes that run. */
import { readFileSync } from 'node:fs';
import { causedBy, UsageError } from '../base/errors.js';

/** @throws UsageError if there is no process with this id: none at all, or a thread of another one */
export function checkProcess(pid: number): void {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch (error) {
    throw causedBy(new UsageError(`there is no process ${pid}`), error);
  }
  const [, process] = /^Tgid:\t(\d+)$/m.exec(status) ?? [];
  if (process !== undefined && Number(process) !== pid)
    throw new UsageError(`${pid} is a thread of the process ${process}`, 'packets are those of the whole process');
}
