"""The safety net of the test suite catches what it is there for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.helpers import leaks, loopback


def test_a_thread_that_goes_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "_GRACE", 0.0)
    before, stop = leaks.snapshot(), threading.Event()
    thread = threading.Thread(target=stop.wait, name="stray")
    thread.start()
    assert leaks.leaked_since(before) == ["thread 'stray'"]
    stop.set()
    thread.join()
    assert leaks.leaked_since(before) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="child processes are read from /proc")
def test_a_process_that_goes_on_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaks, "_GRACE", 0.0)
    before = leaks.snapshot()
    with subprocess.Popen(["sleep", "60"]) as child:
        deadline = time.monotonic() + 5.0
        while not (found := leaks.leaked_since(before)) and time.monotonic() < deadline:
            time.sleep(0.01)  # it has just begun, and may not say yet what it is
        assert [str(child.pid) in text for text in found] == [True]
        assert child.pid in leaks._all_with_this_parent()
        child.kill()
    assert leaks.leaked_since(before) == []


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_other_computers_are_out_of_reach(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(loopback.NetworkRefused):
        connection.connect(address)


def test_other_names_are_not_looked_up() -> None:
    with pytest.raises(loopback.NetworkRefused):
        socket.getaddrinfo("lovelace.invalid", 80)
    assert socket.getaddrinfo("127.0.0.1", 80)


def test_homes_are_empty_and_not_the_persons_own() -> None:
    for variable in ("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
        assert "lovelace-tests-" in os.environ[variable]
