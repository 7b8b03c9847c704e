"""sharing.py pass COMMAND… | use: sockets that a program shares with others, or that others have after it, over loopback.

pass: makes a UDP socket on port 7801, which COMMAND inherits as descriptor 40, and TCP sockets, one of which listens on port
7802; whoever asks at the UNIX socket @ipft-sharing gets these two. Then it runs COMMAND.
use: has these sockets, prints what it does next, and waits for what comes; at last it sends from port 7804 to port 7805, gets
an answer, and closes the socket.
"""
import os
import select
import socket
import sys

PASSING = "\0ipft-sharing"


def pass_on(command):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 7801))
    os.dup2(udp.fileno(), 40)
    passing = socket.socket(socket.AF_UNIX)
    passing.bind(PASSING)
    passing.listen()
    if os.fork() == 0:
        sockets = socket.create_server(("127.0.0.1", 7802)), socket.socket()
        socket.send_fds(passing.accept()[0], [b"."], [one.fileno() for one in sockets])
        os._exit(0)
    os.execvp(command[0], command)


def say(word):
    print(word, flush=True)


def use():
    inherited = socket.socket(fileno=40)
    say("inherited")
    # As programs do that wait for many: the socket is not asked before there is a datagram.
    select.select([inherited], [], [])
    inherited.recv(100)
    passing = socket.socket(socket.AF_UNIX)
    passing.connect(PASSING)
    listener, client = (socket.socket(fileno=fd) for fd in socket.recv_fds(passing, 1, 2)[1])
    client.connect(("127.0.0.1", 7806))
    listener.setblocking(False)
    try:
        listener.accept()
    except BlockingIOError:
        say("accepts")
    listener.setblocking(True)
    listener.accept()[0].recv(100)
    pair = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
    for one in pair:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind(("127.0.0.1", 7803))
    pair[1].close()
    say("shared")
    pair[0].recv(100)
    own = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    own.bind(("127.0.0.1", 7804))
    own.sendto(b"q", ("127.0.0.1", 7805))
    own.recv(100)
    own.close()
    say("closed")
    inherited.recv(100)


if sys.argv[1] == "pass":
    pass_on(sys.argv[2:])
else:
    use()
