"""The history of a session: a tree of edits, in which undo, redo and branches move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..api.errors import UsageError
from .tasks import EditOutcome


@dataclass(frozen=True)
class HistoryNode:
    """An image that was opened, or the result of an edit."""

    number: int
    """Unique in its history, from 1, in the order of creation."""
    parent: int | None
    """The node that was edited; None for an image that was opened."""
    label: str
    """What the history strip says, such as ``"seed:3"`` or ``"drag"``."""
    image: str = ""
    """What was opened: ``seed:N`` or the path of a photo or latent; empty for edits."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Keyword arguments of ``i2i.edit``: those that hold for all edits of an opened image, or those of this edit."""
    editor: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    images: Sequence[str] = ()
    """All images of the edit, as ``i2i.edit`` got them."""
    outcome: EditOutcome | None = None
    """What the edit wrote; None for an image that was opened."""
    thumbnail: bytes = b""
    """JPEG; empty where there is none yet."""

    @property
    def out(self) -> Path | None:
        """The output directory of the edit."""
        return None if self.outcome is None else self.outcome.out


@dataclass
class History:
    """A tree of nodes with a current one. Nodes are never removed, so each can be reached again."""

    _nodes: dict[int, HistoryNode] = field(default_factory=dict)
    _current: int | None = None
    _redo: dict[int, int] = field(default_factory=dict)
    """For each node the child that was visited last."""

    def __iter__(self) -> Iterator[HistoryNode]:
        return iter(self._nodes.values())

    def __len__(self) -> int:
        return len(self._nodes)

    def node(self, number: int) -> HistoryNode:
        """Return a node.

        Raises:
            UsageError: there is no such node.
        """
        if number not in self._nodes:
            raise UsageError(f"There is no step {number} in this session; choose one from the history.")
        return self._nodes[number]

    @property
    def current(self) -> HistoryNode | None:
        """The node that is shown and edited next; None before an image is opened."""
        return None if self._current is None else self._nodes[self._current]

    def add(self, node: HistoryNode) -> HistoryNode:
        """Add a node under the next number, and make it the current one."""
        node = replace(node, number=max(self._nodes, default=0) + 1)
        if node.parent is not None:
            self.node(node.parent)
        self._nodes[node.number] = node
        self.go_to(node.number)
        return node

    def set_thumbnail(self, number: int, thumbnail: bytes) -> None:
        """Store the thumbnail of a node, JPEG."""
        self._nodes[number] = replace(self.node(number), thumbnail=thumbnail)

    def add_settings(self, number: int, settings: Mapping[str, Any]) -> HistoryNode:
        """Add settings to an opened image, such as which face of a photo is edited."""
        node = self.node(number)
        self._nodes[number] = replace(node, settings={**node.settings, **settings})
        return self._nodes[number]

    def go_to(self, number: int) -> HistoryNode:
        """Make a node the current one; the next edit of it begins a new branch where it has children."""
        node = self.node(number)
        self._current = number
        for step in self.path(number)[1:]:
            assert step.parent is not None
            self._redo[step.parent] = step.number
        return node

    def path(self, number: int) -> list[HistoryNode]:
        """Return the nodes from the opened image to a node."""
        steps = [self.node(number)]
        while steps[-1].parent is not None:
            steps.append(self._nodes[steps[-1].parent])
        return steps[::-1]

    def children(self, number: int) -> list[HistoryNode]:
        """Return the edits of a node, the oldest first."""
        return [node for node in self if node.parent == number]

    @property
    def can_undo(self) -> bool:
        """Whether the current node is an edit."""
        return self.current is not None and self.current.parent is not None

    @property
    def can_redo(self) -> bool:
        """Whether an edit of the current node was undone."""
        return self._current in self._redo

    def undo(self) -> HistoryNode:
        """Go back to what was edited.

        Raises:
            UsageError: there is nothing to undo.
        """
        if self.current is None or self.current.parent is None:
            raise UsageError("There is nothing to undo.")
        self._current = self.current.parent
        return self._nodes[self._current]

    def redo(self) -> HistoryNode:
        """Go forward to the edit that was undone last.

        Raises:
            UsageError: there is nothing to redo.
        """
        if self._current is None or self._current not in self._redo:
            raise UsageError("There is nothing to redo.")
        self._current = self._redo[self._current]
        return self._nodes[self._current]

    def reset(self) -> HistoryNode:
        """Go back to the image that was opened.

        Raises:
            UsageError: no image was opened yet.
        """
        if self._current is None:
            raise UsageError("There is nothing to reset; open an image first.")
        self._current = self.path(self._current)[0].number
        return self._nodes[self._current]
