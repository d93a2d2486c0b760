from __future__ import annotations

import asyncio
from typing import Any

from app.network.beside import beside


def test_work_ends_with_the_block_and_a_failure_is_told() -> None:
    told: list[dict[str, Any]] = []
    ended: list[str] = []

    async def lasting() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    async def failing() -> None:
        raise ValueError("broken")

    async def scene() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
        async with beside(lasting(), failing()):
            await asyncio.sleep(0.01)
            assert [str(context["exception"]) for context in told] == ["broken"] and not ended
        assert ended == ["cancelled"]

    asyncio.run(scene())
