"""Sound files with bytes changed, moved and cut: each is read as data or refused in one sentence; none crashes."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from i2i import I2IError, Record, StoredTensor
from i2i.toolkit.weights import read_weights
from tests.toolkit.reading import foreign
from tests.toolkit.reading.test_sound import made_generator

INSTRUCTIONS = [bytes([code]) for code in b"Rb\x81Q\x93(tNuesa\x90}])\x94c.\x82\x86"] + [b"h\0", b"q\0", b"\xff" * 4]


def old(thing: Any, path: Path) -> None:
    torch.save(thing, path, _use_new_zipfile_serialization=False)


def plain(thing: Any, path: Path) -> None:
    path.write_bytes(pickle.dumps([thing, np.arange(4.0), np.float64(2)], protocol=5))


def nvlabs(thing: Any, path: Path) -> None:
    path.write_bytes(foreign.dumps({"G_ema": made_generator(), "more": thing}, 4))


def mutants(sound: bytes, count: int) -> Iterator[bytes]:
    draw = random.Random(0)
    for _ in range(count):
        content = bytearray(sound)
        for _ in range(draw.choice([1, 1, 2, 8])):
            at = draw.randrange(len(content))
            other = draw.randrange(len(content))
            content[at : at + draw.choice([0, 1, 4])] = draw.choice(
                [draw.randbytes(1), draw.choice(INSTRUCTIONS), content[other : other + 20], b""]
            )
            content = content or bytearray(sound)
        yield bytes(content[: draw.randrange(len(content))] if draw.random() < 0.1 else content)


def use(tree: Any) -> None:
    """Walk a tree as a plugin does, and make every array."""
    if isinstance(tree, StoredTensor):
        tree.numpy()
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list | tuple) else ():
        use(part)
    if isinstance(tree, Record):
        use(tree.state)


@pytest.mark.parametrize("write", [torch.save, old, save_file, plain, nvlabs])
def test_a_mutant_is_read_or_refused(write: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path = tmp_path / "net"
    write({"a": torch.ones(2, 3), "b": torch.ones(4).bfloat16()}, path)
    sound, refused = path.read_bytes(), 0
    for content in mutants(sound, 300):
        path.write_bytes(content)
        try:
            use(read_weights(path).tree)
        except I2IError as error:
            refused += 1
            assert str(error).startswith(str(path)) and str(error).isprintable()
    assert 100 < refused < 300  # most damage shows, and some falls on numbers
