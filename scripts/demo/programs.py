"""programs.py run | serve | capture DEVICE: a program that sends and gets packets in many ways, for the table in docs/command.md.

run: does so, and prints a line for each way: its name, a tab, and words that its packets have in tcpdump's form, separated by tabs.
serve: echoes TCP port 80 and UDP port 53, of IPv4 and IPv6. A line `tcp PORT`, `udp PORT`, `late-udp PORT` or `ping` by TCP has it
connect, send to that port, send later or ping, before it echoes. Prints a line when it listens.
capture: prints the frames of a device in hexadecimal, a line each; first an empty line.
"""
import array
import os
import socket
import struct
import subprocess
import sys
import threading
import time

PATIENCE = 100
V4, V6 = "10.31.0.2", "fd31::2"


def kind(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def say(name, *words):
    print("\t".join([name, *words]), flush=True)


def tcp(address, port=80):
    sock = socket.socket(kind(address), socket.SOCK_STREAM)
    sock.settimeout(PATIENCE)
    sock.connect((address, port))
    return sock


def udp(address):
    sock = socket.socket(kind(address), socket.SOCK_DGRAM)
    sock.settimeout(PATIENCE)
    sock.bind(("", 0))
    return sock


def port(sock):
    """A port as tcpdump's form has it, behind an address of either family."""
    return f":{sock.getsockname()[1]}"


def ask(text, meanwhile=lambda: None):
    """Has the other end do something, on a connection that is a way of its own."""
    control.sendall(text.encode() + b"\n")
    meanwhile()
    control.recv(100)


def accept(listener):
    connection, _ = listener.accept()
    connection.recv(100)
    connection.close()


def echo(sock, data=b"q\n"):
    sock.sendall(data)
    sock.recv(100)


def echo_request(identifier):
    packet = struct.pack("!BBHHH", 8, 0, 0, identifier, 1)
    total = sum(struct.unpack("!4H", packet))
    return packet[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + packet[4:]


def ping(form, identifier):
    with socket.socket(socket.AF_INET, form, socket.IPPROTO_ICMP) as sock:
        sock.settimeout(PATIENCE)
        if form == socket.SOCK_DGRAM:
            sock.bind(("", identifier))
        sock.sendto(echo_request(identifier), (V4, 0))
        while sock.recv(1000)[-8] != 0 and form == socket.SOCK_RAW:
            pass


def run():
    global control
    control = tcp(V4)
    say("TCP, a connection that it makes", port(control))
    six = tcp(V6)
    echo(six)
    say("the same, IPv6", port(six))
    sock = udp(V4)
    sock.sendto(b"q", (V4, 53))
    sock.recv(100)
    say("UDP, not connected", port(sock))
    sock = udp(V6)
    sock.connect((V6, 53))
    echo(sock)
    say("UDP, connected, IPv6", port(sock))
    for form, identifier, name in ((socket.SOCK_DGRAM, 1000, "datagram"), (socket.SOCK_RAW, 1001, "raw")):
        ping(form, identifier)
        say(f"ping, by a {name} socket", f"id {identifier},")
    listener = socket.create_server(("", 0))
    ask(f"tcp {listener.getsockname()[1]}", lambda: accept(listener))
    say("TCP, a connection that it accepts", port(listener))
    sock = udp(V4)
    ask(f"udp {sock.getsockname()[1]}")
    sock.recv(100)
    say("UDP, where it waits", port(sock))
    sock = udp(V4)
    sock.connect((V4, 9))
    sock.send(b"q")
    try:
        sock.recv(100)
    except OSError:
        pass
    say("a port that is closed: the error of ICMP", port(sock))
    local = tcp("127.0.0.1")
    echo(local)
    say("over loopback, to another's server", port(local))
    child = subprocess.run([sys.executable, "-IS", __file__, "child"], stdout=subprocess.PIPE, check=True)
    say("a child's", child.stdout.decode().strip())
    # What is open when it ends is closed by the kernel; this one with data that nobody has read.
    unread = tcp(V4)
    unread.sendall(b"q\n")
    time.sleep(0.5)
    say("what the kernel closes, with unread data", port(unread))
    # A socket that another process has made; it is given over a UNIX socket, as by a service manager.
    for sends, name in ((True, "to send by"), (False, "to wait at")):
        given = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given.connect("\0ipft-sockets")
        _, ancillary, _, _ = given.recvmsg(10, socket.CMSG_SPACE(4))
        sock = socket.socket(fileno=array.array("i", ancillary[0][2])[0])
        # With a time limit, Python would ask for data only when there is some.
        sock.settimeout(PATIENCE if sends else None)
        if sends:
            sock.sendto(b"q", (V4, 53))
            sock.recv(100)
        else:
            ask(f"late-udp {sock.getsockname()[1]}", lambda: sock.recv(100))
        say(f"a socket that another process has made, {name}", port(sock))
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as raw:
        raw.settimeout(PATIENCE)
        ask("ping")
        raw.recv(1000)
        say("a raw socket that gets what it has not asked for", "id 2000,")
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x800)) as packet:
        payload = struct.pack("!HHHH", 3000, 9, 8, 0)
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28, 1, 0, 64, 17, 0, bytes((10, 31, 0, 1)), bytes((10, 31, 0, 2)))
        packet.sendto(header + payload, ("veth-here", 0x800, 0, 0, b"\xff" * 6))
        say("a packet socket", ":3000")
    redirected = socket.create_server(("", 8080))
    ask("tcp 8081", lambda: accept(redirected))
    say("a port that NAT leads to it", ":8080")
    say("ARP and neighbours", "ARP", "neighbor")
    os._exit(0)


def child():
    sock = tcp(V4)
    echo(sock)
    print(port(sock), flush=True)


def lines_of(connection):
    try:
        yield from connection.makefile("rb")
    except ConnectionResetError:
        pass


def answer(connection, address):
    for line in lines_of(connection):
        word, *rest = line.decode().split()
        host = address[0].replace("::ffff:", "")
        if word == "tcp":
            back = tcp(host, int(rest[0]))
            back.sendall(b"back")
            back.recv(100)
        elif word in ("udp", "late-udp"):
            time.sleep(0.5 if word == "late-udp" else 0)
            udp(host).sendto(b"back", (host, int(rest[0])))
        elif word == "ping":
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
                sock.sendto(echo_request(2000), (host, 0))
                sock.recv(1000)
        connection.sendall(line)


def echo_udp():
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("::", 53))
    while True:
        data, address = sock.recvfrom(1000)
        sock.sendto(data, address)


def give():
    """Gives away sockets that are bound."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind("\0ipft-sockets")
    listener.listen()
    while True:
        connection, _ = listener.accept()
        sock = udp(V4)
        connection.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [sock.fileno()]))])
        sock.close()


def serve():
    server = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    for work in (echo_udp, give):
        threading.Thread(target=work, daemon=True).start()
    print(flush=True)
    while True:
        threading.Thread(target=answer, args=server.accept(), daemon=True).start()


def capture(device):
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((device, 3))
    print(flush=True)
    while True:
        data, address = sock.recvfrom(2000)
        # Loopback shows a packet twice.
        if device != "lo" or address[2] != socket.PACKET_OUTGOING:
            print(data.hex(), flush=True)


{"run": run, "serve": serve, "child": child}.get(sys.argv[1], lambda: capture(sys.argv[2]))()
