"""The style sheet of exported pages: light and dark as the reader's system has it, in the colours of the window.

`PALETTES` repeats tokens of `app.ui.theme` by value; a test keeps them equal. Terminal colours are moved towards the
text colour until they can be read on the page (a contrast of 4.5:1, WCAG 2.2).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache

from app.sessions.terminal.colors import hex_color, readable, text_on

PALETTES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "base": "#ffffff", "raised": "#f3f4f6", "sunken": "#ffffff", "line": "#e3e5e8", "text": "#1f2328",
        "muted": "#59636e", "accent": "#3b5bdb", "selected": "#e7ecfd", "added": "#e6ffec", "removed": "#ffebe9",
        "added_text": "#116329", "removed_text": "#b3212d", "running": "#2b9340", "waiting": "#945600",
        "failed": "#cf222e", "keyword": "#7a40d8", "string": "#0a3069", "comment": "#59636e", "number": "#0550ae",
        "name": "#953800",
    },
    "dark": {
        "base": "#1b1e23", "raised": "#22262c", "sunken": "#1b1e23", "line": "#2d3239", "text": "#e6e8eb",
        "muted": "#9aa3ad", "accent": "#8aa4ff", "selected": "#28304a", "added": "#12301f", "removed": "#3a1d20",
        "added_text": "#57d38c", "removed_text": "#ff8f8f", "running": "#3fb950", "waiting": "#e8a317",
        "failed": "#ff8f8f", "keyword": "#c8a6ff", "string": "#a5d6ff", "comment": "#9aa3ad", "number": "#ffc58a",
        "name": "#7ee0c3",
    },
}  # fmt: skip

_RULES = """
*{box-sizing:border-box}
body{margin:0;background:var(--base);color:var(--text);font:15px/1.55 Inter,"Noto Sans",system-ui,sans-serif}
main{max-width:54rem;margin:0 auto;padding:2rem 1.25rem 5rem;overflow-wrap:break-word}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .4rem}
h2{font-size:1rem;margin:0;display:inline}
.facts,.meta,.who time,small{color:var(--muted)}
.facts{margin:0 0 1.5rem}
.tag{background:var(--selected);border-radius:1em;padding:.1em .7em;font-size:.85em}
.note{border:1px solid var(--line);border-radius:8px;padding:.2rem 1rem;margin:0 0 1.5rem}
.who{margin:1.9rem 0 .35rem;display:flex;gap:.6em;align-items:baseline}
.who time,.meta,small,figcaption{font-size:.82rem}
.person{background:var(--selected);border-radius:8px;padding:.1rem 1rem}
.meta{margin:.5rem 0;white-space:pre-line}
.day{color:var(--muted);text-align:center;margin:2rem 0 0;font-size:.85rem}
.fork{border-top:1px dashed var(--muted);margin:2.5rem 0 0;padding-top:.5rem;color:var(--muted);font-size:.85rem}
a{color:var(--accent)}
pre,code{font-family:"JetBrains Mono","DejaVu Sans Mono",ui-monospace,monospace;font-variant-ligatures:none}
code{font-size:.88em;background:var(--raised);border-radius:4px;padding:.1em .3em}
pre{font-size:.82rem;line-height:1.5;background:var(--raised);border-radius:8px;padding:.7rem .9rem;margin:.6rem 0;
overflow:auto;max-height:40rem;overflow-wrap:normal;unicode-bidi:isolate;tab-size:4}
pre.plain{white-space:pre-wrap;overflow-wrap:anywhere}
summary b{white-space:nowrap}
.diff{padding:.5rem 0}
.diff span{display:block;padding:0 .9rem;min-width:max-content}
table{border-collapse:collapse;display:block;overflow-x:auto}
th,td{border:1px solid var(--line);padding:.25rem .7rem;text-align:left}
blockquote{margin:.6rem 0;padding:0 1rem;border-left:3px solid var(--line);color:var(--muted)}
img{max-width:100%;height:auto;border-radius:6px;border:1px solid var(--line)}
figure{margin:.7rem 0}
figcaption,.file{color:var(--muted)}
details{margin:.5rem 0;border:1px solid var(--line);border-radius:8px;background:var(--raised)}
details>div{padding:0 .9rem .5rem;border-top:1px solid var(--line)}
details pre{background:var(--sunken)}
summary{cursor:pointer;padding:.45rem .9rem;display:flex;gap:.6em;align-items:baseline;overflow:hidden}
summary::before{content:"▸";color:var(--muted)}
details[open]>summary::before{content:"▾"}
summary .what{flex:1;min-width:0;color:var(--muted);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
summary .end{color:var(--muted);font-size:.82rem;white-space:nowrap}
.thought>div{color:var(--muted)}
.ok{color:var(--running)}.bad{color:var(--failed)}.wait{color:var(--waiting)}
.plus{color:var(--added_text)}.minus{color:var(--removed_text)}
.plan{list-style:none;padding:0;margin:.6rem 0}
.plan .completed{color:var(--muted)}
.box{border-left:3px solid var(--accent);padding:.1rem 1rem;margin:1rem 0}
.box.bad{color:inherit;border-color:var(--failed)}
.warn{color:var(--failed);font-size:.85rem}
.add{background:var(--added);color:var(--added_text)}.del{background:var(--removed);color:var(--removed_text)}
.hunk{color:var(--muted)}
.k{color:var(--keyword)}.s{color:var(--string)}.c{color:var(--comment)}.n{color:var(--number)}.f{color:var(--name)}
.tb{font-weight:700}.td{opacity:.75}.ti{font-style:italic}.tu{text-decoration:underline}.ts{text-decoration:line-through}
.tv{background:var(--text);color:var(--base)}
@media print{pre{max-height:none;white-space:pre-wrap}}
"""


@cache
def stylesheet() -> str:
    """The whole style sheet."""
    themes = [
        f":root{{color-scheme:light dark;{_variables('light')}}}",
        *_fronts("light"),
        f"@media(prefers-color-scheme:dark){{:root{{{_variables('dark')}}}",
        *_fronts("dark"),
        "}",
    ]
    return "\n".join(themes) + _RULES + "\n".join(_backs()) + "\n"


@cache
def security_policy() -> str:
    """What the page may do: show itself in its own style, with pictures that are part of it."""
    digest = base64.b64encode(hashlib.sha256(stylesheet().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _variables(theme: str) -> str:
    return "".join(f"--{name}:{color};" for name, color in PALETTES[theme].items())


def _fronts(theme: str) -> list[str]:
    palette = PALETTES[theme]
    return [f".f{number}{{color:{readable_in(palette, hex_color(number))}}}" for number in range(256)]


def _backs() -> list[str]:
    grounds = [(number, hex_color(number)) for number in range(256)]
    return [f".b{number}{{background:{ground};color:{text_on(ground)}}}" for number, ground in grounds]


def readable_in(palette: Mapping[str, str], color: str) -> str:
    """A colour, moved towards the text colour until it can be read on cards and on the page."""
    return readable(color, (palette["base"], palette["raised"]), palette["text"])
