"""traffic.py PEER udp|tcp|udp-bad-checksum ADDRESS MARK BYTES: sends BYTES in one write, with the mark, from the
namespace that it runs in to a listener in the namespace PEER (`-`: to none). Ends when the listener has them all, and
prints port and cookie of the sending socket. Python, since it begins in a third of the time that Node takes, and its
sockets can be marked.
"""
import ctypes
import os
import socket
import sys
import threading

PORT = 4711
SO_MARK = 36
SO_COOKIE = 57


def enter(namespace):
    """Sockets that are made from here on belong to that namespace."""
    if ctypes.CDLL(None, use_errno=True).setns(namespace, 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def take_stream(server, size):
    connection, _ = server.accept()
    while size > 0:
        data = connection.recv(1 << 16)
        if not data:
            raise EOFError("the sender is gone")
        size -= len(data)
    connection.close()
    server.close()


def take_datagrams(server, size):
    while size > 0:
        size -= len(server.recv(1 << 16))
    server.close()


def listen(family, kind, address, size):
    """Returns what is to be waited for."""
    server = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, PORT))
    if kind == "tcp":
        server.listen()
    taking = threading.Thread(target=take_stream if kind == "tcp" else take_datagrams, args=(server, size))
    taking.start()
    return taking


def main(peer, kind, address, mark, size):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    taking = None
    if peer != "-":
        here = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter(os.open("/run/netns/" + peer, os.O_RDONLY))
        taking = listen(family, kind, address, size)
        enter(here)
    data = b"x" * size
    if kind == "udp-bad-checksum":
        sender = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_UDP)
        # Ports, length, and a checksum that is wrong.
        head = b"".join(word.to_bytes(2, "big") for word in (PORT, PORT, size, 0xBAD))
        data = head + data[len(head):]
    else:
        sender = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
    sender.connect((address, PORT))
    port = sender.getsockname()[1]
    cookie = int.from_bytes(sender.getsockopt(socket.SOL_SOCKET, SO_COOKIE, 8), sys.byteorder)
    sender.sendall(data)
    print('{"port":%d,"cookie":"%d"}' % (port, cookie))
    if taking:
        taking.join()
    sender.close()


main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
