"""Parts the secrets of a server's configuration from the rest: they go into the keyring, and come back to connect.

Header values are always secret. Variables and arguments are when their name says so or they look like a token; an
address when it carries a password or a parameter that looks like one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import SplitResult, parse_qsl, urlsplit, urlunsplit

import msgspec

from app.agents.mcp.config import ServerConfig

Secrets = dict[str, str]
"""Values by their place: `env.NAME`, `headers.NAME`, `args.3`, `url`."""
MASK = "‹secret›"
_LEAST = 6
"""A shorter text is not masked where it appears: it would hit ordinary words."""
_NAMES = re.compile(
    r"(?:^|_)(?:tokens?|secrets?|passw(?:or)?d|passphrase|pwd|pat|auth|authorization|bearer|credentials?|cookie|[a-z]*key)"
    r"(?:$|_)"
)
_POINTERS = ("_file", "_path", "_dir", "_fd", "_url", "_type", "_name")
"""Names that end so say where a secret is, or what it is called."""
_TOKENS = re.compile(
    r"(?:sk|pk|rk)-[\w-]{16,}|gh[pousr]_\w{20,}|github_pat_\w+|xox[abposr]-[\w-]+|glpat-[\w-]+|A(?:KI|SI)A[A-Z0-9]{12,}"
    r"|AIza[\w-]{20,}|eyJ[\w-]{8,}\.[\w-]+\.?[\w-]*|(?:Bearer|Basic) \S{8,}|-----BEGIN .*|npm_\w{20,}|hf_\w{20,}",
    re.DOTALL,
)
_RANDOM = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d.*\d)[A-Za-z0-9_+=-]{24,}")
_PLACEHOLDER = re.compile(r"\$\{[^{}]*\}")


def looks_secret(name: str, value: str) -> bool:
    """Whether a value should not be shown, by its name and by what it looks like."""
    if not value or _PLACEHOLDER.fullmatch(value):
        return False
    if _TOKENS.fullmatch(value) or _RANDOM.fullmatch(value) or _has_password(value):
        return True
    plain = value.lower() in ("true", "false", "yes", "no", "none", "null") or (value.isdigit() and len(value) < 8)
    words = _words(name)
    return not plain and _NAMES.search(words) is not None and not words.endswith(_POINTERS)


def part(config: ServerConfig) -> tuple[ServerConfig, Secrets]:
    """The configuration with None in place of its secrets, and these."""
    secrets: Secrets = {}

    def take(place: str, value: str | None, *, secret: bool) -> str | None:
        if value is None or not secret:
            return value
        secrets[place] = value
        return None

    env = {
        name: take(f"env.{name}", value, secret=looks_secret(name, value or "")) for name, value in config.env.items()
    }
    headers = {name: take(f"headers.{name}", value, secret=bool(value)) for name, value in config.headers.items()}
    args = tuple(
        take(f"args.{number}", value, secret=_is_secret_argument(config.args, number))
        for number, value in enumerate(config.args)
    )
    url = config.url
    if url is not None and (shown := shown_address(url)) != url:
        secrets["url"], url = url, shown
    return msgspec.structs.replace(config, env=env, headers=headers, args=args, url=url), secrets


def join(config: ServerConfig, secrets: Mapping[str, str]) -> ServerConfig:
    """The whole configuration again; values that the keyring does not have stay None."""
    return msgspec.structs.replace(
        config,
        env={name: secrets.get(f"env.{name}") if value is None else value for name, value in config.env.items()},
        headers={n: secrets.get(f"headers.{n}") if value is None else value for n, value in config.headers.items()},
        args=tuple(secrets.get(f"args.{n}") if value is None else value for n, value in enumerate(config.args)),
        url=secrets.get("url", config.url),
    )


def missing(config: ServerConfig) -> list[str]:
    """Names of the secrets that a configuration has no values for."""
    named = [*config.env.items(), *config.headers.items()]
    numbered = [(f"argument {number}", value) for number, value in enumerate(config.args, 1)]
    return [name for name, value in (*named, *numbered) if value is None]


def masked(text: str, secrets: Sequence[str]) -> str:
    """A text without the secrets."""
    for secret in sorted((one for one in secrets if len(one) >= _LEAST), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def shown_address(url: str) -> str:
    """An address without its password and without the values of parameters that look secret."""
    try:
        parts = urlsplit(url)
        fields = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100)
    except ValueError:
        return url
    secret = [value for name, value in fields if looks_secret(name, value)]
    if not secret and "@" not in parts.netloc:
        return url
    query = "&".join(f"{name}={MASK if looks_secret(name, value) else value}" for name, value in fields)
    return urlunsplit(SplitResult(parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, parts.fragment))


def _is_secret_argument(args: Sequence[str | None], number: int) -> bool:
    """`--api-key VALUE`, `--token=VALUE`, or something that looks like a token."""
    value = args[number] or ""
    name, equals, given = value.partition("=")
    if equals and name.startswith("-"):
        return looks_secret(name.lstrip("-"), given)
    before = (args[number - 1] or "") if number else ""
    named = before.lstrip("-") if before.startswith("--") and "=" not in before and not value.startswith("-") else ""
    return looks_secret(named, value)


def _has_password(value: str) -> bool:
    return re.match(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", value) is not None


def _words(name: str) -> str:
    """A name in lower case with underscores between its words."""
    return re.sub(r"[^a-z0-9]+", "_", re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower())
