"""Operations on a workspace's memory (see `memory.py`): who may write there follows the roles, as for all notes."""

from __future__ import annotations

import msgspec

from app.errors import NotFound, UserError
from app.sessions.memory import MAX_TEXT, Fact, FactKind, Stamp, clean_text, fact_note, first_fields, read_fact
from app.sessions.memory_queries import fact_writers
from app.sessions.writing import Writing
from sync.repository.transaction import Transaction


class MemoryOperations(Writing):
    """The part of `SessionOperations` that writes facts, into the workspace of the call."""

    def remember(
        self, text: str, kind: FactKind = "fact", *, session: str | None = None, event: str | None = None
    ) -> str:
        """A person's own fact, accepted at once; gives its id.

        session, event: full ids of where it comes from; it is remembered in the workspace of that session.
        """
        with self._engine.transaction() as tx:
            writing = self if session is None else self._for(self._session(tx, session).workspace)
            return writing._write_fact(text, kind, None, session, event)

    def propose_fact(self, text: str, kind: FactKind, *, agent: str, session: str) -> str:
        """What an agent would have remembered, of a session as it is now; its person decides. Gives its id."""
        with self._engine.transaction() as tx:
            row = self._session(tx, session)
            (event,) = tx.connection.execute("SELECT max(id) FROM event WHERE session=?", (row.row,)).fetchone()
            return self._for(row.workspace)._write_fact(text, kind, agent, session, event)

    def accept_fact(self, fact: str) -> None:
        """Let a proposal, or what was forgotten, be given to agents. UserError where another person has to."""
        with self._engine.transaction() as tx:
            found = self._fact(tx, fact)
            stamp = self._stamp(tx)
            if found.agent is not None and found.written.by != stamp.by:
                raise UserError("An agent of somebody else proposed this: only that person can accept it.")
            if found.state != "accepted":
                taken_back = {"forgotten": ""} if found.forgotten else {}
                self._edit(tx, fact, None, {"accepted": str(stamp)} | taken_back)

    def edit_fact(self, fact: str, text: str, *, base: str | None = None) -> None:
        """Let a fact read so. base: as of `set_note`."""
        said = _checked(text)
        with self._engine.transaction() as tx:
            if self._fact(tx, fact).text != said:
                self._edit(tx, fact, said, {"edited": str(self._stamp(tx))}, base)

    def forget_fact(self, fact: str) -> None:
        """Give a fact to nobody any more; it stays in the history."""
        with self._engine.transaction() as tx:
            if self._fact(tx, fact).state != "forgotten":
                self._edit(tx, fact, None, {"forgotten": str(self._stamp(tx))})

    def _for(self, workspace: int) -> MemoryOperations:
        return MemoryOperations(self._engine, workspace, self._clock, self._random)

    def _write_fact(self, text: str, kind: FactKind, agent: str | None, session: str | None, event: str | None) -> str:
        said, fact = _checked(text), self.new_id()
        with self._engine.transaction() as tx:
            fields = first_fields(self._stamp(tx), kind, agent=agent, session=session, event=event)
            self._edit(tx, fact, said, fields)
        return fact

    def _edit(
        self, tx: Transaction, fact: str, text: str | None, fields: dict[str, str], base: str | None = None
    ) -> None:
        self._engine.edit_note(tx, self.workspace, fact_note(fact), text, fields, base=base)

    def _fact(self, tx: Transaction, fact: str) -> Fact:
        name = fact_note(fact)
        row = tx.connection.execute(
            "SELECT text, fields FROM note WHERE workspace=? AND name=?", (self.workspace, name)
        ).fetchone()
        writers = fact_writers(tx.connection, self.workspace, name).get(name, frozenset())
        found = row and read_fact(name, row[0], msgspec.json.decode(row[1], type=dict[str, str]), writers)
        if not found:
            raise NotFound(f"Nothing with the id {fact} is remembered. 'lovelace memory list' shows what is.")
        return found

    def _stamp(self, tx: Transaction) -> Stamp:
        (identity,) = tx.connection.execute("SELECT identity FROM device WHERE is_own").fetchone()
        return Stamp(self._clock.now_ms(), bytes(identity).hex())


def _checked(text: str) -> str:
    """What is remembered: without secrets, as it goes to everybody in the workspace."""
    from app.sessions.redaction.replacing import unnumbered  # most programs remember nothing

    said = unnumbered(clean_text(text))
    if not said:
        raise UserError("There is nothing to remember: the text is empty.")
    if len(text.strip()) > MAX_TEXT:
        raise UserError(f"This is too long to remember: {MAX_TEXT} characters at most. Keep the gist of it.")
    return said
