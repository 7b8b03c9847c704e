"""who.py serve | talk | once ADDRESS: traffic of processes, for tests of who sent packets and who gets them.

serve: listens on TCP port 80 and UDP port 53, IPv4 and IPv6; prints its id, and that of the child which answers.
talk: has one exchange of each kind with 10.11.0.2 and fd11::2; prints its id, and those of the children that sent for it.
once: asks UDP port 53 of an address once, and prints its id.
"""
import os
import socket
import sys
import threading

ADDRESSES = ("10.11.0.2", "fd11::2")
PATIENCE = 60


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def serve():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(("::", 53))
    tcp = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    child = os.fork()
    if child:
        print(os.getpid(), child, flush=True)
        os.wait()
    elif os.fork():
        tcp.close()
        while True:
            data, address = udp.recvfrom(100)
            udp.sendto(data, address)
    else:
        udp.close()
        while True:
            threading.Thread(target=answer, args=tcp.accept()).start()


def answer(connection, _):
    connection.sendall(connection.recv(100))
    connection.recv(100)
    connection.close()


def connect(address, port, patience=PATIENCE):
    sock = socket.socket(family_of(address), socket.SOCK_STREAM)
    sock.settimeout(patience)
    return sock if sock.connect_ex((address, port)) == 0 else None


def ask(sock, address):
    sock.settimeout(PATIENCE)
    sock.sendto(b"q", (address, 53))
    sock.recv(100)


def once(address):
    ask(socket.socket(family_of(address), socket.SOCK_DGRAM), address)


def talk():
    children = []
    keep = []
    for address in ADDRESSES:
        once(address)
        sock = connect(address, 80)
        sock.sendall(b"q")
        sock.recv(100)
        # This side closes first: the other's FIN comes when there is no socket but one in TIME_WAIT.
        sock.close()
        # Nobody listens there, and there nobody answers: the SYN is sent again.
        connect(address, 81)
        keep.append(connect(address, 82, 1.5))
        # By a socket of the parent's.
        udp = socket.socket(family_of(address), socket.SOCK_DGRAM)
        udp.bind(("", 5353))
        child = os.fork()
        if not child:
            ask(udp, address)
            os._exit(0)
        os.waitpid(child, 0)
        udp.close()
        children.append(child)
        # The kernel closes it when the process is over.
        keep.append(connect(address, 80))
    print(os.getpid(), *children, flush=True)
    os._exit(0)


{"serve": serve, "talk": talk, "once": lambda: once(sys.argv[2])}[sys.argv[1]]()
if sys.argv[1] == "once":
    print(os.getpid())
