"""Messages of iroh 1.2.0, as they were seen, and the sentences that are made of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.transports.iroh_errors import explain_message

_CONNECT = (
    "ConnectError::Connecting (/…/endpoint.rs:1076:20)\nCaused by:\n    ConnectingError::ConnectionError (…)\n    "
)
_LOST = 'ReadError(ConnectionLost(ApplicationClosed(ApplicationClose { error_code: 403, reason: b"%s" })))'


@pytest.mark.parametrize(
    ("message", "sentence"),
    [
        (
            _CONNECT + "the cryptographic handshake failed: error 48: invalid peer certificate: UnknownIssuer",
            "Another device answers at this address.",
        ),
        (
            _CONNECT + "aborted by peer: the cryptographic handshake failed: error 120: peer doesn't support any known "
            "protocol",
            "The other device does not take such connections; it may run another version.",
        ),
        (_LOST % "", "The other device left."),
        (_LOST % "The other device is busy.", "The other device is busy."),
        (_LOST % r"caf\xc3\xa9 \"x\"\n", 'café "x"'),
        ("timed out", "The other device does not answer."),
        ("Something\nunheard of", "The connection failed: unheard of"),
        ("", ""),
    ],
)
def test_messages_become_sentences(message: str, sentence: str) -> None:
    assert explain_message(message) == sentence


@given(st.text())
def test_any_message_becomes_one_printable_line(message: str) -> None:
    assert explain_message(_LOST % message).isprintable()
    assert explain_message(message).isprintable()
