"""Files that are written beside and renamed, on a disk that refuses."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from i2i.toolkit.files import atomic_write

resource = pytest.importorskip("resource", reason="needs a system with limits on the size of files")


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_the_systems_own_reason_is_told_where_a_library_hides_it(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_text("old")
    with no_file_larger_than(100_000), pytest.raises(OSError) as caught, atomic_write(path) as beside:
        torch.save(torch.zeros(100_000), beside)  # by itself a RuntimeError about positions
    assert caught.value.errno == errno.EFBIG
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_an_error_that_is_not_the_disks_stays_what_it_is(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), atomic_write(tmp_path / "x") as beside:
        beside.write_text("half")
        raise RuntimeError("mine")
    assert not list(tmp_path.iterdir())


def test_the_room_is_free_again_even_while_the_failed_writer_holds_the_file(tmp_path: Path) -> None:
    with pytest.raises(OSError), atomic_write(tmp_path / "x") as beside:
        stream = beside.open("wb", buffering=0)
        stream.write(bytes(5000))
        raise OSError(errno.ENOSPC, "full")
    with stream:
        assert os.fstat(stream.fileno()).st_size == 0


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_file(number: int, tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, atomic_write(tmp_path / "x"):
        raise OSError(number, "full")
    assert caught.value.filename == str(tmp_path / "x")


def test_the_file_meant_is_named_where_a_library_hides_the_reason(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, atomic_write(tmp_path / "no" / "x"):
        raise RuntimeError("cannot open it")
    assert caught.value.filename == str(tmp_path / "no" / "x")


def test_the_file_meant_is_named_and_not_the_one_beside(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    with pytest.raises(IsADirectoryError) as caught, atomic_write(tmp_path / "x") as beside:
        beside.write_text("new")
    assert caught.value.filename == str(tmp_path / "x")
    with pytest.raises(FileNotFoundError) as missing, atomic_write(tmp_path / "no" / "y") as beside:
        beside.write_text("new")
    assert missing.value.filename == str(tmp_path / "no" / "y")
