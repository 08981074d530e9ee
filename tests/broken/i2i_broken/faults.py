"""The ways in which a method misbehaves."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import Field

import i2i


class Faulty(i2i.Options):
    """Where and how a plugin misbehaves."""

    at: str = Field("", description="The method that misbehaves; empty for none")
    how: str = Field("raise", description="What it does")


def _raise() -> Any:
    raise RuntimeError("broken on purpose")


def _lookup() -> Any:
    raise KeyError("missing")


def _forbidden() -> Any:
    raise PermissionError(13, "Permission denied", "/forbidden/file")


def _interrupt() -> Any:
    raise KeyboardInterrupt


def _memory() -> Any:
    raise MemoryError("out of memory")


def _iterator() -> Iterator[Any]:
    yield "one"
    raise RuntimeError("broken on purpose")


HOWS: dict[str, Callable[[Any], Any]] = {
    "raise": lambda good: _raise(),
    "lookup": lambda good: _lookup(),
    "exit": lambda good: sys.exit(3),
    "forbidden": lambda good: _forbidden(),
    "interrupt": lambda good: _interrupt(),
    "memory": lambda good: _memory(),
    "iterator": lambda good: _iterator(),
    "none": lambda good: None,
    "text": lambda good: "text",
    "list": lambda good: [1, 2],
    "dict": lambda good: {"value": object()},
    "empty": lambda good: {},
    "object": lambda good: object(),
    "nan": lambda good: good * float("nan"),
    "inf": lambda good: good * 0 + float("inf"),
    "whole": lambda good: good.int(),
    "flat": lambda good: good.flatten(),
    "less": lambda good: good[..., :1],
    "twice": lambda good: good.repeat(2, *(1 for _ in good.shape[1:])),
    "print": lambda good: (print("a plugin prints"), good)[1],
}
"""By name what a method does instead of returning ``good``."""


def misbehave(options: Faulty, method: str, good: Any) -> Any:
    """Return ``good`` (called, where it is a function); in the method that the options name, do what they say."""
    good = good() if callable(good) else good
    return HOWS[options.how](good) if options.at == method else good
