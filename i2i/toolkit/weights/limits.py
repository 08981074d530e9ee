"""Limits of a weight file: steps and text while it is read, and the size of the resulting tree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from ...api.contents import Record, StoredTensor

STEPS = 400_000  # opcodes, with a higher charge for expensive ones; StyleGAN2 at 1024 px takes 180,000
TEXT = 2**24  # bytes of text in all: each becomes up to four in memory
_NODES = 1_000_000
_LEVELS = 100
_COPIES = 8  # how often the file's bytes may appear in its tensors: networks share weights, bombs repeat them
_PLAIN = frozenset((str, int, float, bool, type(None), memoryview))


class DamagedError(Exception):
    """The file is broken or not a weight file; the text is the reason."""


class RefusedError(Exception):
    """The file is not read for safety or because its format is not supported; the text follows the name of the file."""


class Budget:
    """Steps and bytes of text that are left for one file; nested files share its budget."""

    __slots__ = ("steps", "text")

    def __init__(self) -> None:
        self.steps = STEPS
        self.text = TEXT

    def spend(self, steps: int) -> None:
        """Charge ``steps``, each about the work of one opcode.

        Raises:
            DamagedError: no steps are left.
        """
        self.steps -= steps
        if self.steps < 0:
            raise DamagedError(f"it takes more than {STEPS:,} steps to read")

    def spend_text(self, length: int) -> None:
        """Charge ``length`` bytes of text and one step.

        Raises:
            DamagedError: the limit is exceeded.
        """
        self.text -= length
        self.steps -= 1
        if self.text < 0:
            raise DamagedError(f"it holds more than {TEXT >> 20} MB of text")


def check_tree(tree: Any, file_bytes: int) -> None:
    """Check that a tree can be traversed in bounded time and that its tensors fit into memory if the file does.

    Shared parts count once per reference, since a few bytes can describe an exponential number of references.

    Args:
        tree: What a reader returned.
        file_bytes: Size of the file, or of both files of a network.

    Raises:
        DamagedError: the tree has a cycle, too many nodes, levels or bytes, or an object that is not plain data.
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
        """Return the parts that must be known before the node can be closed; empty if it is closed already."""
        if id(node) in self.entered:
            raise DamagedError("it holds itself")
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
            raise DamagedError("its parts share parts without end")
        if size > self.allowed:
            raise DamagedError("its tensors repeat the same bytes without end")
        if levels > _LEVELS:
            raise DamagedError(f"it is nested more than {_LEVELS} levels deep")
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
                raise DamagedError("an object's state has names that are no text")
            self.named.add(id(node.state))
            return (node.state,)
        if kind is StoredTensor:
            if not vars(node):
                raise DamagedError("an array in it was never filled")
        elif kind is not set and kind not in _PLAIN:
            raise DamagedError("it holds something that is no data")
        return ()
