"""The real program as the client that the MCP conformance suite wants: `conformance_client.py FOLDER … URL`.

FOLDER has a home in it (`tests.e2e.conftest.make_home`). The suite names the scenario in the environment.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.e2e.conftest import Program
from tests.e2e.test_terminal import terminal

CALLS = {"tools_call": ("add_numbers", '{"a": 5, "b": 3}'), "sse-retry": ("test_reconnection", "{}")}


def main(folder: Path, url: str, scenario: str) -> int:
    """Do what the scenario wants to see; the program's exit code."""
    program = Program(folder)
    name = scenario.replace("/", "-")
    program.json("mcp", "add", name, "--url", url)
    if scenario.startswith("elicitation"):
        return accept_defaults(program, name)
    words = ("call", name, *CALLS[scenario]) if scenario in CALLS else ("tools", name)
    done = program.run("mcp", *words)
    sys.stderr.write(done.err)
    return done.code


def accept_defaults(program: Program, name: str) -> int:
    """A person who agrees, and takes what the form proposes."""
    with terminal(program, "mcp", "call", name, "test_client_elicitation_defaults") as asked:
        asked.expect("Answer? [y/N] ")
        asked.type("y\n")
        for _ in range(5):
            asked.expect("]: ")
            asked.type("\n")
        asked.end()
    return asked.code or 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[-1], os.environ["MCP_CONFORMANCE_SCENARIO"]))
