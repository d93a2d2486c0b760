"""Tokens that their issuers made to be recognised: each begins with, or holds, a text that hardly stands elsewhere.

The forms are those that their issuers document. The way of working (a literal that must be there, then an expression
for the whole; a test of randomness for what is less certain) is that of gitleaks (MIT) and detect-secrets (Apache-2.0).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.sessions.redaction.strength import is_random, is_stand_in

_LETTERS = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_ESCAPES = (b"\\n", b"\\t", b"\\r")
_COLOUR = re.compile(rb"(?:\x1b|\\u001b|\\e|\\033)\[[0-9;]{0,12}[a-zA-Z]$|\\u00[0-9a-f]{2}$")
_END = rb"(?![A-Za-z0-9_])"


@dataclass(frozen=True, slots=True)
class Token:
    """literal: must be there. pattern: the token, its secret part as the group `s` if it is not all of it.

    before: how many characters of the token come before the literal, at most. free: it may follow on a letter or digit.
    test: what the secret part must pass.
    """

    kind: str
    literal: bytes
    pattern: re.Pattern[bytes]
    before: int = 0
    free: bool = False
    test: Callable[[bytes], bool] = lambda value: not is_stand_in(value)

    def match(self, data: bytes, at: int) -> Match | None:
        """What its literal at `at` stands in."""
        for start in range(max(0, at - self.before), at + 1):
            found = self.pattern.match(data, start)
            if found is not None and found.end() > at and (self.free or is_start(data, start)):
                group = "s" if "s" in self.pattern.groupindex else 0
                return Match(*found.span(group), self.test(found[group]))
        return None


@dataclass(frozen=True, slots=True)
class Match:
    """What has the form of a token, and whether it passed the test of it."""

    start: int
    end: int
    is_secret: bool


def is_start(data: bytes, at: int) -> bool:
    """Whether a word can begin here: no letter or digit is before it, but for that of an escape such as `\\n`."""
    if at == 0 or data[at - 1] not in _LETTERS:
        return True
    return data[max(0, at - 2) : at] in _ESCAPES or _COLOUR.search(data, max(0, at - 20), at) is not None


def _token(kind: str, literal: bytes, rest: bytes, *, end: bytes = _END) -> Token:
    return Token(kind, literal, re.compile(re.escape(literal) + rest + end), free=literal[-1:] in b"_-")


def _tested(kind: str, literal: bytes, pattern: bytes, *, before: int = 0, free: bool = False) -> Token:
    return Token(kind, literal, re.compile(pattern), before, free, test=lambda value: is_random(value))


TOKENS: tuple[Token, ...] = (
    *(_token("AWS access key", name, rb"[A-Z2-7]{16}") for name in (b"AKIA", b"ASIA")),
    *(_token("GitHub token", name, rb"[A-Za-z0-9]{36,251}") for name in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")),
    _token("GitHub token", b"github_pat_", rb"[A-Za-z0-9_]{36,251}"),
    *(_token("GitLab token", name, rb"[\w-]{20,}") for name in (b"glpat-", b"gldt-", b"glrt-", b"glptt-", b"glcbt-")),
    Token("Slack token", b"xox", re.compile(rb"xox[a-z]-[0-9A-Za-z-]{10,}")),
    _token("Slack token", b"xapp-", rb"[0-9A-Za-z-]{20,}"),
    Token("Slack webhook", b"hooks.slack.com/", re.compile(rb"hooks\.slack\.com/\w+/(?P<s>[\w/+-]{20,})")),
    *(_token("Stripe key", name, rb"[A-Za-z0-9]{16,}") for name in (b"sk_live_", b"rk_live_", b"sk_test_")),
    _token("Stripe key", b"whsec_", rb"[A-Za-z0-9+/=]{24,}"),
    _token("Anthropic key", b"sk-ant-", rb"[\w-]{24,}"),
    _tested("API key", b"sk-", rb"sk-(?!ant-)(?:[a-z]+-(?:v1-)?)?[\w-]{20,}"),
    _token("Google key", b"AIza", rb"[\w-]{35}"),
    _token("Google token", b"ya29.", rb"[\w-]{20,}"),
    _token("Google secret", b"GOCSPX-", rb"[\w-]{28}"),
    _token("npm token", b"npm_", rb"[A-Za-z0-9]{36}"),
    _token("PyPI token", b"pypi-AgE", rb"[\w-]{50,}"),
    _token("Hugging Face token", b"hf_", rb"[A-Za-z0-9]{30,}"),
    _token("SendGrid key", b"SG.", rb"[\w-]{16,32}\.[\w-]{32,64}"),
    _token("Twilio key", b"SK", rb"[0-9a-f]{32}"),
    Token("JSON web token", b"eyJ", re.compile(rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    _token("age key", b"AGE-SECRET-KEY-1", rb"[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    Token("Azure signature", b"sig=", re.compile(rb"sig=(?P<s>[A-Za-z0-9%+/]{40,}=?)")),
    _tested("Azure secret", b"Q~", rb"[\w~.]{3}[0-9]Q~[\w~.-]{31,34}", before=4),
    _token("DigitalOcean token", b"dop_v1_", rb"[a-f0-9]{64}"),
    _token("Docker token", b"dckr_pat_", rb"[\w-]{27,}"),
    _token("Grafana token", b"glsa_", rb"[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"),
    _token("Databricks token", b"dapi", rb"[a-f0-9]{32}"),
    *(_token("Shopify token", name, rb"[a-fA-F0-9]{32}") for name in (b"shpat_", b"shpss_", b"shpca_")),
    _token("Linear key", b"lin_api_", rb"[A-Za-z0-9]{40}"),
    _token("Notion token", b"ntn_", rb"[A-Za-z0-9]{40,}"),
    _token("Vault token", b"hvs.", rb"[\w-]{24,}"),
    Token("Terraform token", b".atlasv1.", re.compile(rb"[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70}"), before=14),
    Token("Telegram token", b":AA", re.compile(rb"[0-9]{8,10}:AA[\w-]{32,33}" + _END), before=10),
    _token("Groq key", b"gsk_", rb"[A-Za-z0-9]{48,}"),
    _token("xAI key", b"xai-", rb"[A-Za-z0-9]{70,}"),
    _token("Replicate token", b"r8_", rb"[A-Za-z0-9]{37,40}"),
    _token("Supabase token", b"sbp_", rb"[a-f0-9]{40}"),
    *(_token("Sentry token", name, rb"[A-Za-z0-9]{16}[\w+/=-]{24,}") for name in (b"sntrys_", b"sntryu_")),
    _token("Postman key", b"PMAK-", rb"[a-f0-9]{24}-[a-f0-9]{34}"),
)


_MARKED = re.compile(rb"_(?=[A-Za-z0-9]{16})|-(?=[\w-]{16})")
_RUN_ON = (b"dckr_pat_", b"whsec_")
"""Tokens that may go on with marks after their underscore."""
_BY_TAIL: dict[bytes, list[Token]] = {}
_OTHERS: list[Token] = []
for _one in TOKENS:
    if _one.literal[-1:] in b"_-" and _one.literal not in _RUN_ON:
        _BY_TAIL.setdefault(_one.literal[-3:], []).append(_one)
    else:
        _OTHERS.append(_one)


def find_tokens(data: bytes) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) of each, in no order; they may overlap.

    Most literals end with a mark that is followed by many letters or digits, which is rare and is looked for once.
    """
    done = 0
    for mark in _MARKED.finditer(data):
        end = mark.start() + 1
        for token in _BY_TAIL.get(data[end - 3 : end], ()):
            start = end - len(token.literal)
            found = token.match(data, start) if start >= done and data.startswith(token.literal, start) else None
            if found is not None:
                done = found.end
                if found.is_secret:
                    yield found.start, found.end, token.kind
    for token in _OTHERS:
        at = data.find(token.literal)
        while at >= 0:
            found = token.match(data, at)
            if found is not None and found.is_secret:
                yield found.start, found.end, token.kind
            at = data.find(token.literal, max(found.end if found else 0, at + len(token.literal)))
