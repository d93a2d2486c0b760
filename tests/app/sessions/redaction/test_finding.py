from __future__ import annotations

import base64
import hashlib
import itertools
import json
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.bodies import encode_draft
from app.sessions.events import Draft, ToolCall, UserMessage
from app.sessions.ids import new_id
from app.sessions.redaction.finding import find_secrets, which_hold
from tests.helpers.secrets_to_plant import NAMED, TOKENS, made_up, private_key

ROOT = Path(__file__).parents[4]
FIXTURES = sorted((ROOT / "tests" / "fixtures").rglob("*.jsonl"))


def found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in find_secrets(text)]


@pytest.mark.parametrize("name", TOKENS)
@pytest.mark.parametrize("around", ["{}", "use {} here", '"{}"', "key={};", "\\n{}\\n", "\x1b[32m{}\x1b[0m", "ä {} ›"])
def test_a_token_is_found_wherever_it_stands(name: str, around: str) -> None:
    assert found(around.format(TOKENS[name])) == [TOKENS[name]]


@pytest.mark.parametrize("name", NAMED)
def test_what_surroundings_give_away_is_found(name: str) -> None:
    text, secret = NAMED[name]
    assert found(f"before\n{text}\nafter") == [secret]
    assert [json.loads(f'"{one}"') for one in found(json.dumps(f"before\n{text}\nafter"))] == [secret]


@pytest.mark.parametrize(
    ("before", "after", "begin"),
    [("\n", "\n", ""), ("\\n", "\\n", ""), ("\n", "\n", "+"), ("\n", "\n", "> "), ("\r\n", "\n", "")],
    ids=["plain", "escaped", "diff", "quoted", "crlf"],
)
def test_a_private_key_is_found_in_every_dress(before: str, after: str, begin: str) -> None:
    lines = [begin + line for line in private_key().split("\n")]
    text = before.join(["some text", *lines, "more"])
    [secret] = found(text)
    assert all(line in secret for line in lines[1:-1]) or begin
    assert all(line[len(begin) :] in secret for line in lines[1:-1])
    assert "BEGIN" not in secret and "END" not in secret


def test_a_private_key_that_is_cut_off_is_found_too() -> None:
    key = private_key()
    assert found(f"$ cat key\n{key[:200]}")[0] == key[:200].split("-----\n")[1]
    assert not find_secrets("-----BEGIN PUBLIC KEY-----\n" + made_up(200) + "\n-----END PUBLIC KEY-----")


@pytest.mark.parametrize(
    "text",
    [
        f"commit {hashlib.sha1(b'x').hexdigest()}",
        f"sha256: {hashlib.sha256(b'x').hexdigest()}",
        f"token_hash: {hashlib.sha256(b'x').hexdigest()}",
        f'"token": "{uuid.UUID(int=0x12345678123456781234567812345678)}"',
        f'"secret": "{new_id(1_700_000_000_000, bytes(range(10)))}"',
        "data:image/png;base64," + base64.b64encode(hashlib.shake_256(b"x").digest(20_000)).decode(),
        '"signature": "' + base64.urlsafe_b64encode(hashlib.shake_256(b"y").digest(20_000)).decode() + '"',
        '"usage": {"input_tokens": 1234567, "output_tokens": 89}',
        "password = base64.b64decode(value)",
        "password: str | None = None, secret=credentials.secret, token=self._token2",
        "PASSWORD=$DB_PASSWORD1 TOKEN=${TOKEN_2} api_key='your-api-key-123456' key=<your key 1>",
        "password=os.environ['PASSWORD1'], api_key = process.env.API_KEY_2",
        'token = "lovelace/blob-key/1"',
        "https://example.org:8080/a/b@2 and ssh://git@host:22/x and user@example.org",
        "https://user:password@example.org and http://name:${PASS}@host",
        "AKIAIOSFODNN7EXAMPLE",
        "the sk-learn-like-name-that-is-long-enough and task-force-of-twenty-two-people-2024",
        "Bearer of news; basic authentication; a token of appreciation",
        "‹secret 1› password=‹secret 12› https://bob:‹secret 2›@host Bearer ‹secret 3›",
        "",
    ],
)
def test_no_false_alarm(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize("text", [*TOKENS.values(), *(text for text, _ in NAMED.values()), private_key()])
@pytest.mark.parametrize("before", ["", "x", "\x01", "\x1b[1m", "\n", "ä", '{\\"a\\": \\"', "\\\\"])
def test_an_event_with_a_secret_is_looked_at(text: str, before: str) -> None:
    """Whatever is found in the text itself must be seen in the JSON of its event."""
    wanted = bool(find_secrets(before + text))
    bodies = (UserMessage(text="plain"), UserMessage(text=before + text), ToolCall(call_id="1", name="x", input=[text]))
    encoded = [encode_draft(Draft(body=body, time=1)) for body in bodies]
    assert which_hold(encoded) >= ({1, 2} if wanted else {2})
    assert 0 not in which_hold(encoded)


@pytest.mark.parametrize("name", ["password", "dbPassword", "api_key", "clientSecret", "TOKEN"])
def test_a_value_under_a_telling_name_is_looked_at(name: str) -> None:
    call = ToolCall(call_id="1", name="x", input={name: made_up(30)})
    assert which_hold([encode_draft(Draft(body=call, time=1))]) == {0}


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from strings(item)


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.name)
def test_the_fixtures_have_no_secret(path: Path) -> None:
    text = path.read_text()
    assert found(text) == []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except json.JSONDecodeError:
            continue
        assert [one for said in strings(value) for one in found(said)] == []


def test_the_program_itself_has_no_secret() -> None:
    alarms = {}
    for path in (*ROOT.glob("app/**/*.py"), *ROOT.glob("sync/**/*.py"), ROOT / "README.md"):
        if one := found(path.read_text()):
            alarms[str(path)] = one
    assert alarms == {}


_filling = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="‹›"), max_size=60)


@given(st.lists(st.sampled_from(sorted(TOKENS.values())), min_size=1, max_size=4), _filling)
def test_planted_tokens_are_all_found(tokens: list[str], filling: str) -> None:
    text = f" {filling} ".join(["", *tokens, ""])
    spans = find_secrets(text)
    for token in tokens:
        assert any(token in text[span.start : span.end] for span in spans)
    assert all(one.end <= other.start for one, other in itertools.pairwise(spans))


@given(st.text())
def test_nothing_that_is_said_raises(text: str) -> None:
    for span in find_secrets(text + "\ud800"):
        assert 0 <= span.start < span.end <= len(text) + 1


_UNIT = [
    "-----BEGIN RSA " + "PRIVATE KEY-----",
    "PRIVATE KEY",
    "password=",
    'password = \\\\\\"',
    "token: ",
    "--password ",
    "://a:",
    "://" + "a" * 99,
    "Bearer ",
    "basic ",
    "eyJaaaaaaaaaaaa.",
    "sk-",
    "sk-a-",
    "xoxb-",
    ":AA",
    "1234567890",
    "Q~",
    ".atlasv1.",
    "_",
    "-",
    "_aaaaaaaaaaaaaaaa",
    "hooks.slack.com/a/",
    " -u a:",
    "login machine password ",
    "secret" + "_" * 24,
    "\\n",
    "a",
]


@pytest.mark.parametrize("unit", _UNIT)
def test_hostile_text_takes_linear_time(unit: str) -> None:
    """Ten times the text may take ten times as long, and some; never a hundred times."""

    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        spent = []
        for _ in range(2):
            begun = time.perf_counter()
            find_secrets(text)
            spent.append(time.perf_counter() - begun)
        return min(spent)

    assert seconds(200_000) < 40 * seconds(20_000) + 0.02
    assert seconds(200_000) < 5.0
