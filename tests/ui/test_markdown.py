"""Markdown to blocks, also hostile Markdown."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.ui.conversation.markdown import parse


def test_code_stands_apart_from_text() -> None:
    blocks = parse("Hello *you*\n\n```python\nx = 1\n```\n\n- a\n- b\n")
    assert [block.language for block in blocks] == [None, "python", None]
    assert blocks[1].code == "x = 1"
    assert "<em>you</em>" in str(blocks[0].html)
    assert [block.line for block in blocks] == [0, 2, 6]


def test_an_unfinished_fence_is_code_already() -> None:
    assert parse("```sh\nls -l\n")[0].code == "ls -l"


def test_code_inside_a_list_stays_in_the_list() -> None:
    blocks = parse("1. one\n\n   ```\n   code\n   ```\n2. two\n")
    assert len(blocks) == 1
    assert "<pre>" in str(blocks[0].html)


def test_html_is_text_and_images_are_links() -> None:
    html = str(parse('<img src="file:///etc/passwd"> ![seen](https://x.org/a.png "t") <b>x</b>')[0].html)
    assert "<img" not in html
    assert "<b>" not in html
    assert '<a href="https://x.org/a.png">seen</a>' in html


def test_bare_addresses_become_links_without_what_ends_the_sentence() -> None:
    html = str(parse("See https://example.org/a?b=1&c=2. [https://x.org](https://y.org)")[0].html)
    assert '<a href="https://example.org/a?b=1&amp;c=2">https://example.org/a?b=1&amp;c=2</a>.' in html
    assert '<a href="https://y.org">https://x.org</a>' in html


def test_text_after_a_link_gets_links_too() -> None:
    html = str(parse("[one](https://a.org) and https://b.org")[0].html)
    assert '<a href="https://b.org">' in html


def test_tables() -> None:
    assert "<td>1</td>" in str(parse("| a |\n|---|\n| 1 |\n")[0].html)


@given(st.text(alphabet="`*_[]()<>!#-+|~\n\t abc&:/.\x00\u202e1", max_size=200))
def test_nothing_that_people_write_is_an_error(text: str) -> None:
    blocks = parse(text)
    assert [block.line for block in blocks] == sorted(block.line for block in blocks)
    assert all("<img" not in (block.html or "") and "<script" not in (block.html or "") for block in blocks)


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("see src/store/events.py:43.", ["workspace-file:src/store/events.py"]),
        ("`src/a b.py` `main.py` `foo.bar` `x`", ["workspace-file:main.py"]),
        ("and/or, 1/2, a/b, /etc/passwd.conf, ~/x/y.py, ../up/x.py", []),
        ("[the file](src/a.py) ![shot](img/a.png)", ["workspace-file:src/a.py", "workspace-file:img/a.png"]),
        ("@01M8A29BNZ5Q3KDT3CA9FV83GJ!", ["lovelace://session/01M8A29BNZ5Q3KDT3CA9FV83GJ"]),
        ("me@01M8A29BNZ5Q3KDT3CA9FV83GJ", []),
        ("lovelace://session/ABC/DEF", ["lovelace://session/ABC/DEF"]),
        ("[x](https://a.b/c) https://d.e/f.py", ["https://a.b/c", "https://d.e/f.py"]),
    ],
)
def test_what_leads_somewhere(text: str, addresses: list[str]) -> None:
    html = "".join(block.html or "" for block in parse(text))
    assert re.findall(r'href="([^"]*)"', html) == addresses


def test_boxes_and_cells() -> None:
    html = "".join(block.html or "" for block in parse("- [x] done\n- [ ] open\n\n|a|b|\n|:-|-:|\n|1|2|"))
    assert "☑ done" in html
    assert "☐ open" in html
    assert '<td align="right">2' in html
