"""Configurations: what makes sense, where secrets go, what other programs' files hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.agents.mcp.config import ServerConfig, check
from app.agents.mcp.files import known_files, parse_servers, read_servers
from app.agents.mcp.launch import Address, Launch, plan
from app.agents.mcp.secret_values import join, looks_secret, masked, missing, part, shown_address
from app.agents.mcp.servers import SETTING, ServerRegistry
from app.errors import NotFound, UserError
from tests.app.agents.support import run
from tests.app.agents.test_registry import Keys, Settings

GITHUB = ServerConfig(
    name="github",
    command="npx",
    args=("-y", "server", "--api-key", "abc1234567", "--port", "8080"),
    env={"GITHUB_TOKEN": "ghp_0123456789abcdefghijKLMN", "MAX_TOKENS": "4096", "DEBUG": "true"},
)
REMOTE = ServerConfig(
    name="remote", url="https://x.test/mcp?apiKey=s3cr3t&page=1", headers={"Authorization": "Bearer abc"}
)
KEYS = st.sampled_from(["command", "args", "env", "url", "type", "headers", "cwd"]) | st.text(max_size=8)
ENTRIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)
STRINGS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def test_secrets_are_parted_and_come_back() -> None:
    plain, secrets = part(GITHUB)
    assert plain.args == ("-y", "server", "--api-key", None, "--port", "8080")
    assert plain.env == {"GITHUB_TOKEN": None, "MAX_TOKENS": "4096", "DEBUG": "true"}
    assert secrets == {"args.3": "abc1234567", "env.GITHUB_TOKEN": "ghp_0123456789abcdefghijKLMN"}
    assert join(plain, secrets) == GITHUB
    assert missing(join(plain, {})) == ["GITHUB_TOKEN", "argument 4"]
    assert "abc1234567" not in plain.where()


def test_headers_and_parameters_are_parted() -> None:
    plain, secrets = part(REMOTE)
    assert plain.url == "https://x.test/mcp?apiKey=‹secret›&page=1"
    assert plain.headers == {"Authorization": None}
    assert join(plain, secrets) == REMOTE
    assert shown_address("https://ann:pw@x.test/mcp") == "https://x.test/mcp"
    assert shown_address("https://x.test/mcp?page=1") == "https://x.test/mcp?page=1"


@given(STRINGS, st.lists(STRINGS, max_size=5), st.dictionaries(STRINGS, STRINGS, max_size=4))
def test_every_configuration_comes_back(command: str, args: list[str], env: dict[str, str]) -> None:
    config = ServerConfig(name="x", command=command, args=tuple(args), env=dict(env))
    plain, secrets = part(config)
    assert join(plain, secrets) == config
    assert not any(secret in json.dumps([plain.args, plain.env]) for secret in secrets.values() if len(secret) > 8)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("API_KEY", "x", True),
        ("apiKey", "abc", True),
        ("PASSWORD", "1", False),
        ("PASSWORD", "hunter22", True),
        ("MAX_TOKENS", "4096", False),
        ("AUTHOR", "Ann", False),
        ("passphrase-file", "/home/ann/passphrase", False),
        ("SECRET_NAME", "production", False),
        ("DATABASE_URL", "postgres://ann:pw@host/db", True),
        ("URL", "https://x.test/a", False),
        ("ANY", "sk-proj-0123456789abcdefgh", True),
        ("ANY", "Ab3dEf6hIj9kLm2nOp5qRs8t", True),
        ("ANY", "/home/Ann/Project2/File3/And4/More", False),
        ("GITHUB_TOKEN", "${input:token}", False),
        ("", "--keyboard", False),
    ],
)
def test_what_looks_secret(name: str, value: str, secret: bool) -> None:
    assert looks_secret(name, value) is secret


def test_secrets_are_masked_but_not_ordinary_words() -> None:
    assert masked("it says abc1234567 and the", ["abc1234567", "the"]) == "it says ‹secret› and the"


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        (ServerConfig(name="", command="x"), "cannot name a server"),
        (ServerConfig(name="a\nb", command="x"), "cannot name a server"),
        (ServerConfig(name="a"), "either a command or an address"),
        (ServerConfig(name="a", command="x", url="http://x.test"), "either a command or an address"),
        (ServerConfig(name="a", url="ftp://x"), "is not a web address"),
        (ServerConfig(name="a", command="x", headers={"A": "b"}), "only addresses have headers"),
        (ServerConfig(name="a", url="http://x.test", env={"A": "b"}), "only commands have"),
        (ServerConfig(name="a", url="http://x.test", headers={"A": "b\r\nHost: y"}), "has a line break"),
        (ServerConfig(name="a", command="x\0y"), "forbidden character"),
        (ServerConfig(name="a", command="x", env={"A=B": "c"}), "'=' in it"),
        (ServerConfig(name="a", command="x", args=("",) * 501), "more than 500"),
    ],
)
def test_what_makes_no_sense_is_told(config: ServerConfig, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        check(config)


# the registry


def test_the_database_holds_no_secret() -> None:
    store, keys = Settings(), Keys()
    servers = ServerRegistry(store, secrets=keys)

    async def work() -> None:
        await servers.add(GITHUB, REMOTE)
        stored = json.dumps(store.values[SETTING])
        for secret in ("abc1234567", "ghp_", "s3cr3t", "Bearer"):
            assert secret not in stored
        assert await servers.complete("github") == GITHUB
        assert await servers.complete("remote") == REMOTE
        assert [one.name for one in await servers.configured()] == ["github", "remote"]
        await servers.let_agents("github", False)
        assert not (await servers.complete("github")).agents
        await servers.remove("github")
        assert "github" not in keys.kept
        with pytest.raises(NotFound, match=r"no MCP server 'github'. There are: remote\."):
            await servers.config("github")

    run(work())


def test_a_server_configured_anew_without_secrets_leaves_none() -> None:
    keys = Keys()
    servers = ServerRegistry(Settings(), secrets=keys)

    async def work() -> None:
        await servers.add(GITHUB)
        await servers.add(ServerConfig(name="github", command="x"))
        assert keys.kept == {}
        assert (await servers.complete("github")).command == "x"

    run(work())


def test_servers_without_secrets_need_no_keyring() -> None:
    servers = ServerRegistry(Settings(), secrets=Keys(broken=True))

    async def work() -> None:
        config = ServerConfig(name="a", command="x")
        await servers.add(config)
        assert await servers.complete("a") == config
        await servers.remove("a")

    run(work())


def test_a_keyring_that_lost_a_secret_is_told() -> None:
    keys = Keys()
    servers = ServerRegistry(Settings(), secrets=keys)

    async def work() -> None:
        await servers.add(GITHUB)
        keys.kept.clear()
        with pytest.raises(UserError, match="has no GITHUB_TOKEN, argument 4 for the MCP server 'github'"):
            await servers.complete("github")

    run(work())


def test_what_an_import_would_do() -> None:
    servers = ServerRegistry(Settings(), secrets=Keys())

    async def work() -> None:
        await servers.add(GITHUB, REMOTE)
        other = ServerConfig(name="remote", url=REMOTE.url, headers={"Authorization": "Bearer other"})
        new = ServerConfig(name="new", command="x")
        states = await servers.compare([GITHUB, other, new])
        assert {state: [one.name for one in found] for state, found in states.items()} == {
            "new": ["new"],
            "changed": ["remote"],
            "unchanged": ["github"],
        }

    run(work())


# files of other programs


def found(value: Any) -> Any:
    return parse_servers(json.dumps(value).encode(), "the file")


def test_the_file_of_claude_desktop() -> None:
    entry = {"command": "npx", "args": ["-y", "server", 1], "env": {"A": "b", "N": 5, "T": True}}
    servers = found({"mcpServers": {"files": entry}, "globalShortcut": ""}).servers
    assert servers == (
        ServerConfig(name="files", command="npx", args=("-y", "server", "1"), env={"A": "b", "N": "5", "T": "true"}),
    )


def test_the_files_of_vs_code_with_comments_and_questions() -> None:
    text = b"""{
      // my servers
      "inputs": [{"id": "key", "type": "promptString"}],
      "servers": { /* both kinds */
        "web": {"type": "http", "url": "https://x.test//mcp", "headers": {"X-Key": "${input:key}"}},
        "old": {"type": "sse", "url": "https://x.test/sse"},
        "files": {"type": "stdio", "command": "server", "args": ["a, b,", "// no comment"],},
      },
    }"""
    read = parse_servers(text, "mcp.json")
    assert [one.name for one in read.servers] == ["web", "files"]
    assert read.servers[0].url == "https://x.test//mcp"
    assert read.servers[1].args == ("a, b,", "// no comment")
    assert "asks for key there" in read.notes["web"]
    assert [(one.name, "old SSE transport" in one.reason) for one in read.skipped] == [("old", True)]
    assert [one.name for one in found({"mcp": {"servers": {"a": {"command": "x"}}}}).servers] == ["a"]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (5, "not an object"),
        ({}, "no 'command'"),
        ({"command": ["x"]}, "'command' is not a text"),
        ({"command": "x", "args": "y"}, "'args' is not a list"),
        ({"command": "x", "args": [{}]}, "'args' is not a text"),
        ({"command": "x", "env": []}, "'env' is not an object"),
        ({"type": "carrier pigeon", "url": "x"}, "'carrier pigeon', which is not known"),
        ({"url": "javascript:1"}, "is not a web address"),
    ],
)
def test_entries_that_make_no_sense_are_left_out_with_a_reason(entry: Any, reason: str) -> None:
    read = found({"mcpServers": {"bad": entry, "good": {"command": "x"}}})
    assert [one.name for one in read.servers] == ["good"]
    assert reason in read.skipped[0].reason


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff\xfe", b"{" * 100_000, b'{"mcpServers": []}', b'{"a": 1'])
def test_files_that_are_none_are_told(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(data)
    with pytest.raises(UserError, match=r"x\.json"):
        read_servers(tmp_path / "x.json")


@given(ENTRIES)
def test_whatever_a_file_holds_it_is_read_or_told(value: Any) -> None:
    for shape in ({"mcpServers": value}, {"servers": {"a": value}}, value):
        try:
            read = found(shape)
        except UserError:
            continue
        for config in read.servers:
            check(config)


def test_files_are_found_where_other_programs_keep_them(tmp_path: Path) -> None:
    place = tmp_path / "config" / "Claude" / "claude_desktop_config.json"
    place.parent.mkdir(parents=True)
    place.write_text('{"mcpServers": {"a": {"command": "x"}}}')
    (tmp_path / ".claude.json").write_text("{}")
    assert known_files(tmp_path, {"XDG_CONFIG_HOME": str(tmp_path / "config")}) == [place]


# launching


def test_variables_are_filled_in(tmp_path: Path) -> None:
    config = ServerConfig(
        name="x", command="sh", args=("~/a", "${workspaceFolder}/b", "${X:-none}", "${env:Y}", "$Z"), env={"K": "${Y}"}
    )
    environment = {"PATH": "/bin:/usr/bin", "HOME": str(tmp_path), "Y": "why", "SSH_AUTH_SOCK": "s"}
    launch = plan(config, folders=[tmp_path], environment=environment)
    assert isinstance(launch, Launch)
    assert launch.argv[1:] == (f"{tmp_path}/a", f"{tmp_path}/b", "none", "why", "$Z")
    assert launch.env == {"PATH": "/bin:/usr/bin", "HOME": str(tmp_path), "K": "why"}
    assert launch.cwd == tmp_path


def test_an_address_is_filled_in_too() -> None:
    address = plan(
        ServerConfig(name="x", url="http://x.test/${P}", headers={"A": "Bearer ${T}"}), environment={"P": "p", "T": "t"}
    )
    assert isinstance(address, Address)
    assert (address.url, address.headers) == ("http://x.test/p", {"A": "Bearer t"})
