"""Markdown of a page: rendered, with no way for a message to become markup or to lead to anything but the web."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.sessions.html.code import code_html, diff_html
from app.sessions.html.prose import MAX_MARKDOWN, prose_html
from tests.helpers.pages import text_of


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
        "<javascript:alert(1)>",
        "[x](JaVaScRiPt:alert(1))", "[x](data:text/html;base64,PHNjcmlwdD4=)", "[x](vbscript:x)", "[x](file:///etc/passwd)",
        "![x](data:image/svg+xml;base64,AA==)", "[x]: javascript:alert(1)\n\n[x]", "[x](  java\nscript:alert(1))",
        "[x](&#106;avascript:alert(1))", "[x](//evil.example)", "[x](relative.html)", "```\"><script>\nx\n```",
        "`<script>`", "    <script>", "| <script> |\n|--|\n| <b> |", "[<script>](https://e.example/<script>)",
    ],
)  # fmt: skip
def test_nothing_gets_in(text: str) -> None:
    html = prose_html(text)
    assert "<script" not in html.lower() and "<img" not in html and "onerror=" not in html.replace("x onerror", "")
    links = [piece.split('"')[0] for piece in html.split('href="')[1:]]
    assert all(link.startswith("https://e.example/") for link in links)
    text_of(html)


def test_what_markdown_is_for() -> None:
    html = prose_html("# A\n\n**b** ~~c~~ [d](https://e.example?a=1&b=2) <mailto:a@b.example>\n\n|x|\n|-|\n|y|")
    assert "<h3>A</h3>" in html and "<strong>b</strong> <s>c</s>" in html and "<td>y</td>" in html
    assert '<a href="https://e.example?a=1&amp;b=2" rel="noopener noreferrer nofollow">d</a>' in html
    assert 'href="mailto:a@b.example"' in html


def test_addresses_become_links_once() -> None:
    html = prose_html('see https://a.example/x?y="z. and [https://b.example](https://b.example) `https://c.example`')
    assert html.count("<a ") == 2 and '<a href="https://a.example/x?y="' in html and "c.example</a>" not in html


def test_pictures_are_links() -> None:
    assert '<a href="https://a.example/p.png" rel="noopener noreferrer nofollow">alt</a>' in prose_html(
        "![alt](https://a.example/p.png)"
    )


def test_code_is_coloured_and_escaped() -> None:
    html = prose_html("```python\nif '<b>':\n```")
    assert '<span class="k">if</span>' in html and "&lt;b&gt;" in html and "<b>" not in html
    assert code_html("<x>", "no such language") == "&lt;x&gt;" == code_html("<x>", None)
    assert code_html("x = 1\n" * 30_000, "python").startswith("x = 1")


def test_diffs() -> None:
    html = diff_html("--- a\n+++ b\n@@ -1 +1 @@\n-<old>\n+new\n same\n")
    assert html == (
        '<span class="hunk">@@ -1 +1 @@\n</span><span class="del">-&lt;old&gt;\n</span>'
        '<span class="add">+new\n</span><span> same\n</span>'
    )


@pytest.mark.parametrize(
    "unit", ["[", "*a ", "`", "> ", "![\n", "- ", "<", "|a", "https://a.example\n", "_", "&#", "(("]
)
def test_long_and_hostile_messages_take_little_time(unit: str) -> None:
    """No bound here: one that is compared with all others would take minutes and run into the time limit."""
    for length in (20_000, MAX_MARKDOWN) if "\n" in unit else (20_000,):
        text_of(prose_html(unit * (length // len(unit))))


def test_giant_messages_stay_plain() -> None:
    assert prose_html("*x* " * MAX_MARKDOWN).startswith('<pre class="plain">*x* ')


@given(st.lists(st.sampled_from("<>&\"'`*_[]()!\n#|~ -=:ajx\\")).map("".join))
def test_any_message_is_well_formed(text: str) -> None:
    text_of(prose_html(text))
