"""`make soak`: random processes for SOAK_SECONDS (ten minutes), compared with the model now and then."""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e.conftest import make_home
from tests.soak.random_processes import RandomProcesses

SECONDS = float(os.environ.get("SOAK_SECONDS", "600"))
ROUND_S = 60


@pytest.mark.soak
@pytest.mark.timeout(SECONDS + 300)
def test_random_processes(tmp_path) -> None:
    program, end, round = make_home(tmp_path), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        round += 1
        seed = int(os.environ.get("SOAK_SEED", time.time_ns() % 10**9))
        processes = RandomProcesses(program, seed)
        try:
            until = min(end, time.monotonic() + ROUND_S)
            while time.monotonic() < until:
                processes.step()
            processes.check()
        finally:
            processes.close()
            print(
                f"round {round}, SOAK_SEED={seed}: {processes.model.answered} commits, {processes.model.killed} kills"
            )
