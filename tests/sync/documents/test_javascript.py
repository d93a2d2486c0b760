"""Our documents in JavaScript's Automerge and its changes in ours: what makes exports readable elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sync.documents.change import parse_change
from sync.documents.segment import Segment
from tests.sync.documents.forging import Author, Reader

EXTERNAL = Path(__file__).parents[3] / "build" / "external"

_SCRIPT = """
import * as A from "@automerge/automerge"
import { readFileSync } from "node:fs"
const input = JSON.parse(readFileSync(0, "utf8"))
const hex = bytes => Buffer.from(bytes).toString("hex")
const plain = doc => JSON.parse(JSON.stringify(doc))
const heads = doc => A.getHeads(doc)

const saved = A.load(Buffer.from(input.saved, "hex"))
let doc = A.load(Buffer.from(input.genesis, "hex"), { actor: input.actor })
doc = A.applyChanges(doc, input.changes.map(c => Buffer.from(c, "hex")))[0]
const applied = heads(doc)
const next = A.change(doc, { time: 0 }, d => { d.events["from-js"] = new A.ImmutableString('"héllo 😀"') })
console.log(JSON.stringify({
  savedHeads: heads(saved), saved: plain(saved), appliedHeads: applied,
  nextHeads: heads(next), change: hex(A.getLastLocalChange(next)), all: hex(A.save(next)),
}))
"""


@pytest.mark.external
def test_segments_travel_both_ways() -> None:
    if shutil.which("node") is None or not (EXTERNAL / "node_modules" / "@automerge").is_dir():
        pytest.skip("make test-external installs it")
    author = Author()
    for number in range(3):
        author.write((f"0{number}", json.dumps({"text": "é😀" * 100, "n": number})))
    found = _run(author)
    heads = [author.segment.core.heads()[0].hex()]
    assert found["savedHeads"] == found["appliedHeads"] == heads
    assert found["saved"]["events"] == dict(author.segment.events())
    assert found["saved"]["session"] == author.header.session and found["saved"]["v"] == 1

    chunk = bytes.fromhex(found["change"])
    header = parse_change(chunk)
    assert header.keys == ("from-js",) and header.hash.hex() == found["nextHeads"][0]
    reader = Reader(author)
    for entry in author.signed:
        reader.receive(*entry)
    assert reader.receive(*author.forge([chunk])).items == [("from-js", '"héllo 😀"')]
    assert reader.segment.core.heads() == [header.hash]


def _run(author: Author) -> dict[str, Any]:
    script = EXTERNAL / "segment-test.mjs"  # beside node_modules, where imports are looked for
    script.write_text(_SCRIPT)
    given = {
        "saved": author.segment.core.save().hex(),
        "genesis": Segment(author.actor).core.save().hex(),
        "changes": [chunk.hex() for _, chunks in author.signed for chunk in chunks],
        "actor": author.actor.hex(),
    }
    try:
        run = subprocess.run(
            ["node", script], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=True
        )
    finally:
        script.unlink()
    result: dict[str, Any] = json.loads(run.stdout)
    return result
