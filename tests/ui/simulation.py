"""A simulated user of pages, without a browser and a server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from nicegui.testing import User
from nicegui.testing.user_simulation import user_simulation


def simulate(root: Callable[[], Any], check: Callable[[User], Awaitable[None]]) -> None:
    """Open the page that ``root`` creates and call ``check`` with its user."""

    async def run() -> None:
        async with user_simulation(root=root) as user:
            await user.open("/")
            await check(user)

    asyncio.run(run())


def field(user: User, label: str, kind: type = ui.number) -> Any:
    """Return the element with this label."""
    found = [each for each in user.find(kind).elements if each.props.get("label", getattr(each, "text", "")) == label]
    assert len(found) == 1, label
    return found[0]
