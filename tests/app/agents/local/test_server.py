from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import openai
import pytest

from app.agents.local.server import LocalServer
from app.errors import AgentError
from tests.app.agents.support import run


def test_a_file_that_is_no_model_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "x.gguf").write_bytes(b"GGUF but nothing else")
    server = LocalServer(tmp_path / "x.gguf")
    with pytest.raises(AgentError, match="could not be started"):
        run(server.address())
    assert server.pid is None
    server.close()


@pytest.mark.model
@pytest.mark.timeout(300)
def test_it_wants_its_key(embedded_model: Path) -> None:
    server = LocalServer(embedded_model, context=512)
    try:
        address = run(server.address(), 250)
        run(_chat(address.url, address.key), 250)
        with pytest.raises(openai.AuthenticationError):
            run(_chat(address.url, "wrong"))
    finally:
        server.close()
    assert server.pid is None


@pytest.mark.model
@pytest.mark.timeout(300)
def test_it_ends_with_the_program_that_started_it(embedded_model: Path) -> None:
    script = (
        "import asyncio, os, sys\nfrom pathlib import Path\nfrom app.agents.local.server import LocalServer\n"
        "server = LocalServer(Path(sys.argv[1]), context=512)\nasyncio.run(server.address())\n"
        "print(server.pid, flush=True)\nos._exit(1)\n"
    )
    command = [sys.executable, "-c", script, str(embedded_model)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250, check=False)
    pid = int(done.stdout)
    for _ in range(500):
        if not _alive(pid):
            return
        time.sleep(0.02)
    raise AssertionError("the server outlives its program")


async def _chat(url: str, key: str) -> None:
    client = openai.AsyncOpenAI(base_url=url, api_key=key, max_retries=0)
    try:
        await client.chat.completions.create(model="local", messages=[{"role": "user", "content": "x"}], max_tokens=1)
    finally:
        await client.close()


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
