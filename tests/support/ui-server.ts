/** An `ipft ui` that runs, and what a page would ask it. */
import { type ChildProcess, execFileSync, type SpawnOptions, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { inject } from 'vitest';
import type { PartText } from '../../ui/src/trace/read.js';

export const IPFT = fileURLToPath(new URL('../../bin/ipft.js', import.meta.url));
const PATIENCE_MS = inject('patienceMs');

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array;
}

export interface Status {
  readonly revision: number;
  readonly state: string;
  readonly trace: number;
  readonly parts: number;
  readonly journeys: number;
  readonly events: number;
  readonly lost: number;
  readonly missed: number;
  readonly title: string;
  readonly words: readonly string[];
  readonly warnings: readonly string[];
  readonly summed: { readonly journeys: number; readonly events: number; readonly outcomes: Record<string, number> };
  readonly problem?: { readonly message: string; readonly at?: { readonly from: number; readonly to: number } };
}

export class RunningUi implements AsyncDisposable {
  readonly process: ChildProcess;
  #stdout = '';
  #stderr = '';
  #status: number | null | undefined;

  constructor(args: readonly string[], options: Pick<SpawnOptions, 'cwd' | 'env' | 'stdio'> = {}) {
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.process = spawn(process.execPath, [IPFT, 'ui', ...args], { stdio: [...stdio], ...options });
    this.process.stdout?.on('data', (data) => {
      this.#stdout += data;
    });
    this.process.stderr?.on('data', (data) => {
      this.#stderr += data;
    });
    this.process.on('close', (status) => {
      this.#status = status;
    });
  }

  static async start(...args: string[]): Promise<RunningUi> {
    return await RunningUi.startWith({}, ...args);
  }

  static async startWith(options: Pick<SpawnOptions, 'cwd' | 'env'>, ...args: string[]): Promise<RunningUi> {
    const ui = new RunningUi(args, options);
    await ui.until(() => ui.address !== '', 'the address');
    return ui;
  }

  /** Empty as long as it is not known. */
  get address(): string {
    return /^http:\S+(?=\n)/.exec(this.#stdout)?.[0] ?? '';
  }

  get port(): number {
    return Number(new URL(this.address).port);
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The process that serves the page. */
  get serverPid(): number {
    const { pid } = this.process;
    return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim().split(' ')[0]);
  }

  async until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
    for (const begin = performance.now(); !(await condition()); await sleep(50)) {
      if (this.#status !== undefined) throw new Error(`ipft ui ended before this: ${what}:\n${this.#stderr}`);
      if (performance.now() - begin > PATIENCE_MS) throw new Error(`this does not come: ${what}:\n${this.#stderr}`);
    }
  }

  /** @returns the exit status */
  async ended(): Promise<number | null> {
    for (const begin = performance.now(); this.#status === undefined; await sleep(50)) {
      if (performance.now() - begin > PATIENCE_MS) throw new Error(`ipft ui does not end:\n${this.#stderr}`);
    }
    return this.#status;
  }

  /** @param path behind the token */
  ask(path: string, asked: Asked = {}): Promise<Answer> {
    return ask(new URL(path, this.address), asked);
  }

  /** Asks as the page does. */
  post(path: string, body: unknown): Promise<Answer> {
    return this.ask(path, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
    });
  }

  async status(): Promise<Status> {
    return JSON.parse((await this.ask('status')).text);
  }

  /** Waits until the status is so. */
  async untilStatus(condition: (status: Status) => boolean, what: string): Promise<Status> {
    let status = await this.status();
    await this.until(async () => {
      status = await this.status();
      return condition(status);
    }, what);
    return status;
  }

  /** All parts of a trace that has ended. */
  async parts(trace: number): Promise<PartText[]> {
    const parts: PartText[] = [];
    for (let from = 0; parts.at(-1)?.kind !== 'tail'; ) {
      const { status, text } = await this.ask(`parts?trace=${trace}&from=${from}`);
      if (status !== 200) throw new Error(`asking for parts: ${status} ${text}`);
      const lines = text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      parts.push(...lines);
      from = lines.at(-1).part + 1;
    }
    return parts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#status !== undefined) return;
    this.process.kill('SIGTERM');
    await this.ended();
  }
}

/** Without any header but those that are given, and `Host`. */
export function ask(url: URL, { method = 'GET', headers = {}, body }: Asked = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (data) => {
        text += data;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    asking.on('error', reject);
    asking.end(body);
  });
}

/** Whether there is such a process. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** What a process may do, from /proc. */
export const readProcess = (pid: number) => execFileSync('cat', [`/proc/${pid}/status`], { encoding: 'latin1' });
