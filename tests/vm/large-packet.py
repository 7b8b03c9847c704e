"""large-packet.py DEVICE TO FROM MARK SEGMENTS BYTES: sends one TCP packet over IPv4, with the mark, that the device cuts
into so many segments of so many bytes each. No connection is needed: the packet goes through a packet socket that says how
it is to be cut (struct virtio_net_hdr of linux/virtio_net.h).
"""
import socket
import struct
import sys

SO_MARK = 36
SOL_PACKET = 263
PACKET_VNET_HDR = 15
VIRTIO_NET_HDR_F_NEEDS_CSUM = 1
VIRTIO_NET_HDR_GSO_TCPV4 = 1
ETHERNET = 14
HEADERS = 20
CHECKSUM_IN_TCP = 16


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def main(device, to, here, mark, segments, size):
    payload = b"x" * (segments * size)
    addresses = socket.inet_aton(here) + socket.inet_aton(to)
    ip = struct.pack("!BBHHHBBH", 0x45, 0, 2 * HEADERS + len(payload), 1, 0, 64, socket.IPPROTO_TCP, 0) + addresses
    ip = ip[:10] + struct.pack("!H", checksum(ip) ^ 0xFFFF) + ip[12:]
    # The device completes the sum; what is there is that of the pseudo header.
    pseudo = addresses + struct.pack("!HH", socket.IPPROTO_TCP, HEADERS + len(payload))
    tcp = struct.pack("!HHIIBBHHH", 4711, 4712, 1, 0, 5 << 4, 0x10, 1024, checksum(pseudo), 0)
    cut = struct.pack("=BBHHHH", VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4, ETHERNET + 2 * HEADERS, size,
                      ETHERNET + HEADERS, CHECKSUM_IN_TCP)
    sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    sender.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    sender.bind((device, 0x0800))
    own = sender.getsockname()[4]
    sender.send(cut + b"\xff" * 6 + own + struct.pack("!H", 0x0800) + ip + tcp + payload)


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))
