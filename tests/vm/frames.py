"""
Sends frames. Each line on stdin has a kind, a device and frames in hexadecimal: "packet" sends them there, "tap" has the
device receive them. A line on stdout says that it is done.
"""
import fcntl
import os
import socket
import struct
import sys

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000


def send(kind, device, frames):
    if kind == "packet":
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
            out.bind((device, 0))
            for frame in frames:
                out.send(frame)
        return
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", device.encode(), IFF_TAP | IFF_NO_PI))
    for frame in frames:
        os.write(tap, frame)
    os.close(tap)


for line in sys.stdin:
    kind, device, *frames = line.split()
    send(kind, device, [bytes.fromhex(frame) for frame in frames])
    print("sent", flush=True)
