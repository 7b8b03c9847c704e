/** wireshark/ipft.lua: its reader in Lua 5.2 and 5.4, and its fields in tshark, of comments that are hostile. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TextBuffer } from '../../src/base/text-buffer.js';
import { describeBuiltin } from '../../src/fields/builtin/builtin.js';
import { LINK_RAW_IP, PcapngWriter } from '../../src/output/pcapng-writer.js';

const SCRIPT = fileURLToPath(new URL('../../wireshark/ipft.lua', import.meta.url));

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'ipft-lua-'));
  mkdirSync(join(dir, 'wireshark'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/**
 * Reads texts, each behind its length, by the script's own reader, and writes what it made of them as bytes in hexadecimal: so
 * nothing depends on a writer of JSON in Lua. Ends with the names of globals that the script has made.
 */
const DRIVER = `
local before = {}
for name in pairs(_G) do before[name] = true end
local reader = dofile(arg[1])
local function hex(text) return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function show(kind, value)
  if kind == "string" then return "s" .. hex(value) end
  if kind == "number" then return ("n%.17g"):format(value) end
  if kind == "boolean" then return tostring(value) end
  if kind == "null" then return "null" end
  local parts = {}
  for _, member in ipairs(value) do
    parts[#parts + 1] = (member.name and hex(member.name) .. ":" or "") .. show(member.kind, member.value)
  end
  return (kind == "object" and "{" or "[") .. table.concat(parts, ",") .. (kind == "object" and "}" or "]")
end
while true do
  local length = io.read("*n")
  if not length then break end
  io.read(1)
  local members = reader.read_object(length > 0 and io.read(length) or "")
  print(members and show("object", members) or "nothing")
end
for name in pairs(_G) do if not before[name] then print("global " .. name) end end
`;

/** What the driver prints of a value that JSON.parse has read; keys must be no numbers, which JavaScript puts first. */
function show(value: unknown): string {
  if (typeof value === 'string') return `s${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return `[${value.map(show).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    return `{${Object.entries(value)
      .map(([key, one]) => `${Buffer.from(key).toString('hex')}:${show(one)}`)
      .join(',')}}`;
  }
  return typeof value === 'number' ? `n${value}` : String(value);
}

function read(lua: string, texts: readonly (string | Buffer)[]): string[] {
  const driver = join(dir, 'driver.lua');
  writeFileSync(driver, DRIVER);
  const input = texts.map((text) => Buffer.from(text as string)).map((text) => [`${text.length}\n`, text, '\n']);
  const bytes = Buffer.concat(input.flat().map((part) => Buffer.from(part as string)));
  const { status, stdout, stderr } = spawnSync(lua, [driver, SCRIPT], { input: bytes, encoding: 'utf8' });
  expect(`${status}: ${stderr}`).toBe('0: ');
  return stdout.split('\n').slice(0, -1);
}

const GOOD = [
  '{}',
  ' { "a" : [ 1 , -2.5e3, true, false, null, "x", {}, [] ] } ',
  '{"text":"\\u00e4\\ud83d\\ude00\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\u007f\u00a0"}',
  '{"":{"":{"":1}},"n":9007199254740992}',
];
const BAD = [
  ...['', '[]', 'null', '"a"', '{', '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', '{"a" 1}', '{a:1}', '{"a":01x}'],
  ...['{"a":"', '{"a":"\\', '{"a":"\\u12', '{"a":"\\x"}', '{"a":"\n"}', '{"a":tru}', '{"a":nullx}', '{}}', '{} x'],
  ...['{"a":-}', '{"a":.5}', '{"a":1e}', '{"a":[1 2]}', '{"a":[1,]}', '\u0000{}', '{\u0000}'],
  // Deeper, more, and longer than is read.
  ...[`${'{"a":'.repeat(60_000)}`, `{"a":${'['.repeat(9)}${']'.repeat(9)}}`, `{"a":[${'1,'.repeat(1001)}1]}`],
  `{"a":"${'x'.repeat(70_000)}"}`,
];

describe.each(['lua5.2', 'lua5.4'])('%s', (lua) => {
  test('reads what is JSON, and nothing else', () => {
    const results = read(lua, [...GOOD, ...BAD, Buffer.from([0x7b, 0xff, 0xfe, 0x7d])]);
    expect(results).toEqual([...GOOD.map((text) => show(JSON.parse(text))), ...BAD.map(() => 'nothing'), 'nothing']);
  });

  test('reads any JSON as JSON.parse does, and of any part of it nothing', () => {
    const values = fc.sample(
      fc.object({
        maxDepth: 4,
        key: fc.string({ unit: 'grapheme', minLength: 1 }).filter((key) => !/^\d/.test(key) && key !== '__proto__'),
      }),
      {
        numRuns: 300,
        seed: 7,
      },
    );
    const texts = values.map((value) => JSON.stringify(value)).filter((text) => !/-0[,}\]]/.test(text));
    const expected = texts.map((text) => show(JSON.parse(text)));
    const normal = (line: string) => line.replace(/n(-?[0-9.e+-]+)/g, (_, number) => String(Number(number)));
    expect(read(lua, texts).map(normal)).toEqual(expected.map(normal));
    const cut = texts.map((text) => text.slice(0, -1));
    expect(new Set(read(lua, cut))).toEqual(new Set(['nothing']));
  });
});

/** A file with a packet for each comment. */
function writePackets(comments: readonly string[]): string {
  const text = new TextBuffer(1 << 10);
  const writer = new PcapngWriter(text);
  writer.section({ hardware: undefined, os: 'Linux', application: 'ipft' });
  writer.interface(LINK_RAW_IP, 'f', 'about');
  for (const comment of comments) {
    writer.beginPacket(0, 1, 1, 0, 0);
    writer.endBytes();
    writer.beginComment();
    text.text(comment);
    writer.endOption();
    writer.endPacket();
  }
  const path = join(dir, 'packets.pcapng');
  writeFileSync(path, text.take());
  return path;
}

/** Fields of each packet, as tshark has them by the script; a filter may choose packets. */
function decode(path: string, fields: readonly string[], filter?: string): string[][] {
  const args = [
    '-n',
    '-r',
    path,
    '-X',
    `lua_script:${SCRIPT}`,
    '-T',
    'fields',
    '-E',
    'occurrence=a',
    '-E',
    'aggregator=|',
  ];
  if (filter !== undefined) args.push('-Y', filter);
  const { status, stdout, stderr } = spawnSync('tshark', [...args, ...fields.flatMap((field) => ['-e', field])], {
    encoding: 'utf8',
    env: { ...process.env, HOME: dir, XDG_CONFIG_HOME: dir },
  });
  expect(status, stderr).toBe(0);
  expect(stderr).not.toMatch(/lua/i);
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => line.split('\t'));
}

const comment = (over: object, ipft: object = { outcome: null }) =>
  JSON.stringify({ function: 'ip_rcv', module: 'vmlinux', is_return: false, journey: 7, ...over, ipft });

test('tshark: fields by name, which filters know', () => {
  writeFileSync(
    join(dir, 'wireshark/ipft-fields'),
    '# of an extension\ncost:number\nlabel\n1bad\ncost\nsport:string\n',
  );
  const facts = {
    ...{ outcome: 'dropped', reason: 'SKB_DROP_REASON_NO_SOCKET', ended_in: '__udp4_lib_rcv+0x7a', device: 'eth9' },
    ...{ parent: 3, gap: true, lost: 2, sender: 'curl[12]', receiver: 'nginx[3]', netns_name: 'blue' },
  };
  const place = { netns: 4026532178, device: 'eth0', processor_id: 3 };
  const path = writePackets([
    comment({ ...place, len: 60, saddr: '10.0.0.1', cost: 2.5, label: 'a b', sport: 53, more: [1, { a: 2 }] }, facts),
    comment({ function: 'ip_output', is_return: true, duration_ns: 5e9, journey: 2 ** 53 - 1, netns: 1, len: 61 }),
  ]);
  const names = [
    ...['function', 'module', 'is_return', 'duration_ns', 'journey', 'netns', 'netns_name', 'device', 'cpu', 'outcome'],
    ...['reason', 'ended_in', 'to_device', 'parent', 'gap', 'lost', 'sender', 'receiver', 'field.len', 'field.saddr'],
    ...['field.cost', 'field.label', 'field.sport', 'field', 'field_name', 'field_value', 'field_number'],
  ];
  const [first = [], second = []] = decode(
    path,
    names.map((name) => `ipft.${name}`),
  );
  expect(Object.fromEntries(names.map((name, index) => [name, first[index]]))).toEqual({
    ...{ function: 'ip_rcv', module: 'vmlinux', is_return: '0', duration_ns: '', journey: '7', netns: '4026532178' },
    ...{ netns_name: 'blue', device: 'eth0', cpu: '3', outcome: 'dropped', reason: 'SKB_DROP_REASON_NO_SOCKET' },
    ...{ ended_in: '__udp4_lib_rcv+0x7a', to_device: 'eth9', parent: '3', gap: '1', lost: '2', sender: 'curl[12]' },
    ...{ receiver: 'nginx[3]', 'field.len': '60', 'field.saddr': '10.0.0.1', 'field.cost': '2.5' },
    ...{ 'field.label': 'a b', 'field.sport': '53', field_name: 'len|saddr|cost|label|sport|more' },
    field: 'len=60|saddr=10.0.0.1|cost=2.5|label=a b|sport=53|more=[1,{"a":2}]',
    ...{ field_value: '60|10.0.0.1|2.5|a b|53|[1,{"a":2}]', field_number: '60|2.5|53' },
  });
  expect(second.slice(0, 10)).toEqual([
    ...['ip_output', 'vmlinux', '1', '5000000000', '9007199254740991', '1', '', '', '', ''],
  ]);
  const chosen = (filter: string) => decode(path, ['ipft.function'], filter).flat();
  expect(chosen('ipft.function == "ip_rcv"')).toEqual(['ip_rcv']);
  expect(chosen('ipft.field.len > 60')).toEqual(['ip_output']);
  expect(chosen('ipft.outcome == "dropped" && ipft.reason contains "SOCKET"')).toEqual(['ip_rcv']);
  expect(chosen('ipft.journey == 9007199254740991')).toEqual(['ip_output']);
  expect(chosen('ipft.field == "cost=2.5"')).toEqual(['ip_rcv']);
});

test('tshark: a comment that is none of ours, cut, hostile or of other types has no fields, and does no harm', () => {
  const whole = comment({ device: 'eth0', x: 'y' });
  const others = [
    ...['', 'hello', '{"function":"f"}', '[]', whole.slice(0, -1), `${whole}x`, '{"function":1,"journey":1,"ipft":{}}'],
    ...[
      comment({ function: 5 }),
      comment({ journey: 'x' }),
      `${'{"a":'.repeat(9000)}`,
      '{"function":"f","journey":1,"ipft":1}',
    ],
  ];
  expect(decode(writePackets(others), ['ipft.function', 'ipft.journey']).flat().join('')).toBe('');
  const odd = [
    comment({ journey: -1, netns: 1.5, device: 7, processor_id: 1e300, is_return: 'no' }),
    comment(
      { function: 'evil\n\t"\u001b[2J\u202e\\', device: 'x\ny', 'a b': 1, '': 2 },
      { outcome: 3, gap: 'x', lost: -1 },
    ),
  ];
  const fields = ['ipft.function', 'ipft.journey', 'ipft.netns', 'ipft.cpu', 'ipft.outcome', 'ipft.gap', 'ipft.field'];
  const [first, second] = decode(writePackets(odd), fields);
  expect(first).toEqual([
    'ip_rcv',
    '',
    '',
    '',
    '',
    '',
    'is_return=no|journey=-1|netns=1.5|device=7|processor_id=1e+300',
  ]);
  // tshark escapes what would end a line.
  expect(second?.[0]).toMatch(/^evil\\n\\t"/);
  expect(second?.slice(1)).toEqual(['7', '', '', '', '', 'a b=1|=2']);
});

test('the script knows the built-in fields, and their types', () => {
  const [, list = ''] = /^local BUILTIN =\n([\s\S]*?"\n)(?! *\.\.)/m.exec(readFileSync(SCRIPT, 'utf8')) ?? [];
  const words = [...list.matchAll(/"([^"]*)"/g)].flatMap(([, text = '']) => text.trim().split(' '));
  const names = describeBuiltin().flatMap(({ fields }) => fields.map((field) => field.name));
  // `netns` has a field of its own already.
  expect(words.map((word) => word.replace(/:.*/, '')).sort()).toEqual(names.filter((name) => name !== 'netns').sort());
});
