"""Policies: what agents on this device may always do, must ask for, or may never do. Pure decisions over values.

A policy names a tool, the beginning of a command, a path, or several of these, which then must all fit; it holds in one
workspace or in all. `never` comes before everything else, whatever is said elsewhere. Between `allow` and `ask` the
policy counts that says more: one for this workspace before one for all, one with more parts, with more words of a
command, with more of a path; of equal ones `ask`.

A command is allowed only where the line is that one command, word for word as the shell will read it (`plain_command`);
`ask` and `never` fit already where any command of the line, or of a line that cannot be told apart, begins so. Paths
are those that file tools work on; what a command reads and writes is the sandbox's matter.

Policies are a local setting: they are never synced, and nothing that anybody writes into a session changes them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec

from app.agents.command_line import plain_command, simple_commands
from app.errors import UserError

Ruling = Literal["allow", "ask", "never"]
SETTING = "policies"
MAX_POLICIES = 500
_WORDS = re.compile(r"[\w./@:+-]+")
_SUBCOMMANDS = frozenset(
    "bundle cargo dotnet gh git go gradle hg just make mvn npm pnpm poetry ruff svn uv yarn".split()
)
"""Programs whose second word says what they do."""
_RUNNING = frozenset({"run", "exec", "x", "dlx", "tool"})
"""Second words after which another program follows."""
_LOOKING = frozenset(
    "basename cat cmp cut diff dirname du grep head jq ls mypy nl pwd pytest stat tail wc which".split()
)
"""Programs that neither write files that they are told to, nor start others that they are told to."""
_SUBCOMMAND = re.compile(r"[a-z][a-z0-9-]*")


class PolicyRule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One policy. tool: a name or a glob of names. command: how a command begins, or `whole` of it. path: a path or
    a glob of paths, relative to the workspace. workspace: id of the only one it holds in."""

    ruling: Ruling
    tool: str | None = None
    command: str | None = None
    whole: bool = False
    path: str | None = None
    workspace: str | None = None

    def __str__(self) -> str:
        """The policy in a few words."""
        more = "" if self.whole else " …"
        parts = [f"tool {self.tool}" if self.tool else "", f"command '{self.command}{more}'" if self.command else ""]
        parts += [f"path {self.path}" if self.path else ""]
        return " ".join(["always allow" if self.ruling == "allow" else self.ruling, *filter(None, parts)])


@dataclass(frozen=True, slots=True)
class Act:
    """What a tool is about to do. command: the line it would run. path: as the workspace resolves it, None without."""

    tool: str
    command: str | None = None
    path: str | None = None


def act_of(tool: str, arguments: Any, path: str | None = None) -> Act:
    """What a call of a tool with these arguments does."""
    command = arguments.get("command") if isinstance(arguments, dict) else None
    return Act(tool, command if isinstance(command, str) else None, path)


def judge(rules: Iterable[PolicyRule], act: Act, workspace: str | None = None) -> PolicyRule | None:
    """The policy that decides about an act in a workspace (its id); None where none does."""
    here = [rule for rule in rules if rule.workspace in (None, workspace)]
    best = max((rule for rule in here if fits(rule, act)), key=_rank, default=None)
    if (best is None or best.ruling == "allow") and _may_hide(here, act):
        return PolicyRule(ruling="ask", tool=act.tool)
    return best


def _may_hide(rules: Iterable[PolicyRule], act: Act) -> bool:
    """Whether a line may start a command that is never to run: it cannot be told apart, or has it inside a word."""
    never = [words for rule in rules if rule.ruling == "never" and (words := _words(rule)) is not None]
    if act.command is None or not never:
        return False
    commands = simple_commands(act.command)
    if commands is None:
        return True
    is_nested = any(" " in word for words in commands for word in words[1:])
    return is_nested and any(_mentions(act.command, words) for words in never)


def fits(rule: PolicyRule, act: Act) -> bool:
    """Whether a policy is about an act."""
    if rule.tool is None and rule.command is None and rule.path is None:
        return False
    return _fits_tool(rule, act) and _fits_command(rule, act) and _fits_path(rule, act)


def _rank(rule: PolicyRule) -> tuple[object, ...]:
    parts = sum(part is not None for part in (rule.tool, rule.command, rule.path))
    words = len((rule.command or "").split())
    literal = len(re.split(r"[*?\[]", rule.path or "")[0])
    is_name = rule.tool is not None and not set("*?[") & set(rule.tool)
    return (rule.ruling == "never", rule.workspace is not None, parts, words, literal, is_name, rule.ruling == "ask")


def _fits_tool(rule: PolicyRule, act: Act) -> bool:
    return rule.tool is None or fnmatchcase(act.tool, rule.tool)


def _fits_command(rule: PolicyRule, act: Act) -> bool:
    if rule.command is None:
        return True
    prefix = _words(rule)
    if act.command is None or prefix is None:
        return False
    if rule.ruling == "allow":
        words = plain_command(act.command)
        return words is not None and (words == prefix if rule.whole else words[: len(prefix)] == prefix)
    commands = simple_commands(act.command)
    if commands is None:
        return _mentions(act.command, prefix)
    return any(_begins(words, prefix) or _passes_on(words, prefix) for words in commands)


def _words(rule: PolicyRule) -> tuple[str, ...] | None:
    """The words of a policy's command; None where it has none, or none that could be allowed."""
    if rule.command is None or rule.ruling == "allow":
        return None if rule.command is None else plain_command(rule.command)
    try:
        return tuple(shlex.split(rule.command)) or None
    except ValueError:
        return None


def _begins(words: Sequence[str], prefix: Sequence[str]) -> bool:
    """Whether a command begins so, also when its program is named by a path."""
    named = (words[0].rsplit("/", 1)[-1], *words[1:])
    return tuple(prefix) in (tuple(words[: len(prefix)]), named[: len(prefix)])


def _passes_on(words: Sequence[str], prefix: Sequence[str]) -> bool:
    """Whether a command is told to start another one that begins so, as `find -exec` is."""
    places = [place for place, word in enumerate(words) if word in ("-exec", "-execdir", "-ok", "-okdir")]
    return any(_begins(words[place + 1 :], prefix) for place in places if place + 1 < len(words))


def _mentions(line: str, prefix: Sequence[str]) -> bool:
    """Whether the words of a command stand one after another in a line that cannot be told apart."""
    words = [word.rsplit("/", 1)[-1] for word in _WORDS.findall(line)]
    wanted = [word.rsplit("/", 1)[-1] for word in prefix]
    return any(words[place : place + len(wanted)] == wanted for place in range(len(words) - len(wanted) + 1))


def _fits_path(rule: PolicyRule, act: Act) -> bool:
    if rule.path is None:
        return True
    if act.path is None:
        return False
    path, pattern = act.path.strip("/"), rule.path.strip("/")
    if rule.ruling != "allow":  # on disks that do not tell capitals apart these are one file
        path, pattern = path.casefold(), pattern.casefold()
    return fnmatchcase(path, pattern) or fnmatchcase(path, f"{pattern}/*")


def suggested_prefix(line: str) -> str | None:
    """How a command line begins that may be allowed by its beginning; None: not by less than all of it.

    Programs that only look by their name, those with subcommands by two words.
    """
    words = plain_command(line)
    if words is not None and words[0] in _LOOKING:
        return words[0]
    if words is None or len(words) < 2 or words[0] not in _SUBCOMMANDS or words[1] in _RUNNING:
        return None
    return f"{words[0]} {words[1]}" if _SUBCOMMAND.fullmatch(words[1]) else None


def suggested_rule(tool: str, arguments: Any, workspace: str | None) -> PolicyRule | None:
    """The policy that "always allow here" would make for a call; None where there can be none."""
    act = act_of(tool, arguments)
    if act.command is None:
        return PolicyRule(ruling="allow", tool=tool, workspace=workspace)
    if plain_command(act.command) is None:
        return None
    prefix = suggested_prefix(act.command)
    line = act.command.strip() if prefix is None else prefix
    if "‹" in line:  # a secret stands there, which no policy is to know
        return None
    return PolicyRule(ruling="allow", tool=tool, command=line, whole=prefix is None, workspace=workspace)


def checked(rule: PolicyRule) -> PolicyRule:
    """The policy, if it can ever fit. Raises UserError with what is wrong with it."""
    if rule.tool is None and rule.command is None and rule.path is None:
        raise UserError("A policy names a tool, a command or a path.")
    if rule.command is not None and _words(rule) is None:
        raise UserError(
            f"'{rule.command}' is not the beginning of one plain command: no second command, redirection, substitution "
            "or variable, and to be allowed no program that only starts another one."
        )
    if rule.path is not None and (rule.path.startswith(("/", "~")) or ".." in rule.path.split("/")):
        raise UserError(f"'{rule.path}' must be a path inside the workspace, such as docs/** or .env.")
    return rule


def read_rules(stored: object) -> tuple[PolicyRule, ...]:
    """The policies of the setting. One that cannot be read makes everything ask: it may have said never."""
    if stored is None:
        return ()
    try:
        return tuple(msgspec.convert(stored, list[PolicyRule]))
    except msgspec.ValidationError:
        return (PolicyRule(ruling="ask", tool="*"),)


def stored_rules(rules: Iterable[PolicyRule]) -> list[dict[str, Any]] | None:
    """The policies as the setting keeps them; None for none."""
    return [msgspec.to_builtins(rule) for rule in rules] or None


def with_rule(rules: Sequence[PolicyRule], rule: PolicyRule) -> tuple[PolicyRule, ...]:
    """The policies with one more; it takes the place of one about the same. Raises UserError when it cannot be."""
    kept = [one for one in rules if about(one) != about(rule)]
    if len(kept) >= MAX_POLICIES:
        raise UserError(f"There are {MAX_POLICIES} policies already. Remove some first.")
    return (*kept, checked(rule))


def about(rule: PolicyRule) -> tuple[str | bool | None, ...]:
    """What a policy is about, whatever it says."""
    return (rule.tool, rule.command, rule.whole, rule.path, rule.workspace)
