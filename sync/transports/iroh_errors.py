"""What iroh's errors mean, in sentences. `str(IrohError)` is empty: only `.kind()` and `.message()` say something."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sync.transports.framing import clean_reason

if TYPE_CHECKING:
    from iroh import IrohError

SILENT = "The other device does not answer."
_SENTENCES = (  # (what the message contains, sentence)
    ("UnknownIssuer", "Another device answers at this address."),
    ("NoApplicationProtocol", "The other device does not take such connections; it may run another version."),
    (
        "doesn't support any known protocol",
        "The other device does not take such connections; it may run another version.",
    ),
    ("ourself", "This device cannot connect to itself."),
    ("timed out", SILENT),
    ("TimedOut", SILENT),
    ("refused to accept", "The other device is busy with others; try again in a minute."),
    ("Refused", "The other device is busy with others; try again in a minute."),
    ("reset by peer", "The other device was started anew."),
    ("LocallyClosed", "The connection was closed."),
    ("closed", "The connection was closed."),
)
_CLOSED_BY_PEER = re.compile(r'ApplicationClose \{ error_code: \d+, reason: b"((?:[^"\\]|\\.)*)" \}')


def explain(error: IrohError) -> str:
    """One sentence about an error, for people."""
    return explain_message(error.message()) or f"The connection failed ({error.kind().name.lower()})."


def explain_message(message: str) -> str:
    """One sentence about the text of an error or of a closed connection; "" for an empty one."""
    cause = message.strip().rpartition("\n")[2].strip()
    if found := _CLOSED_BY_PEER.search(cause):
        reason = clean_reason(found[1].encode().decode("unicode_escape", "ignore").encode("latin-1", "ignore"))
        return reason or "The other device left."
    for part, sentence in _SENTENCES:
        if part in message:
            return sentence
    return f"The connection failed: {clean_reason(cause.encode())}" if cause else ""
