"""Editing notes, including those whose document broke: they begin anew from their last good text."""

from __future__ import annotations

from collections.abc import Mapping

from sync.documents.core import BuiltChange
from sync.documents.note import Note, merged_text
from sync.errors import DocumentError
from sync.repository.opened import OpenDocument, Repository, WorkspaceKeys


def edit_note(
    repository: Repository,
    keys: WorkspaceKeys,
    name: str,
    text: str | None,
    fields: Mapping[str, str] | None,
    base: str | None = None,
) -> tuple[OpenDocument, BuiltChange | None]:
    """Make a note read so (base: see `Engine.edit_note`); gives its document and the change, None when nothing differs.

    What others crafted can make an edit read differently once the note is built anew: that is tried before the change
    is kept. A core that breaks over the edit gets a second try on a document built anew; after that the note itself is
    begun anew, as it must be when something that this device wrote into it was lost. Raises DocumentError for what no
    note takes, such as half a surrogate pair.
    """
    for _ in range(2):
        opened = repository.note(keys, name)
        if repository.is_broken(opened):
            break
        try:
            built = opened.note.edit(opened.own_name, _merged(opened.note, text, base), fields)
            if built is None or not repository.has_others(opened) or _lasts(repository, keys, opened, built):
                return opened, built
            opened.document.core.dead = True
        except DocumentError:
            if not opened.document.core.dead:
                raise
    old = repository.load(keys, repository.note(keys, name).row)
    new = repository.begin_anew(keys, old.row)
    wanted = _merged(old.note, text, base)
    good = old.note.text() if wanted is None else wanted
    return new, new.note.edit(new.own_name, good, {**old.note.fields(), **(fields or {})})


def _merged(note: Note, text: str | None, base: str | None) -> str | None:
    """What the note is to read: with a base, what others have changed since it stays."""
    return text if text is None or base is None else merged_text(base, note.text(), text)


def _lasts(repository: Repository, keys: WorkspaceKeys, opened: OpenDocument, built: BuiltChange) -> bool:
    """Whether a note built from its rows and the new change reads as the one in memory."""
    note = repository.load(keys, opened.row).note
    try:
        note.apply([built.chunk], [built.hash])
        return (note.text(), note.fields()) == (opened.note.text(), opened.note.fields())
    except DocumentError:
        return False
