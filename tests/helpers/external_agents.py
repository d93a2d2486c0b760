"""External agents for tests: the one of `acp_agent.py`, with a script."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from app.agents.acp.backend import AcpBackend

PROGRAM = Path(__file__).with_name("acp_agent.py")


def external_command(folder: Path, script: dict[str, Any]) -> tuple[str, ...]:
    """The command of an agent that plays a script, which is kept in the folder."""
    file = folder / "script.json"
    file.write_text(json.dumps(script))
    return (sys.executable, "-S", str(PROGRAM), str(file))


def external_agent(folder: Path, script: dict[str, Any], **changes: Any) -> AcpBackend:
    """An agent that plays a script; `changes` are fields of the backend."""
    return AcpBackend("test", external_command(folder, script), **changes)
