"""Numbered output directories: claimed once each, and removed where nothing was written."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from i2i.toolkit.directories import numbered_directory


def claim(parent: Path, barrier: Barrier, rounds: int, keep: bool) -> None:
    """Claim directories at the same moment as other processes; an exclusive file proves that nobody else has one."""
    for number in range(rounds):
        barrier.wait(timeout=60)
        with numbered_directory(parent, "warm") as path:
            (path / "mine").open("x").close()
            if not (keep and number % 2):
                (path / "mine").unlink()


@pytest.mark.parametrize("keep", [True, False])
def test_numbered_directory_is_claimed_by_one_process(tmp_path: Path, keep: bool) -> None:
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    workers = [context.Process(target=claim, args=(tmp_path / "edits", barrier, 20, keep)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=120)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert len(list(tmp_path.glob("edits/warm-*/mine"))) == (40 if keep else 0)
    assert len(list(tmp_path.glob("edits/warm-*"))) == (40 if keep else 0), "no empty directory is left"


def test_numbered_directory_is_claimed_by_one_thread(tmp_path: Path) -> None:
    def write(number: int) -> str:
        with numbered_directory(tmp_path, "run") as path:
            (path / str(number)).touch()
        return path.name

    (tmp_path / "run-1000").mkdir()
    (tmp_path / "other-2000").mkdir()
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(write, range(24))) == [f"run-{number}" for number in range(1001, 1025)]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_numbered_directory_is_removed_if_empty(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), numbered_directory(tmp_path / "edits", "warm") as path:
        assert path.is_dir()
        raise error
    assert not (tmp_path / "edits").exists()
    (tmp_path / "runs").mkdir()
    with pytest.raises(error), numbered_directory(tmp_path / "runs", "warm") as path:
        raise error
    assert (tmp_path / "runs").is_dir(), "it was there before"
    with pytest.raises(error), numbered_directory(tmp_path / "edits", "warm") as path:
        (path / "half").touch()
        raise error
    assert (tmp_path / "edits" / "warm-001" / "half").exists()


def test_numbered_directory_follows_the_highest_number(tmp_path: Path) -> None:
    for name in ("warm-001", "warm-007", "warm-x", "warmer-090", "warm-8.png"):
        (tmp_path / name).mkdir()
    with numbered_directory(tmp_path, "warm") as path:
        assert path == tmp_path / "warm-008"
    with numbered_directory(tmp_path, "a/b") as path:
        assert path == tmp_path / "a-b-001"


def test_numbered_directory_refuses_a_file_as_parent(tmp_path: Path) -> None:
    (tmp_path / "edits").touch()
    with pytest.raises(FileExistsError), numbered_directory(tmp_path / "edits", "warm"):
        raise AssertionError("must not be reached")
