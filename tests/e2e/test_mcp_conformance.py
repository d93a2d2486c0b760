"""The conformance suite of MCP against the real program, as a client and as a server; `make test-external` installs it.

What is expected to fail is listed here with the reason; what passes unexpectedly is a failure too.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import CHECKOUT, Program, make_home
from tests.helpers.mcp_servers import needed
from tests.helpers.token_forwarder import forwarded

pytestmark = [pytest.mark.external, pytest.mark.namespace, pytest.mark.timeout(150)]

CLIENT_PASSES = ("initialize", "tools_call", "elicitation-sep1034-client-defaults", "sse-retry")

# A client of Lovelace's sends the headers that it is given; it registers nowhere and asks for no tokens (OAuth).
NO_OAUTH = """
    auth/metadata-default auth/metadata-var1 auth/metadata-var2 auth/metadata-var3 auth/basic-cimd
    auth/scope-from-www-authenticate auth/scope-from-scopes-supported auth/scope-omitted-when-undefined
    auth/scope-step-up auth/scope-retry-limit auth/token-endpoint-auth-basic auth/token-endpoint-auth-post
    auth/token-endpoint-auth-none auth/pre-registration
""".split()
NO_OAUTH_NOT_TRIED = """
    auth/2025-03-26-oauth-metadata-backcompat auth/2025-03-26-oauth-endpoint-fallback
    auth/client-credentials-jwt auth/client-credentials-basic
""".split()
# It asks for no token, hence for none of the wrong resource.
NO_TOKEN_TO_MISUSE = ["auth/resource-mismatch"]

SERVER_PASSES = """
    server-initialize ping tools-list server-sse-multiple-streams resources-list prompts-list dns-rebinding-protection
""".split()
# They want a tool of the suite's own; that there is none is an answer with a text and an error, which they accept.
SERVER_PASSES_ANYWAY = ["tools-call-simple-text", "tools-call-error"]
# They want tools, resources and prompts that only a server made for the suite has.
OF_THE_SUITE = """
    tools-call-image tools-call-audio tools-call-embedded-resource tools-call-mixed-content tools-call-with-logging
    tools-call-with-progress tools-call-sampling tools-call-elicitation json-schema-2020-12
    elicitation-sep1034-defaults elicitation-sep1330-enums server-sse-polling resources-read-text
    resources-read-binary resources-templates-read prompts-get-simple prompts-get-with-args
    prompts-get-embedded-resource prompts-get-with-image
""".split()
# What is optional, and not declared: Lovelace serves tools that read, no more.
NOT_OFFERED = "logging-set-level completion-complete resources-subscribe resources-unsubscribe".split()


def suite(*words: str, seconds: float = 120) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*needed("conformance"), *words], capture_output=True, text=True, timeout=seconds)


def outcomes(printed: str) -> dict[str, bool]:
    """Of the summary: by scenario, whether it passed."""
    found = re.findall(r"^([✓✗]) (\S+): ", printed, re.MULTILINE)
    return {name: sign == "✓" for sign, name in found}


def client(folder: Path) -> str:
    """The command of our client, in the home of a folder."""
    script = CHECKOUT / "tests/helpers/conformance_client.py"
    return shlex.join([sys.executable, str(script), str(folder)])


def test_every_scenario_is_accounted_for() -> None:
    listed = re.findall(r"^  - (\S+)$", suite("list").stdout, re.MULTILINE)
    ours = (*CLIENT_PASSES, *NO_OAUTH, *NO_OAUTH_NOT_TRIED, *NO_TOKEN_TO_MISUSE)
    theirs = (*SERVER_PASSES, *SERVER_PASSES_ANYWAY, *OF_THE_SUITE, *NOT_OFFERED)
    assert sorted(listed) == sorted([*ours, *theirs])


@pytest.mark.parametrize("scenario", CLIENT_PASSES)
def test_our_client(scenario: str, program: Program) -> None:
    done = suite("client", "--command", client(program.folder), "--scenario", scenario)
    assert "OVERALL: PASSED" in done.stdout + done.stderr, done.stdout + done.stderr
    assert done.returncode == 0


def test_our_client_asks_for_no_tokens(tmp_path: Path) -> None:
    program = make_home(tmp_path)
    done = suite("client", "--command", client(program.folder), "--suite", "auth", "--timeout", "100000")
    assert outcomes(done.stdout) == dict.fromkeys(NO_OAUTH, False) | dict.fromkeys(NO_TOKEN_TO_MISUSE, True)


@contextmanager
def served(program: Program) -> Iterator[str]:
    """The address of `lovelace mcp serve --http`, for those who have no token."""
    words = program.arguments(["--json", "mcp", "serve", "--http"])
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=program.environment) as process:
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            with forwarded(told["url"], told["token"]) as address:
                yield address
        finally:
            process.terminate()


def test_our_server(program: Program) -> None:
    with served(program) as address:
        done = suite("server", "--url", address, "--suite", "all")
    passes = dict.fromkeys([*SERVER_PASSES, *SERVER_PASSES_ANYWAY], True)
    assert outcomes(done.stdout) == passes | dict.fromkeys([*OF_THE_SUITE, *NOT_OFFERED], False)
