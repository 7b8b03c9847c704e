"""Round trips between two network namespaces: echo.py NETNS ADDRESS PORT udp|tcp COUNT. Prints nanoseconds."""
import ctypes
import os
import socket
import sys
import time

netns, address, port, kind, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
libc = ctypes.CDLL(None, use_errno=True)
mine = os.open("/proc/self/ns/net", os.O_RDONLY)
theirs = os.open("/run/netns/" + netns, os.O_RDONLY)
STREAM = kind == "tcp"
TYPE = socket.SOCK_STREAM if STREAM else socket.SOCK_DGRAM


def enter(namespace):
    if libc.setns(namespace, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


enter(theirs)
server = socket.socket(socket.AF_INET, TYPE)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind((address, port))
if STREAM:
    server.listen()
enter(mine)
client = socket.socket(socket.AF_INET, TYPE)
client.connect((address, port))
peer = server.accept()[0] if STREAM else server
for end in (client, peer):
    if STREAM:
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def turn():
    client.send(b"x" * 64)
    if STREAM:
        peer.send(peer.recv(100))
    else:
        data, sender = peer.recvfrom(100)
        peer.sendto(data, sender)
    client.recv(100)


for _ in range(50):
    turn()
begin = time.monotonic_ns()
for _ in range(count):
    turn()
print(time.monotonic_ns() - begin)
