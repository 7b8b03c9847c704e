"""Frames, as hexadecimal lines on stdin: frames.py packet DEVICE sends them there, frames.py tap DEVICE has it receive them."""
import fcntl
import os
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000


def main(kind, device):
    frames = [bytes.fromhex(line) for line in sys.stdin.read().split()]
    if kind == "packet":
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        out.bind((device, 0))
        for frame in frames:
            out.send(frame)
        return
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TAP | IFF_NO_PI))
    for frame in frames:
        os.write(tap, frame)


main(sys.argv[1], sys.argv[2])
