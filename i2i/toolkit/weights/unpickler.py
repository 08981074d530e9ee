"""An unpickler that builds plain data only; what a pickle calls is looked up in an allow-list.

Python's own unpickler is not used: it copies every tensor, allocates memory for any memo index that a pickle names, and
calls ``__setstate__`` and sets attributes on any object on its stack. This one builds numbers, texts, bytes, lists,
tuples, dictionaries, sets and records, and calls the functions of the allow-list.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .limits import STEPS, Budget, DamagedError
from .opcodes import CODES, iterate_opcodes

_WHOLE = 2**60  # keys beyond it could be made to collide
Fill = Callable[[Any, Any], None]
"""``fill(target, state)`` puts a pickled state into an object that was created empty."""


@dataclass(frozen=True, slots=True)
class AllowedName:
    """The entry of the allow-list for one name of a pickle, such as ``torch.FloatStorage``."""

    name: str
    """The full name, as the pickle has it."""
    call: Callable[..., Any] | None = None
    """``call(unpickler, *arguments)`` replaces a function; None if the name may not be called."""
    new: Callable[[Unpickler], Any] | None = None
    """``new(unpickler)`` replaces a class: it creates an empty object, which gets its state later; else None."""


class Unpickler:
    """Interpret the pickles of one file.

    Args:
        budget: The limits of the whole file.
        find: Returns the entry of the allow-list for a module and a name; raises ``RefusedError`` if there is none.
        persistent: Returns the object of a persistent id; None if the container has no persistent ids.
        nested: Reads a torch file that is nested in this one; None within a nested file.
    """

    def __init__(
        self,
        budget: Budget,
        find: Callable[[str, str], AllowedName],
        persistent: Callable[[Any], Any] | None = None,
        nested: Callable[[memoryview], Any] | None = None,
    ) -> None:
        self.budget = budget
        self.find = find
        self.persistent = persistent
        self.nested = nested
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.awaiting: dict[int, tuple[Any, Fill]] = {}

    def run(self, data: memoryview, start: int = 0) -> tuple[Any, int]:
        """Interpret the pickle at byte ``start``.

        Returns:
            The object, and the offset of the first byte after the pickle.

        Raises:
            DamagedError: the pickle is broken or exceeds a limit.
            RefusedError: it uses a name that is not in the allow-list.
        """
        self.stack, self.marks, self.memo, self.awaiting = [], [], {}, {}
        end = start
        try:
            for code, argument, end in iterate_opcodes(data, start, self.budget):  # noqa: B007  (the last one is wanted)
                _DOES[code](self, argument)
        except (IndexError, KeyError, struct.error):
            raise DamagedError("its pickle makes no sense") from None
        if len(self.stack) != 1 or self.marks:
            raise DamagedError("its pickle makes no sense")
        return self.stack.pop(), end

    def await_state(self, thing: Any, fill: Fill) -> Any:
        """Let ``thing`` take one state by BUILD; an object that was not announced takes none. Returns ``thing``."""
        self.awaiting[id(thing)] = thing, fill
        return thing

    def since_mark(self) -> list[Any]:
        """Pop the objects that were pushed since the last MARK."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def text(self, argument: memoryview) -> str:
        """Decode UTF-8 text and charge it to the budget."""
        self.budget.spend_text(len(argument))
        return str(argument, "utf-8")

    @staticmethod
    def key(value: Any) -> Any:
        """Return ``value`` if it may be a key of a dictionary or a member of a set: text or an integer."""
        if type(value) is str or (type(value) is int and -_WHOLE < value < _WHOLE):
            return value
        raise DamagedError("a key in it is neither text nor a whole number")


def _put(unpickler: Unpickler, index: int) -> None:
    if index > STEPS:  # a pickler numbers them one by one
        raise DamagedError("its memo makes no sense")
    unpickler.memo[index] = unpickler.stack[-1]


def _extend(unpickler: Unpickler, items: list[Any]) -> None:
    target = unpickler.stack[-1]
    if type(target) is not list:
        raise DamagedError("it appends to what is no list")
    target.extend(items)


def _set_items(unpickler: Unpickler, items: list[Any]) -> None:
    target = unpickler.stack[-1]
    if type(target) is not dict or len(items) % 2:
        raise DamagedError("it sets items of what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[Unpickler.key(key)] = value


def _add_items(unpickler: Unpickler, items: list[Any]) -> None:
    target = unpickler.stack[-1]
    if type(target) is not set:
        raise DamagedError("it adds to what is no set")
    target.update(map(Unpickler.key, items))


def _mark(unpickler: Unpickler) -> None:
    unpickler.marks.append(unpickler.stack)
    unpickler.stack = []


def _tuple(unpickler: Unpickler, length: int) -> None:
    if len(unpickler.stack) < length:
        raise IndexError
    unpickler.stack[-length:] = [tuple(unpickler.stack[-length:])]


def _global(unpickler: Unpickler, module: Any, name: Any) -> None:
    if type(module) is not str or type(name) is not str:
        raise DamagedError("a name in it is no text")
    unpickler.budget.spend(8)
    unpickler.stack.append(unpickler.find(module, name))


def _reduce(unpickler: Unpickler, arguments: Any, target: Any) -> None:
    if type(target) is not AllowedName or target.call is None or type(arguments) is not tuple:
        raise DamagedError("it calls what cannot be called")
    unpickler.budget.spend(4)
    try:
        unpickler.stack.append(target.call(unpickler, *arguments))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else "its arguments make no sense"
        raise DamagedError(f"{target.name}: {reason}") from None


def _new(unpickler: Unpickler, arguments: Any, target: Any) -> None:
    if type(target) is not AllowedName or target.new is None or arguments != ():
        raise DamagedError("it makes an object of what is no class")
    unpickler.budget.spend(4)
    unpickler.stack.append(target.new(unpickler))


def _build(unpickler: Unpickler, state: Any) -> None:
    target = unpickler.stack[-1]
    awaiting = unpickler.awaiting.pop(id(target), None)
    if awaiting is None:
        raise DamagedError("it gives a state to what takes none")
    awaiting[1](target, state)


def _persistent(unpickler: Unpickler, identity: Any) -> None:
    if unpickler.persistent is None:
        raise DamagedError("it has the pickle opcode BINPERSID outside a torch file")
    unpickler.budget.spend(8)
    unpickler.stack.append(unpickler.persistent(identity))


def _protocol(unpickler: Unpickler, argument: memoryview) -> None:
    if not 2 <= argument[0] <= 5:
        raise DamagedError(f"it is a pickle of protocol {argument[0]}")


def _integer(unpickler: Unpickler, argument: memoryview) -> int:
    line = bytes(argument)  # as Python 2 wrote what is longer than four bytes
    if not line.lstrip(b"-").isdigit() or len(line) > 20:
        raise DamagedError("a number in it makes no sense")
    return int(line)


def _pushing(value: Callable[[Unpickler, memoryview], Any]) -> Callable[[Unpickler, memoryview], None]:
    def push(unpickler: Unpickler, argument: memoryview) -> None:
        result = value(unpickler, argument)  # first, for it may change the stack
        unpickler.stack.append(result)

    return push


def _long(unpickler: Unpickler, argument: memoryview) -> int:
    if len(argument) > 32:
        raise DamagedError("a number in it makes no sense")
    return int.from_bytes(argument, "little", signed=True)


def _little(unpickler: Unpickler, argument: memoryview) -> int:
    return int.from_bytes(argument, "little")


_DOES: dict[int, Callable[[Unpickler, memoryview], Any]] = {
    CODES[name]: does
    for names, does in {
        "PROTO": _protocol,
        "FRAME STOP": lambda m, a: None,
        "MARK": lambda m, a: _mark(m),
        "NONE": _pushing(lambda m, a: None),
        "NEWTRUE": _pushing(lambda m, a: True),
        "NEWFALSE": _pushing(lambda m, a: False),
        "INT": _pushing(_integer),
        "BININT LONG1": _pushing(_long),
        "BININT1 BININT2": _pushing(_little),
        "BINFLOAT": _pushing(lambda m, a: struct.unpack(">d", a)[0]),
        "SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINSTRING BINSTRING": _pushing(lambda m, a: m.text(a)),
        "SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8": _pushing(lambda m, a: a),
        "EMPTY_LIST": _pushing(lambda m, a: []),
        "EMPTY_TUPLE": _pushing(lambda m, a: ()),
        "EMPTY_DICT": _pushing(lambda m, a: {}),
        "EMPTY_SET": _pushing(lambda m, a: set()),
        "APPEND": lambda m, a: _extend(m, [m.stack.pop()]),
        "APPENDS": lambda m, a: _extend(m, m.since_mark()),
        "SETITEM": lambda m, a: _set_items(m, [m.stack.pop(), m.stack.pop()][::-1]),
        "SETITEMS": lambda m, a: _set_items(m, m.since_mark()),
        "ADDITEMS": lambda m, a: _add_items(m, m.since_mark()),
        "TUPLE": _pushing(lambda m, a: tuple(m.since_mark())),
        "TUPLE1": lambda m, a: _tuple(m, 1),
        "TUPLE2": lambda m, a: _tuple(m, 2),
        "TUPLE3": lambda m, a: _tuple(m, 3),
        "BINGET LONG_BINGET": _pushing(lambda m, a: m.memo[_little(m, a)]),
        "BINPUT LONG_BINPUT": lambda m, a: _put(m, _little(m, a)),
        "MEMOIZE": lambda m, a: _put(m, len(m.memo)),
        "GLOBAL": lambda m, a: _global(m, *m.text(a).split("\n")),
        "STACK_GLOBAL": lambda m, a: _global(m, *[m.stack.pop(), m.stack.pop()][::-1]),
        "REDUCE": lambda m, a: _reduce(m, m.stack.pop(), m.stack.pop()),
        "NEWOBJ": lambda m, a: _new(m, m.stack.pop(), m.stack.pop()),
        "BUILD": lambda m, a: _build(m, m.stack.pop()),
        "BINPERSID": lambda m, a: _persistent(m, m.stack.pop()),
    }.items()
    for name in names.split()
}
