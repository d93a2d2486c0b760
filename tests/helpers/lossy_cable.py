"""A cable between two network namespaces that loses packets, for kernels without netem: frames go through this process.

`python lossy_cable.py PID SHARE COUNT` joins the namespace it runs in with that of a process, loses this share of the
frames in both directions, and writes to the file COUNT how many. Its ends are called as those of `Neighbour`.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import select
import struct
import sys
from pathlib import Path

HERE, THERE = "lovelace0", "lovelace1"
_TUNSETIFF, _IFF_TAP, _IFF_NO_PI, _CLONE_NEWNET = 0x400454CA, 0x0002, 0x1000, 0x40000000
_FRAME = 65_536


def open_end(name: str) -> int:
    """One end of the cable, in the namespace that this process is in."""
    end = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(end, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TAP | _IFF_NO_PI))
    return end


def carry(ends: tuple[int, int], share: float, count: Path) -> None:
    """Carry frames from each end to the other until this process is killed."""
    chance, lost = random.Random(5), 0
    while True:
        ready, _, _ = select.select(ends, [], [])
        for end in ready:
            frame = os.read(end, _FRAME)
            if chance.random() < share:
                lost += 1
                count.write_text(str(lost))
                continue
            try:
                os.write(ends[0] if end == ends[1] else ends[1], frame)
            except OSError:
                continue  # the other end is down


def main(pid: str, share: str, count: str) -> None:
    """Open both ends, say so, and carry."""
    here = open_end(HERE)
    with open(f"/proc/{pid}/ns/net", "rb") as namespace:
        if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "the other namespace cannot be entered")
    there = open_end(THERE)
    Path(count).write_text("0")
    print("ready", flush=True)
    carry((here, there), float(share), Path(count))


if __name__ == "__main__":
    main(*sys.argv[1:])
