"""What a file may cost: steps and text while it is read, and the size of what comes out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...api.contents import Record, StoredTensor

STEPS = 400_000  # pickle instructions, and more for what costs more; StyleGAN2 at 1024 px takes 180,000
TEXT = 2**24  # bytes of text in all: each becomes up to four in memory
_NODES = 1_000_000
_LEVELS = 100
_COPIES = 8  # how often the file's bytes may appear in its tensors: networks share weights, bombs repeat them
_PLAIN = frozenset((str, int, float, bool, type(None), memoryview))


class Damaged(Exception):
    """The file is broken or no weight file; the text is the reason."""


class Refused(Exception):
    """The file is not opened; the text follows the file's name and makes a sentence with it."""


class Budget:
    """What may still be spent on a file; files within it spend from the same."""

    __slots__ = ("steps", "text")

    def __init__(self) -> None:
        self.steps = STEPS
        self.text = TEXT

    def spend(self, steps: int) -> None:
        """Take ``steps``, each about as much work as one pickle instruction.

        Raises:
            Damaged: there are none left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise Damaged(f"it takes more than {STEPS:,} steps to read")

    def spend_text(self, length: int) -> None:
        """Take ``length`` bytes of text, and a step for them.

        Raises:
            Damaged: there are not so many left.
        """
        self.text -= length
        self.steps -= 1
        if self.text < 0:
            raise Damaged(f"it holds more than {TEXT >> 20} MB of text")


def check_tree(tree: Any, file_bytes: int) -> None:
    """See that a walk through a tree ends soon and that its tensors fit into memory, if the file does.

    Parts that are shared count as often as they are met: a few bytes can share parts of parts beyond all bounds.

    Raises:
        Damaged: there is a cycle, or more, deeper or larger things than a weight file has, or a thing that is no data.
    """
    check = _Check(_COPIES * file_bytes + 2**20)
    stack: list[tuple[Any, list[Any] | None]] = [(tree, None)]
    while stack:
        node, parts = stack.pop()
        if parts is not None:
            check.close(node, parts)
        elif id(node) not in check.known and (parts := check.enter(node)):
            stack.append((node, parts))
            stack.extend((part, None) for part in parts)


class _Check:
    """What is known of the parts of a tree, by id: their nodes, bytes of tensors and levels, all below included."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.known: dict[int, tuple[int, int, int]] = {}
        self.entered: set[int] = set()
        self.named: set[int] = set()

    def enter(self, node: Any) -> list[Any]:
        """The parts that must be known before the node can be closed; where there are none, it is closed already."""
        if id(node) in self.entered:
            raise Damaged("it holds itself")
        children = self._children(node)
        parts = [child for child in children if type(child) not in _PLAIN and child]
        if parts:
            self.entered.add(id(node))
        else:
            self.known[id(node)] = 1 + len(children), node.nbytes if type(node) is StoredTensor else 0, 1
        return parts

    def close(self, node: Any, parts: list[Any]) -> None:
        """Add up a node of which all parts are known."""
        below = [self.known[id(part)] for part in parts]
        count = 1 + len(self._children(node)) + sum(part[0] - 1 for part in below)
        size = sum(part[1] for part in below)
        levels = 1 + max(part[2] for part in below)
        if count > _NODES:
            raise Damaged("its parts share parts without end")
        if size > self.allowed:
            raise Damaged("its tensors repeat the same bytes without end")
        if levels > _LEVELS:
            raise Damaged(f"it is nested more than {_LEVELS} levels deep")
        self.known[id(node)] = count, size, levels
        self.entered.discard(id(node))

    def _children(self, node: Any) -> Collection[Any]:
        """What lies directly in a node; none in a leaf."""
        kind = type(node)
        if kind is dict:
            return node.values()  # type: ignore[no-any-return]
        if kind in (list, tuple):
            return node  # type: ignore[no-any-return]
        if kind is Record:
            if id(node.state) not in self.named and not all(type(key) is str for key in node.state):
                raise Damaged("an object's state has names that are no text")
            self.named.add(id(node.state))
            return (node.state,)
        if kind is StoredTensor:
            if not vars(node):
                raise Damaged("an array in it was never filled")
        elif kind is not set and kind not in _PLAIN:
            raise Damaged("it holds something that is no data")
        return ()
