"""Random interleavings of processes and kills against a simple model; `make soak` goes on for longer."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import make_home
from tests.soak.random_processes import RandomProcesses

STEPS = 60


@pytest.mark.parametrize("seed", [1])
def test_against_the_model(tmp_path, seed: int) -> None:
    processes = RandomProcesses(make_home(tmp_path), seed)
    try:
        for _ in range(STEPS):
            processes.step()
        processes.check()
        assert processes.model.killed and processes.model.answered > STEPS / 4
    finally:
        processes.close()
