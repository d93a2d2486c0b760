"""The library's values as those of `results`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from app.agents.mcp.results import Answer, PromptInfo, ResourceInfo, ServerInfo, ToolInfo

if TYPE_CHECKING:
    import mcp_types as types
    from mcp import Client

_MOST_DESCRIPTION = 8_000
_KINDS = ("tools", "resources", "prompts")


def server_info(client: Client, name: str) -> ServerInfo:
    """How the server presents itself; name: its name here, for one that does not."""
    info, capabilities = client.server_info, client.server_capabilities
    has = frozenset(kind for kind in _KINDS if getattr(capabilities, kind, None) is not None)
    instructions = (client.instructions or "")[:_MOST_DESCRIPTION]
    return ServerInfo(
        name=info.title or info.name if info else name,
        version=info.version if info else "",
        protocol=client.protocol_version,
        instructions=instructions,
        has=has,
    )


async def tools_page(client: Client, cursor: str | None) -> tuple[list[ToolInfo], str | None]:
    """A page of tools, and where the next one begins."""
    page = await client.list_tools(cursor=cursor)
    return [_tool(tool) for tool in page.tools], page.next_cursor


async def resources_page(client: Client, cursor: str | None) -> tuple[list[ResourceInfo], str | None]:
    """A page of resources, and where the next one begins."""
    page = await client.list_resources(cursor=cursor)
    found = [
        ResourceInfo(
            str(one.uri), one.title or one.name, (one.description or "")[:_MOST_DESCRIPTION], one.mime_type or ""
        )
        for one in page.resources
    ]
    return found, page.next_cursor


async def prompts_page(client: Client, cursor: str | None) -> tuple[list[PromptInfo], str | None]:
    """A page of prompts, and where the next one begins."""
    page = await client.list_prompts(cursor=cursor)
    found = [
        PromptInfo(
            one.name,
            one.title or one.name,
            (one.description or "")[:_MOST_DESCRIPTION],
            tuple((given.name, given.description or "", bool(given.required)) for given in one.arguments or ()),
        )
        for one in page.prompts
    ]
    return found, page.next_cursor


def answer_of(result: types.CallToolResult) -> Answer:
    """What came of a call."""
    return Answer(result.is_error, [_dumped(block) for block in result.content], result.structured_content)


def resource_answer(result: types.ReadResourceResult) -> Answer:
    """What a resource holds."""
    return Answer(False, [{"type": "resource", "resource": _dumped(part)} for part in result.contents])


def prompt_answer(result: types.GetPromptResult) -> Answer:
    """The messages of a prompt, each with its role before its text."""
    blocks = [{**_dumped(message.content), "role": message.role} for message in result.messages]
    return Answer(False, blocks)


def _tool(tool: types.Tool) -> ToolInfo:
    hinted = tool.annotations.title if tool.annotations else None
    return ToolInfo(
        tool.name, tool.title or hinted or tool.name, (tool.description or "")[:_MOST_DESCRIPTION], tool.input_schema
    )


def _dumped(model: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = model.model_dump(by_alias=True, mode="json", exclude_none=True)
    return dumped
