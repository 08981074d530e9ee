"""Checksums of files that are read once by a process while they do not change."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from i2i.toolkit import files
from i2i.toolkit.files import hash_file, hash_unchanged


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are read."""
    names: list[str] = []

    def count(*paths: Path) -> str:
        names.extend(path.name for path in paths)
        return hash_file(*paths)

    monkeypatch.setattr(files, "hash_file", count)
    return names


def later(monkeypatch: pytest.MonkeyPatch, seconds: int) -> None:
    now = time.time_ns() + seconds * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: now)


def test_settled_files_are_read_once(tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    later(monkeypatch, 10)
    assert hash_unchanged(one) == hash_unchanged(one) == hash_file(one) and read == ["one"]
    assert hash_unchanged(one, two) == hash_unchanged(one, two) == hash_file(one, two) and read == ["one", "one", "two"]


def test_files_that_have_just_changed_are_read_again(tmp_path: Path, read: list[str]) -> None:
    file = tmp_path / "file"
    for data in (b"a", b"b"):  # of one size, and perhaps within one tick of the clock of the file system
        file.write_bytes(data)
        assert hash_unchanged(file) == hash_unchanged(file) == hash_file(file)
    assert read == ["file"] * 4


def test_changed_files_are_read_again(tmp_path: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a")
    before = file.stat()
    later(monkeypatch, 10)
    hash_unchanged(file)
    deadline = time.monotonic() + 5
    while file.stat().st_ctime_ns == before.st_ctime_ns and time.monotonic() < deadline:
        file.write_bytes(b"b")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a copy that keeps the time of its original
    assert hash_unchanged(file) == hash_file(file) and read == ["file"] * 2
