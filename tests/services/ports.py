#!/usr/bin/python3
"""Ports for tests to listen on that nobody else gets: no other test, and no outgoing connection.

Usage: ports.py N COMMAND [ARGUMENT]…    runs a command, which finds N ports in $PORTS; they belong to it and to
                                         whatever it starts, until the last of these has ended
"""
import contextlib
import errno
import os
import socket
import sys
from collections import deque
from pathlib import Path
from random import SystemRandom

LOWEST, HIGHEST = 10000, 32767  # the kernel takes connections' own ports from above, unless told otherwise
RELEASED_LATE = 100  # those that were given back are kept for a while: a test may look at what it has just ended

held = {}
released = deque()


def candidates():
    """Beneath the range from which an outgoing connection gets its port: one of those can
    be taken by a neighbour's connection at any moment, and stays so for a minute after its end."""
    with contextlib.suppress(OSError):
        first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        if first > LOWEST + 1000:
            return range(LOWEST, first)
    return range(LOWEST, HIGHEST + 1)


def hold(port):
    """A socket that is bound to it on all addresses and never listens, or None. The bind is exclusive, so that the port
    is nobody's and becomes ours in one step. Afterwards SO_REUSEADDR lets those in who set it, as servers do, and only
    as long as nobody listens."""
    for family, anywhere in ((socket.AF_INET6, "::"), (socket.AF_INET, "0.0.0.0")):
        try:
            holder = socket.socket(family)
        except OSError:  # no IPv6 here
            continue
        try:
            if family == socket.AF_INET6:
                holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            holder.bind((anywhere, port))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            return holder
        except OSError as error:
            holder.close()
            if error.errno != errno.EADDRNOTAVAIL:  # which it is where IPv6 is switched off
                return None
    return None


def free_port():
    """One that stays this process's, whether or not anything listens on it, until it is given back or the process ends."""
    within = SystemRandom()  # a test may have seeded the other one
    ports = candidates()
    for _ in range(1000):
        port = within.choice(ports)
        if holder := hold(port):
            held[port] = holder
            return port
    raise OSError(f"no port is free between {ports[0]} and {ports[-1]}")


def release(port):
    """Gives it back, if it was taken here: a process may have no more than so many files open."""
    if port in held:
        released.append(held.pop(port))
    while len(released) > RELEASED_LATE:
        released.popleft().close()


def main(number, *command):
    os.environ["PORTS"] = " ".join(str(free_port()) for _ in range(int(number)))
    for holder in held.values():
        holder.set_inheritable(True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
