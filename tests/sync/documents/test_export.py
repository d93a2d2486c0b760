"""Export documents: equal contents give equal bytes, different ones merge into their union."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from automerge.core import ROOT, Document
from hypothesis import given
from hypothesis import strategies as st

from sync.documents.export import export_document
from sync.errors import DocumentError

EXTERNAL = Path(__file__).parents[3] / "build" / "external"
_words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_maps = st.dictionaries(_words.filter(bool), _words, max_size=5)


def contents(document: Document) -> dict[str, Any]:
    """All of a document as plain values."""

    def read(container: bytes) -> dict[str, Any]:
        found = {}
        for key in document.keys(container):
            value, identifier = document.get(container, key)
            found[key] = value[1] if isinstance(value, tuple) else read(identifier)
        return found

    return read(ROOT)


@given(_words, _maps, _words, _maps)
def test_it_holds_what_was_given(session: str, fields: dict[str, str], note: str, events: dict[str, str]) -> None:
    saved = export_document(session, fields, note, events)
    document = Document.load(saved)
    assert contents(document) == {"v": 1, "session": session, "note": note, "fields": fields, "events": events}
    assert document.save() == saved
    reordered = dict(reversed(events.items()))
    assert export_document(session, dict(reversed(fields.items())), note, reordered) == saved


def test_an_older_export_merges_into_a_newer() -> None:
    older = Document.load(export_document("S", {"title": "a"}, "", {"1": "one"}))
    newer = Document.load(export_document("S", {"title": "b"}, "n", {"1": "one", "2": "two"}))
    older.merge(newer)
    assert contents(older)["events"] == {"1": "one", "2": "two"}
    assert len(older.get_heads()) == 2


def test_contents_cannot_be_shifted_between_fields() -> None:
    one = Document.load(export_document("S", {"a": "b"}, "", {}))
    other = Document.load(export_document("S", {}, "", {"a": "b"}))
    assert {change.actor_id for change in one.get_changes([])} != {c.actor_id for c in other.get_changes([])}


def test_many_events_take_several_changes() -> None:
    events = {f"{number:05}": "x" for number in range(2500)}
    document = Document.load(export_document("S", {}, "", events))
    assert contents(document)["events"] == events
    assert len(document.get_changes([])) == 1 + 1 + 3  # genesis, description, pages


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(DocumentError):
        export_document("S", {}, "", {"": "x"})


_SCRIPT = """
import * as A from "@automerge/automerge"
import { readFileSync } from "node:fs"
const doc = A.load(readFileSync(0))
const again = A.getHeads(A.load(A.save(doc)))
console.log(JSON.stringify({ heads: A.getHeads(doc), again, doc: JSON.parse(JSON.stringify(doc)) }))
"""


@pytest.mark.external
def test_javascript_reads_the_same() -> None:
    if shutil.which("node") is None or not (EXTERNAL / "node_modules" / "@automerge").is_dir():
        pytest.skip("make test-external installs it")
    events = {f"{number:026}": json.dumps({"text": "é😀" * 50, "n": number}) for number in range(2100)}
    fields = {"title": '"Größe 😀"', "tags": '["a"]'}
    saved = export_document("S", fields, "a note", events)
    found = load_in_javascript(saved)
    assert found["heads"] == found["again"] == [head.hex() for head in Document.load(saved).get_heads()]
    assert found["doc"] == {"v": 1, "session": "S", "note": "a note", "fields": fields, "events": events}


def load_in_javascript(saved: bytes) -> Any:
    """Heads and contents of a document as `@automerge/automerge` has them."""
    script = EXTERNAL / "export-test.mjs"  # beside node_modules, where imports are looked for
    script.write_text(_SCRIPT)
    try:
        run = subprocess.run(["node", script], input=saved, capture_output=True, timeout=60, check=True)
    finally:
        script.unlink()
    return json.loads(run.stdout)
