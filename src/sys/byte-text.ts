/**
 * Text that keeps bytes that are no UTF-8, which arguments, variables and file names may have: each such byte is the half
 * of a character that no text has alone, U+DC80 to U+DCFF. Node would replace it.
 */
import { readFileSync } from 'node:fs';

const REPLACEMENT = '\ufffd';
const LONE = /[\udc80-\udcff]/gu;
const LONE_BASE = 0xdc00;
/** The longest character. */
const MAX_CHARACTER_BYTES = 4;

/** Text of any bytes. */
export function decodeBytes(bytes: Uint8Array): string {
  const whole = Buffer.from(bytes).toString('utf8');
  if (!whole.includes(REPLACEMENT)) return whole;
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(bytes, at);
    if (length > 0) text += Buffer.from(bytes.subarray(at, at + length)).toString('utf8');
    else text += String.fromCharCode(LONE_BASE + bytes[at]!);
    at += length || 1;
  }
  return text;
}

/** The length of the character that begins at an offset; 0 if none does. */
function characterBytes(bytes: Uint8Array, at: number): number {
  for (let length = 1; length <= MAX_CHARACTER_BYTES && at + length <= bytes.length; length++) {
    const part = bytes.subarray(at, at + length);
    if (Buffer.compare(Buffer.from(Buffer.from(part).toString('utf8')), part) === 0) return length;
  }
  return 0;
}

/** The bytes of a text, as `decodeBytes` had them. */
export function encodeBytes(text: string): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const { index } of text.matchAll(LONE)) {
    parts.push(Buffer.from(text.slice(from, index)), Buffer.of(text.charCodeAt(index) - LONE_BASE));
    from = index + 1;
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(from))]);
}

/**
 * The arguments that Node has given, with all their bytes.
 * @param commandLine as /proc/self/cmdline had it
 */
export function restoreArguments(args: readonly string[], commandLine: Uint8Array): readonly string[] {
  const all = splitStrings(commandLine);
  return args.length === 0 ? args : all.slice(-args.length);
}

/**
 * This process's environment, with all its bytes.
 * @param given the environment as Node has it, and `initial` as the process got it
 */
export function loadEnvironment(
  given: NodeJS.ProcessEnv = process.env,
  initial = (): Uint8Array => readFileSync('/proc/self/environ'),
): NodeJS.ProcessEnv {
  const environment = { ...given };
  if (!Object.entries(environment).some((entry) => entry.join().includes(REPLACEMENT))) return environment;
  for (const entry of splitStrings(initial())) {
    const [name = ''] = entry.split('=', 1);
    const replaced = encodeBytes(name).toString('utf8');
    const value = entry.slice(name.length + 1);
    // What this process has changed stays so.
    if (environment[replaced] !== encodeBytes(value).toString('utf8')) continue;
    delete environment[replaced];
    environment[name] = value;
  }
  return environment;
}

/** Strings with a NUL behind each. */
function splitStrings(bytes: Uint8Array): string[] {
  const strings: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at);
    strings.push(decodeBytes(bytes.subarray(at, end < 0 ? bytes.length : end)));
    at = end < 0 ? bytes.length : end + 1;
  }
  return strings;
}
