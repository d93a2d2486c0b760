"""What a terminal was sent, as plain text: for the index, cards and Markdown, where `parser.py` would be slow."""

from __future__ import annotations

import re

_SEQUENCES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)


def printed_text(text: str) -> str:
    """Text without control sequences, and of lines that were written again and again the last state."""
    if "\x1b" in text:
        text = _SEQUENCES.sub("", text)
    if "\r" not in text:
        return text
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in text.split("\n"))
