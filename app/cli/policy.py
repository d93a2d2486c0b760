"""`lovelace policy …`: what agents on this device may always do, must ask for, or may never do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from app.cli.call import call_of
from app.cli.declared import group

if TYPE_CHECKING:
    from app.agents.policies import PolicyRule

cli = group("Policies of this device: what agents may always do, must ask for, or may never do. They are never synced.")


@cli.command()
def show(context: typer.Context) -> None:
    """List the policies. Never comes before everything else; then what is more particular comes first."""
    from app.agents.policy_setting import kept_rules

    call = call_of(context)
    with call.workspace() as workspace:
        rules = workspace.read(kept_rules)
        names = {row.id: row.name for row in workspace.read(lambda queries: queries.workspaces())}
    if call.out.json:
        call.out.value([_to_json(rule, names) for rule in rules])
        return
    call.out.table(
        ["RULING", "TOOL", "COMMAND", "PATH", "WORKSPACE"],
        (
            (
                rule.ruling,
                rule.tool or "",
                f"{rule.command}{'' if rule.whole else ' …'}" if rule.command else "",
                rule.path or "",
                "all" if rule.workspace is None else names.get(rule.workspace, rule.workspace),
            )
            for rule in rules
        ),
    )


@cli.command("set")
def set_policy(
    context: typer.Context,
    ruling: Annotated[
        Literal["allow", "ask", "never", "none"],
        typer.Argument(metavar="allow|ask|never|none", help="What holds from now on; none: forget the policy."),
    ],
    tool: Annotated[str | None, typer.Option(metavar="NAME", help="A tool: its name, or a glob of names.")] = None,
    command: Annotated[str | None, typer.Option(metavar="WORDS", help="How a command begins, as 'git status'.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="The words are the whole command.")] = False,
    path: Annotated[str | None, typer.Option(metavar="PATH", help="A path in the workspace, or a glob.")] = None,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="In all workspaces, not only this one.")] = False,
) -> None:
    """Set a policy for a tool, the beginning of a command, a path, or what fits several of these."""
    from app.agents.policies import PolicyRule
    from app.agents.policy_setting import add_rule, remove_rule
    from app.errors import NotFound

    call = call_of(context)
    with call.workspace() as workspace:
        within = None if everywhere else workspace.id
        about = {"tool": tool, "command": command, "whole": whole, "path": path, "workspace": within}
        if ruling == "none":
            gone = PolicyRule(ruling="ask", **about)  # type: ignore[arg-type]
            if not workspace.write(lambda operations: remove_rule(operations, gone)):
                raise NotFound("There is no such policy. 'lovelace policy show' lists them.")
        else:
            rule = PolicyRule(ruling=ruling, **about)  # type: ignore[arg-type]
            workspace.write(lambda operations: add_rule(operations, rule))
    call.out.done([], "Forgotten." if ruling == "none" else f"Set: {rule}.")


def _to_json(rule: PolicyRule, names: dict[str, str]) -> dict[str, Any]:
    name = None if rule.workspace is None else names.get(rule.workspace)
    return {
        "ruling": rule.ruling,
        "tool": rule.tool,
        "command": rule.command,
        "whole": rule.whole,
        "path": rule.path,
        "workspace": rule.workspace,
        "workspace_name": name,
    }
