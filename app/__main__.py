"""The program `lovelace` (also `python -m app`). Imports nothing heavy: start-up is felt on every call."""

from __future__ import annotations

import gc
import os
import sys
from typing import NoReturn

GC_THRESHOLD = 100_000
"""Containers between collections. With Python's 700 a list of 10,000 sessions spends a fifth of its time in them, and a
window that starts would have one."""


def main() -> NoReturn:
    """Run the command line of this process and leave with its exit code.

    Everything was closed by then; taking the interpreter apart would only take time.
    """
    from app.cli.program import run

    gc.set_threshold(GC_THRESHOLD)
    code = run(sys.argv[1:], os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
