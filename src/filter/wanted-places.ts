/** Where packets are followed: in which network namespaces, and on which devices. Pure. */
import { IPFT_MAX_WANTED_PLACES } from '../abi/layout.js';
import { printable } from '../base/printable.js';

/** A packet must be in one of the namespaces, and on one of the devices, where there are any. */
export interface WantedPlaces {
  /** Their inodes. */
  readonly netns: readonly number[];
  readonly devices: readonly WantedDevice[];
}

export interface WantedDevice {
  readonly name: string;
  /** The inode of its namespace; undefined: in any. */
  readonly netns: number | undefined;
}

/** A device as users name it: `eth0`, or `eth0@blue` in the namespace `blue`. */
export interface DeviceWords {
  readonly name: string;
  /** As `--netns` takes it. */
  readonly netns: string | undefined;
}

/** The most namespaces, and the most devices. */
export const MAX_WANTED_PLACES = IPFT_MAX_WANTED_PLACES;
/** IFNAMSIZ of linux/if.h, without the NUL. */
const MAX_NAME_BYTES = 15;

/** Undefined where no device can have such a name: see `dev_valid_name` of the kernel. */
export function parseDeviceWords(text: string): DeviceWords | undefined {
  const at = text.indexOf('@');
  const name = at < 0 ? text : text.slice(0, at);
  const isName = name !== '' && name !== '.' && name !== '..' && !/[/:\s\0]/.test(name);
  if (!isName || Buffer.byteLength(name) > MAX_NAME_BYTES || at === text.length - 1) return undefined;
  return { name, netns: at < 0 ? undefined : text.slice(at + 1) };
}

/** As in `on eth0 or eth1 in the namespace blue`; empty where it is anywhere. */
export function describePlaces(netns: readonly string[], dev: readonly string[]): string[] {
  const parts: string[] = [];
  if (dev.length > 0) parts.push(`on ${dev.map((name) => printable(name)).join(' or ')}`);
  if (netns.length > 0) parts.push(`in the namespace ${netns.map((name) => printable(name)).join(' or ')}`);
  return parts;
}
