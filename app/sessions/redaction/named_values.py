"""Secrets that only their surroundings give away: passwords in URLs, headers, assignments, options, `.netrc` lines."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from app.sessions.redaction.strength import is_password, is_random, is_stand_in
from app.sessions.redaction.tokens import is_start

Found = tuple[int, int, str]
"""(start, end, kind)."""

_URL = re.compile(rb"://[^\s/?#:@\"'<>\\`]{0,100}:([^\s/?#:@\"'<>\\`()\[\]{}|^*$&,\x80-\xff]{3,200})@[\w\[]")
_BEARER = re.compile(rb"(?i)bearer[ \t]{1,4}([A-Za-z0-9._~+/-]{16,4000}=*)")
_BASIC = re.compile(rb"(?i)basic[ \t]{1,4}([A-Za-z0-9+/]{8,400}={0,2})(?![A-Za-z0-9+/=])")
_USER_OPTION = re.compile(rb" -u[ \t]{0,2}[\"']?[\w.@-]{1,64}:([^\s\"'`$:/\x80-\xff]{4,200})")

_SUFFIX = rb"(?P<suffix>[A-Za-z0-9_-]{0,24})"
_JOIN = rb"[\"'\\\])]{0,9}[ \t]{0,4}(?:=>|:=|==?|:)[ \t]{0,4}"
_VALUE = (
    rb"(?:[bruf]{0,2}\\{0,7}[\"'`](?P<quoted>[^\s\"'`\\\x80-\xff]{6,300})\\{0,7}[\"'`]"
    rb"|(?P<bare>[A-Za-z0-9_\-+/=.~!@#%^*:?]{6,200}+)(?![(\x80-\xff]))"
)
_ASSIGNED = re.compile(_SUFFIX + _JOIN + _VALUE)
_OPTION = re.compile(_SUFFIX + rb"[ \t]{1,3}" + _VALUE)
_IS_OPTION = re.compile(rb"--[A-Za-z-]{0,24}")
_NETRC = re.compile(rb"[ \t]{1,4}(?P<bare>[^\s\"'`\\\x80-\xff]{4,200})")
_ABOUT_IT = re.compile(
    rb"(?i)[_-]?(?:s$|hash|id|ids|count|name|type|kind|limit|length|len|size|url|uri|path|file|expir|ttl|arn|version|"
    rb"field|prompt|policy|param|manager|provider|format|digest|fingerprint|usage|budget|label|column|index)"
)
"""Ends of names that tell something about a secret instead of being one."""
_KEY_OF = re.compile(
    rb"(?i)(?:api|access|auth|private|secret|encryption|signing|master|account|service|storage|admin|shared)[_ -]?$"
)
_PASSWORDS = (b"passw", b"passphrase", b"pwd")
_TOKENS = (b"secret", b"token", b"credential")
_NAMES = re.compile(
    r"(?i)(?:.*[^a-z]|)(?P<password>pass(?:word|wd|phrase)|pwd)$"
    r"|.*(?:secret|token|credential|(?:api|access|auth|private|secret|encryption|signing|master)[_-]?key)$"
)


def kind_of_name(name: str) -> str | None:
    """What a field of this name holds: "password" or "token"; None where it is nothing secret."""
    found = _NAMES.match(name[:100])
    if found is None:
        return None
    return "password" if found["password"] else "token"


def is_secret_value(kind: str, value: bytes) -> bool:
    """Whether the value of a field of this kind can be the secret itself."""
    if any(byte <= 32 or byte >= 127 for byte in value):
        return False
    return is_password(value) if kind == "password" else is_random(value)


def find_named(data: bytes) -> Iterator[Found]:
    """All of them, in no order; they may overlap."""
    yield from _urls(data)
    lowered = data.lower()
    yield from _headers(data, lowered)
    for word in _PASSWORDS:
        for at in _places(lowered, word):
            yield from _assigned(data, at, at + len(word), "password")
    for word in _TOKENS:
        for at in _places(lowered, word):
            yield from _assigned(data, at, at + len(word), "token")
    for at in _places(lowered, b"key"):
        if _KEY_OF.search(data, max(0, at - 12), at):
            yield from _assigned(data, at, at + 3, "token")


def _places(data: bytes, literal: bytes) -> Iterator[int]:
    at = data.find(literal)
    while at >= 0:
        yield at
        at = data.find(literal, at + len(literal))


def _urls(data: bytes) -> Iterator[Found]:
    for at in _places(data, b"://") if b"@" in data else ():
        found = _URL.match(data, at)
        if found is not None and not is_stand_in(found[1]):
            yield (*found.span(1), "password in a URL")
    for at in _places(data, b" -u"):
        found = _USER_OPTION.match(data, at)
        if found is not None and not is_stand_in(found[1]) and data.rfind(b"curl", max(0, at - 200), at) >= 0:
            yield (*found.span(1), "password")


def _headers(data: bytes, lowered: bytes) -> Iterator[Found]:
    for at in _places(lowered, b"bearer"):
        found = _BEARER.match(data, at)
        if found is not None and is_start(data, at) and is_random(found[1]):
            yield (*found.span(1), "bearer token")
    for at in _places(lowered, b"basic"):
        found = _BASIC.match(data, at)
        if found is not None and is_start(data, at) and _is_user_and_password(found[1]):
            yield (*found.span(1), "password")


def _is_user_and_password(value: bytes) -> bool:
    try:
        user, colon, password = base64.b64decode(value, validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return False
    return bool(user and colon and password) and (user + password).decode("latin-1").isprintable()


def _assigned(data: bytes, at: int, end: int, kind: str) -> Iterator[Found]:
    """What the name at `at` is given as its value. end: where the telling word of the name ends."""
    if kind == "password":
        for whole in (b"ord", b"d", b"ort"):
            if data[end : end + len(whole)].lower() == whole:
                end += len(whole)
                break
    found = _ASSIGNED.match(data, end)
    if found is None and (option := data.rfind(b"--", max(0, at - 26), at)) >= 0:
        found = _OPTION.match(data, end) if _IS_OPTION.fullmatch(data, option, at) else None
    if found is None:
        yield from _netrc(data, at, end, kind)
        return
    if _ABOUT_IT.match(found["suffix"]):
        return
    group = "quoted" if found["quoted"] is not None else "bare"
    if is_secret_value(kind, found[group]):
        yield (*found.span(group), kind)


def _netrc(data: bytes, at: int, end: int, kind: str) -> Iterator[Found]:
    if kind == "password" and data.rfind(b"login ", max(0, at - 120), at) >= 0:
        found = _NETRC.match(data, end)
        if found is not None and data.rfind(b"machine ", max(0, at - 400), at) >= 0 and not is_stand_in(found["bare"]):
            yield (*found.span("bare"), "password")
