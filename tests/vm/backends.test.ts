/** Every backend that this kernel has, on the same packets. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  compiled,
  example,
  extension,
  IPFT,
  ipft,
  Network,
  parseEvents,
  run,
  splitJson,
  Tracing,
  traceWhile,
  until,
} from './harness.js';
import {
  askDoctor,
  HAS_ALL_TESTS,
  KERNEL,
  LARGEST_METHODS,
  MAIN_METHODS,
  METHODS,
  type Method,
  optionsOf,
  SOME_METHODS,
  testMethod,
} from './kernels.js';

let network: Network;
beforeAll(() => {
  execFileSync('modprobe', ['veth']);
  network = new Network();
  // Nobody answers: what is traced is the way of the packet that is sent, and nothing else.
  execFileSync('ip', ['netns', 'exec', network.there, 'sysctl', '-qw', 'net.ipv4.icmp_echo_ignore_all=1']);
});
afterAll(() => network?.[Symbol.dispose]());

const isGraph = (method: Method) => method.endsWith('function_graph');
/** Functions on the way of a sent packet, on every kernel, of the kernel proper. */
const WAY = ['ip_output', 'ip_finish_output', 'ip_finish_output2', '__dev_queue_xmit', 'dev_hard_start_xmit'];
const ONLY_WAY = ['-r', `^(${WAY.join('|')})$`];
/** These, others around them, and one of a module that has BTF on most kernels. */
const MORE = [...WAY, '__ip_local_out', 'nf_hook_slow', 'veth_xmit', 'skb_scrub_packet'];

const pingUnanswered = (mark: number) =>
  run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', String(mark), '10.11.0.2']);

/** What is shown of a packet, and what was said at the end. */
interface Whole {
  readonly events: Record<string, unknown>[];
  readonly stderr: string;
  readonly status: number | null;
}

/**
 * A packet of which the kernel has left out no call, as it does where an interrupt comes within another program: sends,
 * until there is one.
 */
async function traceWhole(args: readonly string[], send: () => unknown): Promise<Whole> {
  using tracing = new Tracing([...args, '-o', 'json']);
  await tracing.ready();
  const find = () => {
    const { journeys, events } = splitJson(tracing.stdout.slice(0, tracing.stdout.lastIndexOf('\n') + 1));
    const whole = journeys.find(({ gap }) => !gap);
    return events.filter((event) => whole !== undefined && event['journey'] === whole.journey);
  };
  await tracing.until(() => {
    send();
    return find().length > 0;
  }, 'a packet of which all calls were seen');
  const { stderr, status } = await tracing.stop();
  return { events: find(), stderr, status };
}

/** How the kernel's own function_graph shows the way of a packet: the names, indented by the depth of their calls. */
function traceByKernel(names: readonly string[], send: () => unknown): string[] {
  const tracefs = '/sys/kernel/tracing';
  const available = readFileSync(`${tracefs}/available_filter_functions`, 'latin1').split('\n');
  const numbers = [...available.keys()].filter((index) => names.includes(available[index]?.split(' ')[0] ?? ''));
  writeFileSync(`${tracefs}/set_ftrace_filter`, numbers.map((index) => index + 1).join('\n'));
  writeFileSync(`${tracefs}/current_tracer`, 'function_graph');
  writeFileSync(`${tracefs}/trace`, '');
  send();
  writeFileSync(`${tracefs}/tracing_on`, '0');
  const text = readFileSync(`${tracefs}/trace`, 'latin1');
  writeFileSync(`${tracefs}/current_tracer`, 'nop');
  writeFileSync(`${tracefs}/set_ftrace_filter`, '');
  writeFileSync(`${tracefs}/tracing_on`, '1');
  // ` 1)               |    ip_output() {` or ` 1)   1.234 us    |      veth_xmit [veth]();`: depth 0 has two spaces.
  return [...text.matchAll(/^ *\d+\).*\|( +)(\w+)(?: \[\w+\])?\(\)(?: \{|;)/gm)].map(
    ([, indent = '', name = '']) => `${'  '.repeat((indent.length - 2) / 2)}${name}`,
  );
}

/** The same of our events. */
function nestingOf(events: readonly Record<string, unknown>[]): string[] {
  const nesting: string[] = [];
  const open: unknown[] = [];
  for (const event of events) {
    if (event['is_return']) expect(event['function']).toBe(open.pop());
    else nesting.push(`${'  '.repeat(open.push(event['function']) - 1)}${event['function']}`);
  }
  expect(open).toEqual([]);
  return nesting;
}

describe('the same packet', () => {
  const seen = new Map<Method, string[]>();
  let byKernel: string[];
  beforeAll(() => {
    const names = MORE.filter((name) => KERNEL.hasModuleBtf || name !== 'veth_xmit');
    byKernel = traceByKernel(names, () => pingUnanswered(21));
  });

  for (const method of LARGEST_METHODS) {
    testMethod(
      method,
      'shows its way, nested as the kernel nests it, with what an extension finds, on the stack that docs/backends.md says',
      async () => {
        const bytes = (method.endsWith(' function') ? 448 : 416) - 32;
        const object = compiled(extension('arguments.bpf.c'), `-DSTACK_BYTES=${bytes}`);
        const args = [...optionsOf(method), '-m', '21', '-e', object, '-r', `^(${MORE.join('|')})$`];
        const { events, stderr, status } = await traceWhole(args, () => pingUnanswered(21));
        expect(stderr).not.toContain('bug:');
        expect(status).toBe(0);
        const entries = events.filter((event) => event['is_return'] === false);
        seen.set(
          method,
          entries.map((event) => String(event['function'])),
        );
        expect(seen.get(method)?.filter((name) => WAY.includes(name))).toEqual(WAY);
        for (const event of entries) expect([84, 98]).toContain(event['len']); // 20 IP + 8 ICMP + 56; + 14 Ethernet
        expect(new Set(events.map((event) => event['packet_id'])).size).toBe(1);
        // (net, sock, skb)
        for (const event of entries.filter(({ function: name }) => /^ip_(output|finish_output2)$/.test(String(name)))) {
          expect(event).toMatchObject({ found: [0, 0, 0, -22, -22, -22, -22, -22], room: bytes - 8 });
        }
        if (!isGraph(method)) return;
        const nesting = nestingOf(events);
        // Before and behind it may be other packets: of neighbour discovery, for example.
        expect(
          byKernel.some((_, at) => nesting.every((line, i) => byKernel[at + i] === line)),
          `the kernel: ${byKernel}; ipft: ${nesting}`,
        ).toBe(true);
        expect(events.filter((event) => event['partner'] !== undefined)).toEqual([]);
      },
    );
  }

  test('is seen in the same functions, in the same order, by all', () => {
    const [first, ...others] = [...seen];
    expect(first).toBeDefined();
    for (const [method, names] of others) expect(names, `${method}, not as ${first?.[0]}`).toEqual(first?.[1]);
  });
});

describe.runIf(SOME_METHODS.some(isGraph))('function_graph', () => {
  for (const method of SOME_METHODS.filter(isGraph)) {
    testMethod(method, 'depth is right and lost partners are named when the ring is too small', async () => {
      const args = [...optionsOf(method), '-m', '25', '--ring-size', '4K', '--fold', 'never', ...ONLY_WAY];
      let sent = 0;
      const flood = () => {
        const ping = ['ping', '-q', '-f', '-c', '200', '-l', '64', '-W', '1', '-m', '25', '10.11.0.2'];
        // On one CPU: depth is counted for each, and a task that the kernel moves within a call begins anew on the next.
        const { stdout } = run('ip', ['netns', 'exec', network.here, 'taskset', '-c', '0', ...ping]);
        sent = Number(/(\d+) packets transmitted/.exec(stdout)?.[1]);
      };
      const result = await traceWhile(args, flood);
      const lost = Number(/warning: (\d+) events were lost/.exec(result.stderr)?.[1]);
      const lines = result.stdout.split('\n').filter((line) => /^\d+ +\d{3} /.test(line));
      expect(lost).toBeGreaterThan(0);
      expect(lines.length + lost).toBe(2 * WAY.length * sent);
      for (const line of lines) {
        const [, indent = '', name = ''] = /^\d+ +\d{3} +\S+ ( *)(?:(\w+)\(\) \{|\} )/.exec(line) ?? [];
        if (name !== '') expect(indent.length, line).toBe(2 * WAY.indexOf(name));
      }
      expect(findUnpaired(result.stdout.split('\n'))).toBe('');

      // What a stream can know of it is the same for all.
      if (!HAS_ALL_TESTS) return;
      const json = await traceWhile([...args, '-o', 'json'], flood);
      const events = parseEvents(json.stdout);
      const whole = events.filter((event) => event['partner'] === undefined);
      expect(whole.filter((event) => event['is_return'])).toHaveLength(whole.length / 2);
    });
  }

  for (const method of SOME_METHODS.filter(isGraph)) {
    testMethod(
      method,
      'returns carry fields until the skb is freed, and none after an extension dropped them',
      async () => {
        const args = [
          ...optionsOf(method),
          '-m',
          '23',
          '-r',
          '^(kfree_skb|kfree_skbmem|sk_skb_reason_drop|kfree_skb_reason|__kfree_skb)$',
        ];
        // To a port of its own where nobody listens: it keeps its mark until it is dropped there.
        const result = await traceWhile([...args, '-e', compiled(example('skb-len.bpf.c'))], () =>
          network.sendInVain('127.0.0.1', 23, 100),
        );
        const lines = result.stdout.split('\n').slice(2);
        expect(
          lines.some((line) => /kfree_skbmem\(\) \{ +\( len: \d+ \)$/.test(line)),
          result.stdout,
        ).toBe(true);
        const returns = lines.filter((line) => line.includes('}'));
        expect(returns.length).toBeGreaterThanOrEqual(2);
        for (const line of returns) expect(line).toMatch(/\} \d+\.\d{3}us skb freed$/);

        // What an extension drops is the same for all.
        if (!HAS_ALL_TESTS) return;
        const dropping = await traceWhile(
          [...optionsOf(method), '-m', '24', '-o', 'json', '-e', extension('drop-some.bpf.c'), ...ONLY_WAY],
          () => pingUnanswered(24),
        );
        // It drops the entries of packets without an Ethernet header, and the returns of the others.
        const events = parseEvents(dropping.stdout);
        expect(events.map((event) => [event['function'], event['is_return'], event['len']])).toEqual([
          ['__dev_queue_xmit', false, 98],
          ['dev_hard_start_xmit', false, 98],
          ['dev_hard_start_xmit', true, undefined],
          ['__dev_queue_xmit', true, undefined],
        ]);
      },
    );
  }
});

/** The lines around the first one that says it has a partner, and has none; empty if there is none. */
function findUnpaired(lines: readonly string[]): string {
  let open: number[] = [];
  const around = (at: number) => lines.slice(Math.max(0, at - 12), at + 12).join('\n');
  for (const [at, line] of [...lines, '==='].entries()) {
    if (line.startsWith('===')) {
      if (open.length > 0) return `no return:\n${around(open[0]!)}`;
      open = [];
    }
    const [, indent = '', what = ''] = /^\d+ +\d{3} +\S+ ( *)(\S.*)$/.exec(line) ?? [];
    if (what.endsWith('{')) open.push(at);
    if (!/^\} \d/.test(what)) continue;
    const entry = open.pop();
    const entryIndent = entry === undefined ? undefined : /^\d+ +\d{3} +\S+ ( *)/.exec(lines[entry]!)?.[1];
    if (entryIndent !== indent) return `no entry:\n${around(at)}`;
  }
  return '';
}

describe('what only some reach', () => {
  const TRAMPOLINES = KERNEL.chosen.function === 'fentry-multi' ? 'fentry-multi function' : 'ftrace function';
  testMethod(TRAMPOLINES, 'an skb behind the fifth argument', async () => {
    // To itself, so that the mark stays: the lookup of the receiving socket has the skb as its eighth or ninth.
    const args = [
      ...optionsOf(TRAMPOLINES),
      '-m',
      '26',
      '-r',
      '^__udp4_lib_lookup$',
      '-o',
      'json',
      '-e',
      compiled(example('skb-len.bpf.c')),
    ];
    using tracing = new Tracing(args);
    try {
      await tracing.ready();
    } catch (error) {
      // Before Linux 6.6 or so trampolines take six arguments.
      expect(String(error)).toContain("ENOTSUPP: this kernel's trampolines can't take its arguments");
      expect(askDoctor().chosen.function).toBe('kprobe');
      return;
    }
    network.sendInVain('127.0.0.1', 26, 100);
    const result = await tracing.stop();
    expect(parseEvents(result.stdout).map((event) => event['len'])).toEqual([108]); // UDP's header, and 100
  });

  for (const method of MAIN_METHODS.filter((one) => one.endsWith(' function'))) {
    testMethod(method, 'lists what it can attach to, and with -v what it can not and why', async () => {
      const listed = ipft('-l', '-v', ...optionsOf(method));
      expect(listed.status).toBe(0);
      const positions = listed.stdout
        .trimEnd()
        .split('\n')
        .map((row) => Number(row.split('\t')[3]));
      expect(positions.length).toBeGreaterThan(1000);
      const isTrampoline = /^f/.test(method);
      expect(Math.max(...positions)).toBeGreaterThanOrEqual(isTrampoline ? 5 : 2);
      if (!isTrampoline) expect(Math.max(...positions)).toBeLessThan(6);
      const [, count] = /^(\d+) functions that take an skb can't be traced with \S+:$/m.exec(listed.stderr) ?? [];
      const counts = [...listed.stderr.matchAll(/^ {2}(\d+): .+: (\S.*)$/gm)];
      expect(counts.reduce((sum, [, number]) => sum + Number(number), 0)).toBe(Number(count));
      for (const [, number, names = ''] of counts) expect(names.split(', ')).toHaveLength(Number(number));
      const reason = isTrampoline
        ? 'a trampoline takes no variable number of arguments: '
        : 'its skb is not among the first 6 arguments: ';
      expect(listed.stderr).toContain(reason);
    });
  }

  test('what the kernel lacks is refused with what it has', () => {
    for (const method of METHODS.filter((one) => one.endsWith(' function'))) {
      if (KERNEL.methods.includes(method)) continue;
      const result = ipft(...optionsOf(method), '-m', '1');
      expect(result.status).toBe(1);
      expect(result.stderr).toMatch(/^ipft: the backend \S+ does not work here: this kernel /m);
      expect(result.stderr).toContain('what works: -b ');
    }
  });
});

describe('--follow-modules', () => {
  test('traces functions of modules that are loaded while tracing', async () => {
    run('modprobe', ['-r', 'dummy']);
    using tracing = new Tracing(['-m', '27', '--follow-modules', '-r', '^(ip_output|dummy_xmit)$', '-o', 'json']);
    await tracing.ready();
    execFileSync('modprobe', ['dummy', 'numdummies=0']);
    await tracing.until(() => /[Mm]odule dummy/.test(tracing.stderr), 'a word about the module');
    const ip = (...args: string[]) => execFileSync('ip', ['-n', network.here, ...args]);
    ip('link', 'add', 'dummy0', 'type', 'dummy');
    ip('addr', 'add', '10.12.0.1/24', 'dev', 'dummy0');
    ip('link', 'set', 'dummy0', 'up');
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', '27', '10.12.0.77']);
    ip('neigh', 'replace', '10.12.0.77', 'lladdr', '02:00:00:00:00:01', 'dev', 'dummy0');
    run('ip', ['netns', 'exec', network.here, 'ping', '-q', '-c', '1', '-W', '0.1', '-m', '27', '10.12.0.77']);
    const result = await tracing.stop();
    ip('link', 'del', 'dummy0');
    const names = parseEvents(result.stdout).map((event) => `${event['module']} ${event['function']}`);
    expect(names).toContain('vmlinux ip_output');
    if (KERNEL.hasModuleBtf) expect(names).toContain('dummy dummy_xmit');
    else expect(result.stderr).toContain('the module dummy was loaded; its functions are not traced: no BTF');
  });
});

describe('capabilities instead of root', () => {
  const CAPS = ['bpf', 'perfmon'];
  /** ipft with these capabilities, and no others; tracefs belongs to this user. */
  const withCapabilities = (caps: readonly string[]) => {
    const list = caps.map((cap) => `+${cap}`).join(',');
    return ['--inh-caps', `-all,${list}`, '--bounding-set', `-all,${list}`];
  };

  // The oldest kernel asks for more, with each of them.
  const some = KERNEL.hasModuleBtf ? MAIN_METHODS : METHODS;
  for (const method of some.filter((one) => one.endsWith(' function'))) {
    testMethod(method, 'traces functions of the kernel proper with CAP_BPF and CAP_PERFMON', async () => {
      // Before Linux 5.11 locked memory is limited, before 5.15 the addresses of functions are looked up.
      const old = KERNEL.hasModuleBtf ? [] : ['sys_resource', 'syslog'];
      // Debian and others ask for CAP_SYS_ADMIN at 3.
      if (method.startsWith('kprobe ')) writeFileSync('/proc/sys/kernel/perf_event_paranoid', '2');
      const node = [process.execPath, IPFT, ...optionsOf(method), '-m', '28', ...ONLY_WAY, '-o', 'json'];
      using tracing = new Tracing([], {}, ['setpriv', ...withCapabilities([...CAPS, ...old]), ...node]);
      await tracing.ready();
      pingUnanswered(28);
      const result = await tracing.stop();
      const entries = parseEvents(result.stdout).filter((event) => !event['is_return']);
      expect(entries.map((event) => event['function'])).toEqual(WAY);
    });
  }

  testMethod('ftrace function', 'says what of modules it leaves out without CAP_SYS_ADMIN', async () => {
    if (!KERNEL.hasModuleBtf) return;
    const node = [process.execPath, IPFT, '-b', 'ftrace', '-l', '-r', 'veth_xmit'];
    const listed = run('setpriv', [...withCapabilities(CAPS), ...node]);
    expect(listed.status).toBe(1);
    expect(listed.stderr).toContain('BTF of modules needs CAP_SYS_ADMIN');
  });

  testMethod('kprobe function', 'names the setting that forbids it', async () => {
    const level = '/proc/sys/kernel/perf_event_paranoid';
    writeFileSync(level, '3');
    const node = [process.execPath, IPFT, '-b', 'kprobe', '-m', '28', '-r', '^nothing$'];
    const refused = run('setpriv', [...withCapabilities(CAPS), ...node]);
    writeFileSync(level, '2');
    expect(refused.stderr).toMatch(/sysctl kernel.perf_event_paranoid=2|the filters leave none/);
  });
});

describe('ipft doctor', () => {
  test('tells the truth about this kernel', () => {
    const { checks, tracers, chosen } = askDoctor();
    const result = (name: string) => checks.find((check) => check.name === name);
    expect(chosen).toEqual(KERNEL.chosen);
    const working = tracers.filter(({ works }) => works).map(({ backend, tracer }) => `${backend} ${tracer}`);
    expect(working.sort()).toEqual([...KERNEL.methods].sort());
    expect(result('kernel')?.result).toContain(run('uname', ['-r']).stdout.trim());
    expect(result('lockdown')?.result).toBe('none');
    const symbols = readFileSync('/proc/kallsyms', 'latin1');
    expect(result('bpf_rdonly_cast')?.status === 'ok').toBe(/ bpf_rdonly_cast$/m.test(symbols));
    expect(result('fentry.multi')?.status === 'ok').toBe(/ bpf_tracing_multi_attach$/m.test(symbols));
    expect(result('kprobe sessions')?.status === 'ok').toBe(/ bpf_session_cookie$/m.test(symbols));
    expect(result('BTF of modules')?.status === 'ok').toBe(existsSync('/sys/kernel/btf/veth'));
    const config = run('sh', ['-c', 'cat /lib/modules/*/build/.config /boot/config-$(uname -r) 2>/dev/null']).stdout;
    if (config !== '') expect(result('kprobe.multi (FPROBE)')?.status === 'ok').toBe(/^CONFIG_FPROBE=y/m.test(config));
    expect(result('libbpf')?.result).toMatch(/^v1\.\d+/);
    if (!HAS_ALL_TESTS) return;
    const text = ipft('doctor').stdout;
    expect(text).toContain(`-t function: ${KERNEL.chosen.function} is taken`);
    expect(text).toContain(`-t function_graph: ${KERNEL.chosen.function_graph} is taken`);
  });

  test('without privileges tells what can be known', () => {
    const result = run('setpriv', ['--bounding-set=-all', '--inh-caps=-all', process.execPath, IPFT, 'doctor']);
    expect(result.status).toBe(1);
    expect(result.stdout).toMatch(/^BAD {2}capabilities +missing: CAP_BPF, CAP_PERFMON$/m);
    expect(result.stdout).toMatch(/^ ok {2}BTF of the kernel +\d+ types$/m);
    expect(result.stdout).toMatch(/^ {2}\? {2}kprobe events +asking the kernel needs root/m);
  });
});

describe('Ctrl-C', () => {
  /** Programs, links and kprobes that are there. */
  const left = () => [
    ...(run('bpftool', ['prog', 'show']).stdout.match(/name ipft\w*/g) ?? []),
    ...(run('bpftool', ['link', 'show']).stdout.match(/^\d+: .*/gm) ?? []),
    ...readFileSync('/sys/kernel/debug/kprobes/list', 'latin1').split('\n').filter(Boolean),
  ];

  const nothingIsLeft = () =>
    until(
      () => left().length === 0,
      () => `nothing is left: ${left()}`,
    );

  /** How many descriptors of a kind a process has: none when it has ended. */
  const count = (pid: number, kind: RegExp) => {
    const names = run('find', [`/proc/${pid}/fd`, '-type', 'l', '-printf', '%l\\n']).stdout.split('\n');
    return names.filter((name) => kind.test(name)).length;
  };
  const ATTACHED = /bpf[_-]link|perf_event/;
  /** Until it has loaded what comes behind its handler, the signal may end it, as it does any program. */
  const takesSignals = (pid: number) => readFileSync(`/proc/${pid}/maps`, 'latin1').includes('koffi');

  /** Interrupts a trace at a moment: nothing is traced, nothing stays. Whether it said that it is ready. */
  const interrupt = async (args: readonly string[], moment: string, isThen: (pid: number) => boolean) => {
    using tracing = new Tracing(args);
    const pid = tracing.process.pid ?? 0;
    await tracing.until(() => isThen(pid), moment);
    const { status, stderr } = await tracing.stop();
    expect(stderr, moment).toMatch(/nothing was traced|^Got 0 traces/m);
    expect(status, stderr).toBe(0);
    // Since Linux 6.13 a link keeps its program until a grace period has passed.
    await nothingIsLeft();
    expect(readFileSync('/sys/kernel/rcu_expedited', 'latin1').trim()).toBe('0');
    return tracing.isReady;
  };

  test('is answered at the beginning, and nothing is left afterwards', async () => {
    expect(await interrupt(['-m', '29'], 'it takes signals', takesSignals)).toBe(false);
  });

  for (const method of SOME_METHODS) {
    testMethod(method, 'is answered while it attaches, and nothing is left afterwards', async () => {
      const args = [...optionsOf(method), '-m', '29'];
      if (!/^(kprobe|ftrace) /.test(method)) {
        // To try what the kernel has, a program is loaded, and closed before the next one.
        await interrupt(args, 'programs are loaded', (pid) => count(pid, /bpf-prog/) > 1);
        return;
      }
      // One by one: some are attached, many hundred are not, and it does not go on.
      const some = (pid: number) => count(pid, ATTACHED) > 10;
      expect(await interrupt([...args, '-r', '^(__)?(ip|tcp|udp|skb|dev)'], 'some functions are attached', some)).toBe(
        false,
      );
    });
  }

  const OF_FTRACE = SOME_METHODS.filter((method) => method === 'ftrace function_graph');
  test.each(OF_FTRACE)('%s: a second one leaves the rest to the kernel, which forgets nothing', async (method) => {
    using tracing = new Tracing([...optionsOf(method), '-m', '29', '-r', '^ip_[a-f]']);
    await tracing.ready();
    const pid = tracing.process.pid ?? 0;
    const attached = count(pid, ATTACHED);
    tracing.process.kill('SIGINT');
    // It tells what there was, and then detaches, or has already.
    await until(
      () => tracing.stderr.includes('Got 0 traces') && count(pid, ATTACHED) < attached,
      () => `it detaches: ${tracing.stderr}`,
    );
    tracing.process.kill('SIGINT');
    const { status } = await tracing.ended();
    expect([0, 130]).toContain(status);
    await nothingIsLeft();
    await until(() => readFileSync('/sys/kernel/rcu_expedited', 'latin1').trim() === '0', 'the setting as it was');
  });
});
