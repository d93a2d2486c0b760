"""Pages: what stands where, and that nothing in an event can become more than text."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest

from app.sessions import events as kinds
from app.sessions.events import AnyBody, BlobRef, Unknown
from app.sessions.html.page import session_html
from app.sessions.views import Author, Event
from tests.app.sessions.test_markdown import EVERY_KIND, _row
from tests.helpers.pages import text_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
ATTACK = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x00"


def event(number: int, body: AnyBody, agent: str | None = "hal", **more) -> Event:
    author = Author("aa", "bb", "Ada", agent)
    return Event(f"{number:026}", "S", more.pop("turn", "t"), number * 60_000, author, body, number, **more)


def page(*bodies: AnyBody | Event, note: str = "", blobs: dict[str, bytes] | None = None, **row) -> str:
    events = [body if isinstance(body, Event) else event(number, body) for number, body in enumerate(bodies)]
    return "".join(session_html(_row(**row), events, note, lambda ref: (blobs or {}).get(ref.blob)))


def test_every_kind() -> None:
    text = text_of(page(*EVERY_KIND, note="My *note*"))
    for words in (
        "Mend #1", "a_b", "My note", "Please mend it.", "shot_1.png", "Let me see.", "☑ Look", "☐ Mend [it]",
        "inside", "Denied", "make test", "exit 2", "SIGKILL", "out", "err", "3 passed", "Something <odd> happened",
        "Status: failed", "1 tokens in", "Try again?", "We mended it.", "Mended.", "hologram", '"depth": 3',
    ):  # fmt: skip
        assert words in text, words


def test_names_and_times() -> None:
    prompt, remark = event(1, kinds.UserMessage(text="a"), None), event(3, kinds.Notice(text="c"))
    html = page(prompt, kinds.AgentMessage(text="b"), remark)
    assert re.findall(r"<h2>(.*?)</h2>(.*?)<time datetime=\"(.*?)\">(.*?)</time>", html) == [
        ("Ada", "", "1970-01-01T00:01:00.000Z", "00:01"),
        ("hal", " <small>for Ada</small>", "1970-01-01T00:01:00.000Z", "00:01"),
    ]


def cards(html: str) -> Iterator[str]:
    """The text of each card's line."""
    for found in re.findall(r"<summary>(.*?)</summary>", html, re.DOTALL):
        yield re.sub(r"<[^>]+>", "|", found)


def test_a_call_is_one_card_with_result_time_and_status() -> None:
    html = page(
        kinds.ToolCall(call_id="a", name="run", input={"command": "make"}),
        kinds.ToolCall(call_id="b", name="read_file", title="x.py"),
        kinds.Command(call_id="a", command="make"),
        kinds.ToolResult(call_id="b", status="denied"),
        kinds.CommandResult(call_id="a", exit_code=2, stdout="\x1b[31mred\x1b[0m", duration_ms=2300),
        kinds.FileChange(path="y.py", diff="@@ -1 +1 @@\n-a\n+b\n", added=1, removed=1, call_id="a"),
        kinds.ToolResult(call_id="a", status="completed", output="red"),
    )
    assert [re.sub(r"\|+", "|", card).strip("|") for card in cards(html)] == [
        "✗|Run|make|+1| · |−1| · exit 2 · 2.3 s", "⊘|Read file|x.py|denied",
    ]  # fmt: skip
    assert html.count("<details") == 2 and html.count('<details class="card" open>') == 1
    assert '<span class="f1">red</span>' in html and '<span class="add">+b' in html
    assert html.count("red</span>") == 1  # what the command printed is not told again


@pytest.mark.parametrize(
    "body",
    [
        kinds.UserMessage(text=ATTACK, attachments=(BlobRef(blob="ab" * 32, size=9, name=ATTACK, media_type=ATTACK),)),
        kinds.AgentMessage(text=ATTACK), kinds.AgentThought(text=ATTACK), kinds.Suggestion(text=ATTACK),
        kinds.Plan(entries=(kinds.PlanEntry(text=ATTACK),)), kinds.Notice(text=ATTACK),
        kinds.ToolCall(call_id=ATTACK, name=ATTACK, title=ATTACK, input={ATTACK: ATTACK, "path": ATTACK}),
        kinds.ToolCall(call_id="", name="x", input=ATTACK), kinds.ToolCall(call_id="c", name="x", input=[ATTACK]),
        kinds.ToolCall(call_id="c", name="x", input={"old": ATTACK, "new": ATTACK, "path": "a.py"}),
        kinds.ToolCall(call_id="c", name="x", input={"text": f"{ATTACK}\n", "path": "a.py"}),
        kinds.ToolResult(call_id=ATTACK, status="failed", output=ATTACK, content=ATTACK),
        kinds.ToolResult(call_id="c", status="failed", content={ATTACK: ATTACK}),
        kinds.Command(call_id="c", command=ATTACK, cwd=ATTACK),
        kinds.CommandResult(call_id="c", signal=ATTACK, stdout=ATTACK, stderr=f"\x1b[31m{ATTACK}"),
        kinds.FileChange(path=ATTACK, renamed_from=ATTACK, diff=f"@@ {ATTACK}\n+{ATTACK}\n-{ATTACK}\n"),
        kinds.FileRead(path=ATTACK, first=1, last=2),
        kinds.PermissionRequest(request_id="r", call_id="c", name=ATTACK, title=ATTACK, input=ATTACK),
        kinds.PermissionAnswer(request_id="r", answer="reject", reason=ATTACK),
        kinds.Verification(what=ATTACK, passed=False, evidence=ATTACK), kinds.Conclusion(text=ATTACK, outcome="failed"),
        kinds.Status(status="failed", reason=ATTACK), kinds.Usage(model=ATTACK), kinds.Compaction(text=ATTACK),
        kinds.MemoryGiven(facts=(kinds.GivenFact(id=ATTACK, text=ATTACK, source=ATTACK),)),
        kinds.Reference(target=ATTACK, text=ATTACK), Unknown(ATTACK, {ATTACK: ATTACK}),
    ],
    ids=lambda body: type(body).__name__,
)  # fmt: skip
def test_hostile_events(body: AnyBody) -> None:
    author = Author(ATTACK, ATTACK, ATTACK, ATTACK)
    made = Event(ATTACK, ATTACK, ATTACK, 0, author, body, 1, damaged=True)
    html = page(made)
    assert "<script" not in html and "<img" not in html and "\x00" not in html and "\u202e" not in html
    text_of(html)


def test_a_hostile_session() -> None:
    row = {"title": ATTACK, "tags": (ATTACK,), "workspace_name": ATTACK, "authors": (ATTACK,)}
    html = page(kinds.UserMessage(text="x"), note=ATTACK, **row)
    assert "<script" not in html and "<img" not in html
    text_of(html)


def test_pictures_are_part_of_the_page() -> None:
    blobs = {"aa" * 32: PNG, "bb" * 32: b"<svg onload=x>", "cc" * 32: PNG}
    refs = (
        BlobRef(blob="aa" * 32, size=28, name="p.png", media_type="image/png"),
        BlobRef(blob="bb" * 32, size=14, name="q.svg", media_type="image/svg+xml"),
        BlobRef(blob="bb" * 32, size=14, name="lie.png", media_type="image/png"),
        BlobRef(blob="cc" * 32, size=28, name="text.txt", media_type="text/plain"),
        BlobRef(blob="dd" * 32, size=9, name="gone.png", media_type="image/png"),
        BlobRef(blob="aa" * 32, size=1 << 30, name="giant.png", media_type="image/png"),
    )
    html = page(kinds.UserMessage(text="see", attachments=refs), blobs=blobs)
    assert re.findall(r'<img alt="(.*?)" src="(.*?)">', html) == [
        ("p.png", f"data:image/png;base64,{base64.b64encode(PNG).decode()}")
    ]
    assert re.findall(r"📎 (\S+)", html) == ["q.svg", "lie.png", "text.txt", "gone.png", "giant.png"]
    result = kinds.ToolResult(call_id="c", status="completed", content=[{"blob": "aa" * 32, "size": 28}])
    assert "data:image/png" in page(result, blobs=blobs)


def test_interrupted_damaged_and_forked() -> None:
    html = page(
        event(1, kinds.UserMessage(text="old"), inherited=True),
        event(2, kinds.AgentMessage(text="half", interrupted=True), damaged=True),
        origin=("ORIGIN", "1"),
    )
    text = text_of(html)
    assert text.index("old") < text.index("Forked from session ORIGIN") < text.index("half")
    assert "Interrupted." in text and "damaged" in text


def test_pages_stream() -> None:
    """A piece for an event comes before the next ones are read, unless a call waits for its result."""
    read = 0

    def endless() -> Iterator[Event]:
        nonlocal read
        while True:
            read += 1
            yield event(read, kinds.AgentMessage(text=f"message {read}"))

    pieces = session_html(_row(), endless(), "", lambda ref: None)
    found = next(read for piece in pieces if "message 100<" in piece)
    assert found <= 102


def test_without_scripts_and_with_nothing_to_load() -> None:
    html = page(*EVERY_KIND)
    assert "<script" not in html and "<link" not in html and "url(" not in html and "@import" not in html
    assert html.index("Content-Security-Policy") < html.index("<title>")
