"""
fragments.py serve DEVICE MAC: answers datagrams at port 5300 in fragments, as another machine's come: each is a packet of its
own, and nothing in the kernel has cut them. The answer begins with its identification.
fragments.py ask COUNT: gets so many answers by IPv4, and as many by IPv6, and prints their identifications.
"""
import socket
import struct
import sys

PORT = 5300
HOSTS = ((socket.AF_INET, "10.11.0.2"), (socket.AF_INET6, "fd11::2"))
PATIENCE = 200
# A multiple of eight; three of them make a packet.
PIECE = 1000
UDP = socket.IPPROTO_UDP
FRAGMENT = 44


def checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def headers(is_ipv6, source, destination, identification, at, piece, more):
    if is_ipv6:
        head = struct.pack("!IHBB", 6 << 28, 8 + len(piece), FRAGMENT, 64) + source + destination
        return head + struct.pack("!BBHI", UDP, 0, at | more, identification)
    place = at // 8 | more << 13
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(piece), identification & 0xFFFF, place, 64, UDP, 0)
    head += source + destination
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:]


def fragments(family, here, there, port, identification):
    source, destination = (socket.inet_pton(family, address) for address in (here, there))
    payload = struct.pack("!I", identification) + b"x" * (3 * PIECE - 12)
    length = 8 + len(payload)
    pseudo = source + destination + struct.pack("!II", length, UDP)
    datagram = struct.pack("!HHHH", PORT, port, length, 0) + payload
    datagram = datagram[:6] + struct.pack("!H", checksum(pseudo + datagram)) + datagram[8:]
    for at in range(0, length, PIECE):
        piece = datagram[at:at + PIECE]
        is_ipv6 = family == socket.AF_INET6
        yield headers(is_ipv6, source, destination, identification, at, piece, int(at + PIECE < length)) + piece


def serve(device, mac):
    server = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    server.bind(("::", PORT))
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    print(flush=True)
    identification = 1000
    while True:
        _, (there, port, *_) = server.recvfrom(100)
        identification += 1
        is_ipv4 = there.startswith("::ffff:")
        family, here = HOSTS[0 if is_ipv4 else 1]
        for packet in fragments(family, here, there.removeprefix("::ffff:"), port, identification):
            raw.sendto(packet, (device, 0x0800 if is_ipv4 else 0x86DD, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def ask(count):
    for family, host in HOSTS:
        for _ in range(count):
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                sock.settimeout(PATIENCE)
                sock.sendto(b"q", (host, PORT))
                answer = sock.recv(10_000)
                assert len(answer) == 3 * PIECE - 8
                print(*struct.unpack("!I", answer[:4]), flush=True)


if sys.argv[1] == "serve":
    serve(*sys.argv[2:])
else:
    ask(int(sys.argv[2]))
