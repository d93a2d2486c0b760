"""Made-up secrets of every kind that is found, put together so that no scanner of source code takes them for real."""

from __future__ import annotations

import random
import string

_LETTERS = string.ascii_letters + string.digits


def made_up(count: int, letters: str = _LETTERS, seed: int = 1) -> str:
    """Characters drawn by chance, the same for equal arguments."""
    return "".join(random.Random(f"{seed}/{count}").choices(letters, k=count))


def private_key(seed: int = 1) -> str:
    """A block that looks like an OpenSSH key."""
    kind = "OPENSSH " + "PRIVATE KEY"
    lines = [made_up(70, seed=seed * 100 + number) for number in range(6)]
    return "\n".join([f"-----BEGIN {kind}-----", *lines, f"-----END {kind}-----"])


TOKENS: dict[str, str] = {
    "AWS access key": "AKIA" + made_up(16, string.ascii_uppercase + "234567"),
    "GitHub token": "ghp_" + made_up(36),
    "GitHub fine-grained token": "github_pat_" + made_up(22) + "_" + made_up(59),
    "GitLab token": "glpat-" + made_up(20),
    "Slack token": "xoxb-" + made_up(12, string.digits) + "-" + made_up(24),
    "Stripe key": "sk_" + "live_" + made_up(24),
    "Anthropic key": "sk-ant-" + "api03-" + made_up(93) + "AA",
    "OpenAI key": "sk-" + "proj-" + made_up(48),
    "older OpenAI key": "sk-" + made_up(48),
    "Google key": "AIza" + made_up(35),
    "npm token": "npm_" + made_up(36),
    "PyPI token": "pypi-" + "AgEIcHlwaS5vcmc" + made_up(80),
    "Hugging Face token": "hf_" + made_up(34),
    "SendGrid key": "SG." + made_up(22) + "." + made_up(43),
    "Twilio key": "SK" + made_up(32, "0123456789abcdef"),
    "JSON web token": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxMjM0NTY3ODkwIn0." + made_up(43),
    "Telegram token": made_up(9, "123456789") + ":AA" + made_up(33),
    "age key": "AGE-SECRET-" + "KEY-1" + made_up(58, "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"),
    "Vault token": "hvs." + made_up(30),
}
"""Tokens that are known by their form, wherever they stand."""

VALUE = made_up(40, seed=7)
NAMED: dict[str, tuple[str, str]] = {
    "URL": ("postgres://bob:s3cr3tpw@db.example.org/x", "s3cr3tpw"),
    "URL without a user": ("redis://:p4ssw0rd@cache:6379/0", "p4ssw0rd"),
    "bearer": (f"Authorization: Bearer {VALUE}", VALUE),
    "basic": ("authorization: basic dXNlcjpodW50ZXIy", "dXNlcjpodW50ZXIy"),
    "assignment": ('password = "hunter2x"', "hunter2x"),
    ".env": ("DB_PASSWORD=s3cr3tPw!\nNEXT=1", "s3cr3tPw!"),
    "export": (f"export OPENAI_API_KEY={VALUE}", VALUE),
    "JSON": (f'{{"api_key": "{VALUE}"}}', VALUE),
    "JSON in JSON": ('{\\"password\\": \\"hunter2x\\"}', "hunter2x"),
    "option": ("tool --db-password hunter2x --verbose", "hunter2x"),
    ".netrc": ("machine x.org login bob password hunter", "hunter"),
    "AWS": (f"aws_secret_access_key = {VALUE}", VALUE),
    "Azure": (f"AccountName=x;AccountKey={VALUE * 2}==;", f"{VALUE * 2}=="),
    "YAML": (f"  client_secret: {VALUE}", VALUE),
    "header": (f"X-Api-Key: {VALUE}", VALUE),
    "curl": ("curl -u bob:hunter2 https://x.org", "hunter2"),
    "keyword": ('connect(password="hunter2x")', "hunter2x"),
}
"""(text, the secret in it) of those that their surroundings give away."""
