"""The packed set of digests answers as a set of texts would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from app.sessions.digests import DigestSet
from app.sessions.ids import event_digest, event_id

BODIES = st.lists(st.binary(max_size=8), max_size=40)


@given(BODIES, BODIES)
def test_it_answers_as_a_set_does(there: list[bytes], asked: list[bytes]) -> None:
    packed = DigestSet(event_id(number, b"device", body) for number, body in enumerate(there))
    plain = {event_digest(b"device", body) for body in there}
    assert all((event_digest(b"device", body) in packed) == (event_digest(b"device", body) in plain) for body in asked)
    assert len(packed) == len(there)


def test_nothing_but_a_text_is_in_it() -> None:
    assert 5 not in DigestSet([event_id(1, b"", b"")])
