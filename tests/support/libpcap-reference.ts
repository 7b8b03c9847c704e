/** What libpcap itself says of a packet. */
import koffi from 'koffi';

const libpcap = load('libpcap.so.0.8') ?? koffi.load('libpcap.so.1');
const filter = libpcap.func('uint bpf_filter(void *instructions, const uint8_t *packet, uint wireLength, uint length)');

/** Whether libpcap's own interpreter takes the packet. @param program instructions of classic BPF, 8 bytes each */
export function takenByLibpcap(program: Uint8Array, packet: Uint8Array, wireLength = packet.length): boolean {
  return filter(program, packet, wireLength, packet.length) !== 0;
}

function load(name: string) {
  try {
    return koffi.load(name);
  } catch {
    return undefined;
  }
}
