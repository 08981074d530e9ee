"""The opcodes of a pickle: each one is measured and checked before its argument is read."""

from __future__ import annotations

import pickletools
from collections.abc import Iterator

from .limits import Budget, DamagedError

_READ = """
PROTO FRAME STOP MARK NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 BINFLOAT
SHORT_BINUNICODE BINUNICODE BINUNICODE8 SHORT_BINSTRING BINSTRING SHORT_BINBYTES BINBYTES BINBYTES8 BYTEARRAY8
EMPTY_LIST APPEND APPENDS EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_DICT SETITEM SETITEMS EMPTY_SET ADDITEMS
BINGET LONG_BINGET BINPUT LONG_BINPUT MEMOIZE GLOBAL STACK_GLOBAL REDUCE NEWOBJ BUILD BINPERSID
"""
"""What picklers write for weights since protocol 2. Left out, and so refused: what only older protocols, recursive
objects, extension registries and out-of-band buffers need."""
CODES = {op.name: ord(op.code) for op in pickletools.opcodes}
_NAMES = {code: name for name, code in CODES.items()}
_WIDTHS = {ord(op.code): op.arg.n if op.arg else 0 for op in pickletools.opcodes if op.name in _READ.split()}
_PREFIXES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}
_LINES = {CODES["GLOBAL"]: 2, CODES["INT"]: 1}
_FRAME = CODES["FRAME"]
_LONGEST = 256  # bytes of a text argument: two names, or a number
_NOTHING = memoryview(b"")
_CUT = "it is cut off"


def iterate_opcodes(data: memoryview, start: int, budget: Budget) -> Iterator[tuple[int, memoryview, int]]:
    """Iterate over the opcodes of the pickle at byte ``start``, up to and including STOP.

    Yields:
        The opcode; its argument, without its length prefix or line ends; and the offset of the next opcode.

    Raises:
        DamagedError: the pickle is cut off or too long, or has an opcode that no weight file needs.
    """
    at, size, stop = start, len(data), CODES["STOP"]
    while True:
        budget.steps -= 1
        if budget.steps < 0:
            budget.spend(0)
        if at >= size:
            raise DamagedError(_CUT)
        code = data[at]
        at += 1
        width = _WIDTHS.get(code)
        if width is None:
            raise DamagedError(f"it has the pickle opcode {_NAMES.get(code, hex(code))}, which no weight file needs")
        argument = _NOTHING
        if width:
            begin, end = (at, at + width) if width > 0 else _measure(data, at, code, width)
            if end > size:
                raise DamagedError(_CUT)
            argument, at = data[begin:end], end
            if width == pickletools.UP_TO_NEWLINE:
                argument = argument[:-1]
            elif code == _FRAME and int.from_bytes(argument, "little") > size - at:
                raise DamagedError(_CUT)
        yield code, argument, at
        if code == stop:
            return


def _measure(data: memoryview, at: int, code: int, width: int) -> tuple[int, int]:
    """Return the begin and end of an argument whose length is not fixed."""
    if width != pickletools.UP_TO_NEWLINE:
        begin = at + _PREFIXES[width]
        return begin, begin + int.from_bytes(data[at:begin], "little")
    text, end = bytes(data[at : at + _LONGEST]), 0
    for _ in range(_LINES[code]):
        end = text.find(b"\n", end) + 1
        if not end:
            raise DamagedError(_CUT if len(text) < _LONGEST else "a name in it is too long")
    return at, at + end
