"""A pickle machine of our own: it builds plain data, and what a pickle calls is looked up in a short list of stand-ins.

Python's own unpickler is not used. It copies every tensor, gives memory to whoever names a large memo index, and calls
``__setstate__`` and sets attributes on whatever lies on its stack; this one knows eight kinds of thing and no more.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .limits import STEPS, Budget, Damaged
from .opcodes import CODES, walk

_WHOLE = 2**60  # keys beyond it could be made to collide
Fill = Callable[[Any, Any], None]
"""``fill(thing, state)`` puts a pickled state into a thing that waits for one."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """What stands for a name that weight files may use: never the thing itself."""

    name: str
    call: Callable[..., Any] | None = None
    """``call(machine, *arguments)`` for what is called like a function."""
    new: Callable[[Machine], Any] | None = None
    """``new(machine)`` for a class that is made empty and filled afterwards."""


class Machine:
    """Reads pickles that lie in one file, and may read those within them.

    Args:
        find: The stand-in for a module and a name in it; raises ``Refused`` where there is none.
        persistent: What a persistent id stands for; None where the container has none.
        nested: Reads a torch file that lies within this one; None within such a file.
    """

    def __init__(
        self,
        budget: Budget,
        find: Callable[[str, str], Admitted],
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
        """The object that the pickle at ``start`` holds, and where the pickle ends.

        Raises:
            Damaged, Refused: it is broken, or asks for something that it must not have.
        """
        self.stack, self.marks, self.memo, self.awaiting = [], [], {}, {}
        end = start
        try:
            for code, argument, end in walk(data, start, self.budget):  # noqa: B007  (the last one is wanted)
                _DOES[code](self, argument)
        except (IndexError, KeyError, struct.error):
            raise Damaged("its pickle makes no sense") from None
        if len(self.stack) != 1 or self.marks:
            raise Damaged("its pickle makes no sense")
        return self.stack.pop(), end

    def await_state(self, thing: Any, fill: Fill) -> Any:
        """Let ``thing`` take one state; everything else takes none."""
        self.awaiting[id(thing)] = thing, fill
        return thing

    def since_mark(self) -> list[Any]:
        """Take what was pushed since the last mark."""
        items, self.stack = self.stack, self.marks.pop()
        return items

    def text(self, argument: memoryview) -> str:
        """The text in ``argument``, which is paid for."""
        self.budget.spend_text(len(argument))
        return str(argument, "utf-8")

    @staticmethod
    def key(value: Any) -> Any:
        """``value``, if it may be a key or lie in a set."""
        if type(value) is str or (type(value) is int and -_WHOLE < value < _WHOLE):
            return value
        raise Damaged("a key in it is neither text nor a whole number")


def _put(machine: Machine, index: int) -> None:
    if index > STEPS:  # a pickler numbers them one by one
        raise Damaged("its memo makes no sense")
    machine.memo[index] = machine.stack[-1]


def _extend(machine: Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if type(target) is not list:
        raise Damaged("it appends to what is no list")
    target.extend(items)


def _set_items(machine: Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if type(target) is not dict or len(items) % 2:
        raise Damaged("it sets items of what is no dictionary")
    for key, value in zip(items[::2], items[1::2], strict=True):
        target[Machine.key(key)] = value


def _add_items(machine: Machine, items: list[Any]) -> None:
    target = machine.stack[-1]
    if type(target) is not set:
        raise Damaged("it adds to what is no set")
    target.update(map(Machine.key, items))


def _mark(machine: Machine) -> None:
    machine.marks.append(machine.stack)
    machine.stack = []


def _tuple(machine: Machine, length: int) -> None:
    if len(machine.stack) < length:
        raise IndexError
    machine.stack[-length:] = [tuple(machine.stack[-length:])]


def _global(machine: Machine, module: Any, name: Any) -> None:
    if type(module) is not str or type(name) is not str:
        raise Damaged("a name in it is no text")
    machine.budget.spend(8)
    machine.stack.append(machine.find(module, name))


def _reduce(machine: Machine, arguments: Any, target: Any) -> None:
    if type(target) is not Admitted or target.call is None or type(arguments) is not tuple:
        raise Damaged("it calls what cannot be called")
    machine.budget.spend(4)
    try:
        machine.stack.append(target.call(machine, *arguments))
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        reason = str(error) if type(error) is ValueError else "its arguments make no sense"
        raise Damaged(f"{target.name}: {reason}") from None


def _new(machine: Machine, arguments: Any, target: Any) -> None:
    if type(target) is not Admitted or target.new is None or arguments != ():
        raise Damaged("it makes an object of what is no class")
    machine.budget.spend(4)
    machine.stack.append(target.new(machine))


def _build(machine: Machine, state: Any) -> None:
    target = machine.stack[-1]
    awaiting = machine.awaiting.pop(id(target), None)
    if awaiting is None:
        raise Damaged("it gives a state to what takes none")
    awaiting[1](target, state)


def _persistent(machine: Machine, identity: Any) -> None:
    if machine.persistent is None:
        raise Damaged("it has the pickle instruction BINPERSID outside a torch file")
    machine.budget.spend(8)
    machine.stack.append(machine.persistent(identity))


def _protocol(machine: Machine, argument: memoryview) -> None:
    if not 2 <= argument[0] <= 5:
        raise Damaged(f"it is a pickle of protocol {argument[0]}")


def _integer(machine: Machine, argument: memoryview) -> int:
    line = bytes(argument)  # as Python 2 wrote what is longer than four bytes
    if not line.lstrip(b"-").isdigit() or len(line) > 20:
        raise Damaged("a number in it makes no sense")
    return int(line)


def _pushing(value: Callable[[Machine, memoryview], Any]) -> Callable[[Machine, memoryview], None]:
    def push(machine: Machine, argument: memoryview) -> None:
        result = value(machine, argument)  # first, for it may change the stack
        machine.stack.append(result)

    return push


def _long(machine: Machine, argument: memoryview) -> int:
    if len(argument) > 32:
        raise Damaged("a number in it makes no sense")
    return int.from_bytes(argument, "little", signed=True)


def _little(machine: Machine, argument: memoryview) -> int:
    return int.from_bytes(argument, "little")


_DOES: dict[int, Callable[[Machine, memoryview], Any]] = {
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
