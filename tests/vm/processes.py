"""processes.py serve | capture DEVICE | talk PORT [pause]: traffic of processes, for tests of whose packets are which.

serve: answers on TCP port 80 and UDP port 53, IPv4 and IPv6, until it is killed; prints a line when it listens. What it is
told by TCP it does: `tcp PORT` and `udp PORT` have it send to a port of the other end.
capture: prints the packets of a device in hexadecimal, a line each, until it is killed; first an empty line.
talk: speaks with servers in all ways that there are, over the network and over loopback, and prints its TCP ports, its UDP
ports and its ICMP identifiers at last, a line each. Its TCP ports are those from PORT on, or with 0 any. With `pause` it makes
some sockets, prints a line, and goes on when it gets one.
"""
import itertools
import os
import socket
import struct
import sys
import threading
import time

ADDRESSES = ("10.11.0.2", "fd11::2", "127.0.0.1", "::1")
FAMILIES = [(socket.AF_INET6 if ":" in address else socket.AF_INET, address) for address in ADDRESSES]
# The server's own ports, which nobody else gets.
SERVER_PORTS = itertools.count(1100)
PATIENCE = 60


def do(word, port, address):
    source = ("", next(SERVER_PORTS))
    if word == "tcp":
        with socket.create_connection((address, port), PATIENCE, source) as back:
            back.sendall(b"back")
            back.recv(100)
    else:
        with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as back:
            back.bind(source)
            back.sendto(b"back", (address, port))


def answer(connection, address):
    try:
        for line in connection.makefile("rb"):
            word, port = line.decode().split()
            if word != "echo":
                do(word, int(port), address[0].replace("::ffff:", ""))
            connection.sendall(line)
        connection.close()
    except ConnectionResetError:
        pass


def serve():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::", 53))
    tcp = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    print(flush=True)

    def echo():
        while True:
            data, address = udp.recvfrom(1000)
            udp.sendto(data, address)

    threading.Thread(target=echo, daemon=True).start()
    while True:
        threading.Thread(target=answer, args=tcp.accept(), daemon=True).start()


def capture(device):
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    packets.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE
    packets.bind((device, 3))
    print(flush=True)
    while True:
        data, address = packets.recvfrom(2000)
        # Loopback shows a packet twice.
        if device != "lo" or address[2] != socket.PACKET_OUTGOING:
            print(data.hex(), flush=True)


def tell(connection, text):
    connection.sendall(text.encode() + b"\n")
    connection.recv(100)


def ping(family, address, kind, identifier):
    is_ipv6 = family == socket.AF_INET6
    protocol = socket.IPPROTO_ICMPV6 if is_ipv6 else socket.IPPROTO_ICMP
    with socket.socket(family, kind, protocol) as sock:
        sock.settimeout(PATIENCE)
        if kind == socket.SOCK_DGRAM:
            sock.bind(("", identifier))
        packet = struct.pack("!BBHHH", 128 if is_ipv6 else 8, 0, 0, identifier, 1) + b"ipft"
        if not is_ipv6:
            total = sum(struct.unpack("!6H", packet))
            total = (total & 0xFFFF) + (total >> 16)
            packet = packet[:2] + struct.pack("!H", ~total & 0xFFFF) + packet[4:]
        sock.sendto(packet, (address, 0))
        while True:
            data = sock.recv(1000)
            if struct.pack("!H", identifier) in data and data[:1] != packet[:1]:
                break


def talk(first, pauses):
    ports, udp_ports, identifiers = [], [], []
    keep = []

    def own(sock):
        keep.append(sock)
        (ports if sock.type == socket.SOCK_STREAM else udp_ports).append(sock.getsockname()[1])
        return sock

    def connect(family, address, port=80):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.settimeout(PATIENCE)
        if first:
            sock.bind(("", first + len(ports)))
        error = sock.connect_ex((address, port))
        own(sock)
        return sock if error == 0 else None

    def listen(family):
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.bind(("", first and first + len(ports)))
        sock.listen()
        return own(sock)

    def bind(family):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.settimeout(PATIENCE)
        sock.bind(("", 0))
        return own(sock)

    early = [(connect(*one), listen(one[0]), bind(one[0])) for one in FAMILIES] if pauses else []
    if pauses:
        print(flush=True)
        sys.stdin.readline()
    for index, (family, address) in enumerate(FAMILIES):
        control, listener, bound = early[index] if early else (connect(family, address), listen(family), bind(family))

        def serve_one():
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"here")
            connection.close()

        thread = threading.Thread(target=serve_one)
        thread.start()
        tell(control, f"tcp {listener.getsockname()[1]}")
        thread.join()
        # The other end speaks first.
        tell(control, f"udp {bound.getsockname()[1]}")
        bound.recv(100)
        for connects in (False, True):
            udp = socket.socket(family, socket.SOCK_DGRAM)
            udp.settimeout(PATIENCE)
            if connects:
                udp.connect((address, 53))
                udp.send(b"q")
            else:
                udp.sendto(b"q", (address, 53))
            own(udp)
            udp.recv(100)
        # Nobody listens there: an error of ICMP, and a reset.
        closed = socket.socket(family, socket.SOCK_DGRAM)
        closed.connect((address, 9))
        closed.settimeout(PATIENCE)
        closed.send(b"q")
        own(closed)
        try:
            closed.recv(100)
        except OSError:
            pass
        connect(family, address, 9)
        for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
            identifier = (os.getpid() * 8 + len(identifiers)) % 0xFFFF
            ping(family, address, kind, identifier)
            identifiers.append(identifier)
        # A child, which says what it had.
        read, write = os.pipe()
        if os.fork() == 0:
            child = connect(family, address)
            tell(child, "echo 1")
            os.write(write, str(child.getsockname()[1]).encode())
            os._exit(0)
        ports.append(int(os.read(read, 100)))
        os.wait()
        # Data that nobody has read: a reset follows.
        unread = connect(family, address)
        unread.sendall(b"echo 1\n")
        unread.recv(1)
        unread.close()
    # The first packets are lost: they are sent again, a second later.
    for family, address in FAMILIES:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)
        if first:
            sock.bind(("", first + len(ports)))
        sock.connect_ex((address, 81))
        own(sock)
    time.sleep(2)
    for numbers in (ports, udp_ports, identifiers):
        print(" ".join(map(str, numbers)), flush=True)
    # What is open is closed by the kernel.
    os._exit(0)


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "capture":
    capture(sys.argv[2])
else:
    talk(int(sys.argv[2]), "pause" in sys.argv)
