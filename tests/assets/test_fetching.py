"""A whole set is fetched, checked for good and put into place, or what is wrong with it is said."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

import i2i
from i2i import I2IError
from i2i.assets.datasets import count_pairs, fetch_dataset, record_checksum, recorded_checksum
from i2i.toolkit.files import hash_file
from tests.helpers.misbehaving import Server, member, tar_file


def _picture() -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (32, 16), (1, 2, 3)).save(stream, "PNG")
    return stream.getvalue()


def _set(path: Path, train: int = 20, top: str = "tiny/") -> bytes:
    members = [(member(f"{top}train/{number}.png"), _picture()) for number in range(train)]
    return tar_file(path, [*members, (member(f"{top}val/1.png"), _picture())]).read_bytes()


@pytest.fixture
def tiny(server: Server, tmp_path: Path) -> i2i.Dataset:
    class Tiny(i2i.Dataset):
        name = "tiny"
        summary = "A set for tests."
        counts = {"train": 20, "val": 1}
        archive = i2i.Archive(server.url("/sets/tiny.tar.gz"))

    server.files["/sets/tiny.tar.gz"] = _set(tmp_path / "made.tar.gz")
    return Tiny()


def test_a_set_is_fetched_checked_and_put_into_place_once(server: Server, tiny: i2i.Dataset, own_home: Path) -> None:
    stages: list[str] = []
    notes: list[str] = []
    folder = fetch_dataset(tiny, None, lambda stage, done, total: stages.append(stage), notes.append)
    assert folder == own_home / "datasets" / "tiny"
    assert count_pairs(tiny, folder) == {"train": 20, "val": 1}
    assert list(dict.fromkeys(stages)) == ["fetching", "unpacking"]
    assert recorded_checksum(server.url("/sets/tiny.tar.gz")) == hash_file(own_home / "datasets" / "tiny.tar.gz")
    assert sorted(path.name for path in folder.parent.iterdir()) == ["tiny", "tiny.tar.gz"]
    server.asked = []
    assert fetch_dataset(tiny, None, note=notes.append) == folder
    assert server.asked == [] and "is there already" in notes[-1]


@pytest.mark.parametrize("top", ["", "./tiny/", "wrapped/twice/"])
def test_the_folder_around_the_splits_may_have_any_name(
    server: Server, tiny: i2i.Dataset, tmp_path: Path, top: str
) -> None:
    server.files["/sets/tiny.tar.gz"] = _set(tmp_path / "other.tar.gz", top=top)
    folder = fetch_dataset(tiny, tmp_path / "sets")
    assert sorted(path.name for path in folder.iterdir()) == ["train", "val"]


def test_an_archive_put_there_by_hand_needs_no_network(server: Server, tiny: i2i.Dataset, tmp_path: Path) -> None:
    _set(tmp_path / "tiny.tar.gz")
    notes: list[str] = []
    assert fetch_dataset(tiny, tmp_path, note=notes.append) == tmp_path / "tiny"
    assert server.asked == [] and notes[0] == f"Using {tmp_path / 'tiny.tar.gz'}, which is there already."


def test_the_sum_of_the_first_fetch_must_be_met_ever_after(server: Server, tiny: i2i.Dataset, tmp_path: Path) -> None:
    first = fetch_dataset(tiny, tmp_path / "one")
    server.files["/sets/tiny.tar.gz"] = _set(tmp_path / "other.tar.gz", train=21)
    with pytest.raises(
        I2IError, match=rf"kept as .*tiny\.tar\.gz\.wrong.*{recorded_checksum(server.url('/sets/tiny.tar.gz'))}"
    ):
        fetch_dataset(tiny, tmp_path / "two")
    (tmp_path / "two" / "tiny.tar.gz.wrong").rename(tmp_path / "two" / "tiny.tar.gz")
    with pytest.raises(I2IError, match="is expected: move it away"):
        fetch_dataset(tiny, tmp_path / "two")
    assert first.is_dir() and not (tmp_path / "two" / "tiny").exists()


@pytest.mark.parametrize(
    ("train", "said"), [(17, "holds 17 pairs of tiny in train where 20 are expected"), (0, "0 pairs")]
)
def test_a_set_that_lacks_a_tenth_is_refused_and_not_recorded(
    server: Server, tiny: i2i.Dataset, tmp_path: Path, train: int, said: str
) -> None:
    server.files["/sets/tiny.tar.gz"] = _set(tmp_path / "few.tar.gz", train)
    with pytest.raises(I2IError, match=said):
        fetch_dataset(tiny, tmp_path / "sets")
    assert [path.name for path in (tmp_path / "sets").iterdir()] == ["tiny.tar.gz"]
    assert recorded_checksum(server.url("/sets/tiny.tar.gz")) is None


def test_a_set_that_differs_a_little_is_taken_and_told(server: Server, tiny: i2i.Dataset, tmp_path: Path) -> None:
    server.files["/sets/tiny.tar.gz"] = _set(tmp_path / "most.tar.gz", 19)
    notes: list[str] = []
    fetch_dataset(tiny, tmp_path / "sets", note=notes.append)
    assert "tiny has 19 pairs in train; 20 were expected." in notes


def test_where_splits_are_not_counted_the_whole_is(server: Server, tiny: i2i.Dataset, tmp_path: Path) -> None:
    type(tiny).counts = {}
    type(tiny).archive = i2i.Archive(server.url("/sets/tiny.tar.gz"), pictures=30)
    with pytest.raises(I2IError, match="holds 21 pairs of tiny in all splits where 30 are expected"):
        fetch_dataset(tiny, tmp_path / "sets")
    type(tiny).archive = i2i.Archive(server.url("/sets/tiny.tar.gz"), pictures=21)
    assert fetch_dataset(tiny, tmp_path / "sets").is_dir()


def test_an_error_page_in_the_archives_place_is_told(server: Server, tiny: i2i.Dataset, tmp_path: Path) -> None:
    type(tiny).archive = i2i.Archive(server.url("/sets/tiny.tar.gz"), bytes=31_000_000)
    server.files["/sets/tiny.tar.gz"] = b"<html>sign in first</html>"
    with pytest.raises(I2IError, match=r"has 26 bytes where about 31000000 .*delete it"):
        fetch_dataset(tiny, tmp_path / "sets")
    assert recorded_checksum(server.url("/sets/tiny.tar.gz")) is None


def test_a_folder_that_is_something_else_is_left_alone(tiny: i2i.Dataset, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "thesis.txt").write_text("mine")
    with pytest.raises(I2IError, match="holds no pairs of tiny: move it away"):
        fetch_dataset(tiny, tmp_path)
    assert (tmp_path / "tiny" / "thesis.txt").read_text() == "mine"


def test_a_set_without_an_address_says_where_to_put_it(tmp_path: Path) -> None:
    class Closed(i2i.Dataset):
        name = "closed"
        summary = "Not for download."
        homepage = "https://example.org"

    with pytest.raises(I2IError, match=r"Get it from https://example.org and put its splits into .*closed"):
        fetch_dataset(Closed(), tmp_path)


def test_a_damaged_ledger_is_told(own_home: Path) -> None:
    record_checksum("http://a", "1")
    record_checksum("http://b", "2")
    assert (recorded_checksum("http://a"), recorded_checksum("http://b"), recorded_checksum("http://c")) == (
        "1",
        "2",
        None,
    )
    (own_home / "sha256.json").write_text("{")
    with pytest.raises(I2IError, match=r"sha256\.json.*is damaged: delete it"):
        recorded_checksum("http://a")
