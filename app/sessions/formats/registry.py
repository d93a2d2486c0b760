"""The formats that sessions can be exported in. A new format is one file and one line here."""

from __future__ import annotations

from collections.abc import Mapping

from app.sessions.archive import write_archive
from app.sessions.formats.automerge import write_automerge
from app.sessions.formats.chat_jsonl import write_chat
from app.sessions.formats.format import Format
from app.sessions.formats.html import write_html
from app.sessions.formats.markdown import write_markdown

FORMATS: Mapping[str, Format] = {
    format.name: format
    for format in (
        Format("json", "imports again and loses nothing", ".json", write_archive, together=True),
        Format("markdown", "to read and edit", ".md", write_markdown),
        Format("html", "to read in a browser", ".html", write_html),
        Format("automerge", "a document for Automerge programs", ".automerge", write_automerge, binary=True),
        Format("chat-jsonl", "to train models", ".jsonl", write_chat, together=True),
    )
}
