#!/usr/bin/env python3
"""Link a lab host to the bridge through a delay, for kernels without netem.

Two TAP devices stand in for the veth pair: one on the bridge, one moved into the
host's network namespace as host0. Each frame read from one is written to the other
after a delay, or dropped by chance. The control file holds "DELAY_MS LOSS_PERCENT"
and maybe "BYTES_PER_SECOND" (0: as fast as can be); all apply to each direction, and a
change of the file takes effect at once. A loss of 100 is a partition.
"""

import argparse
import collections
import fcntl
import os
import random
import select
import struct
import subprocess
import time

TUNSETIFF = 0x400454CA
IFF_TAP = 0x0002
IFF_NO_PI = 0x1000

LARGEST_FRAME = 65536
# The type of frames that ask who has an address.
ARP = b"\x08\x06"
# How many frames are taken from one side before the other side gets its turn.
BURST = 256
# How long a change of the control file may go unnoticed, in seconds.
CONTROL_INTERVAL = 0.2
# What a link holds at most; a real queue drops frames too when it is full.
QUEUE_LIMIT = 50_000


def open_tap(name):
    tap = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI)
    fcntl.ioctl(tap, TUNSETIFF, request)
    return tap


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


class Control:
    """Delay, loss and rate as the control file says, re-read when it was replaced."""

    def __init__(self, path):
        self.path = path
        self.seen = None
        self.delay = 0.0
        self.loss = 0.0
        self.rate = 0.0
        self.reload()

    def reload(self):
        try:
            stat = os.stat(self.path)
            mark = (stat.st_ino, stat.st_mtime_ns)
            if mark == self.seen:
                return
            with open(self.path, encoding="ascii") as file:
                delay_ms, loss_percent, *rate = file.read().split()
            self.delay = float(delay_ms) / 1000
            self.loss = float(loss_percent) / 100
            self.rate = float(rate[0]) if rate else 0.0
            self.seen = mark
        except (OSError, ValueError):
            # The host is being taken down, or somebody wrote nonsense: keep going
            # with what was valid last.
            pass


class Direction:
    """Frames on their way from one TAP to the other, oldest first."""

    def __init__(self, source, target, control):
        self.source = source
        self.target = target
        self.control = control
        self.frames = collections.deque()
        self.free_at = 0.0

    def take_in(self):
        for _ in range(BURST):
            try:
                frame = os.read(self.source, LARGEST_FRAME)
            except OSError:
                return
            if self.loses(frame) or len(self.frames) >= QUEUE_LIMIT:
                continue
            # A slow line sends one frame after the other.
            sent = time.monotonic()
            if self.control.rate:
                sent = max(sent, self.free_at) + len(frame) / self.control.rate
                self.free_at = sent
            self.frames.append((sent + self.control.delay, frame))

    def loses(self, frame):
        # Packets are lost on the way between networks; who has which address is asked in one's own.
        if frame[12:14] == ARP and self.control.loss < 1:
            return False
        return random.random() < self.control.loss

    def let_out(self, now):
        while self.frames and self.frames[0][0] <= now:
            _, frame = self.frames.popleft()
            try:
                os.write(self.target, frame)
            except OSError:
                # The interface is down or its queue is full: the frame is lost.
                pass

    def next_due(self):
        return self.frames[0][0] if self.frames else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for option in ("--bridge", "--netns", "--tap", "--control", "--ready"):
        parser.add_argument(option, required=True)
    args = parser.parse_args()

    # The second device gets its final name, host0, when it has left this namespace.
    outer, inner = open_tap(args.tap), open_tap(args.tap + "i")
    ip("link", "set", args.tap, "txqueuelen", "10000", "master", args.bridge, "up")
    ip("link", "set", args.tap + "i", "txqueuelen", "10000", "netns", args.netns, "name", "host0")

    control = Control(args.control)
    directions = {outer: Direction(outer, inner, control), inner: Direction(inner, outer, control)}
    poll = select.epoll()
    for tap in directions:
        poll.register(tap, select.EPOLLIN)

    with open(args.ready, "w", encoding="ascii"):
        pass

    next_reload = time.monotonic() + CONTROL_INTERVAL
    while True:
        now = time.monotonic()
        if now >= next_reload:
            control.reload()
            next_reload = now + CONTROL_INTERVAL
        wake = min(
            [next_reload] + [d.next_due() for d in directions.values() if d.frames]
        )
        for tap, _ in poll.poll(max(0.0, wake - now)):
            directions[tap].take_in()
        now = time.monotonic()
        for direction in directions.values():
            direction.let_out(now)


if __name__ == "__main__":
    main()
