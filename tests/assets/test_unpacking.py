"""Archives are unpacked whole or not at all, and hostile ones leave nothing behind."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from i2i import I2IError
from i2i.assets.archives import unpack
from tests.helpers.misbehaving import DATA, member, tar_file, zip_file


@pytest.mark.parametrize("kind", ["w:gz", "w", "zip"])
def test_archives_are_told_apart_by_content_and_unpacked_once(tmp_path: Path, kind: str) -> None:
    members = {"set/train/1.txt": b"one", "set/val/2.txt": DATA}
    archive = tmp_path / "archive"
    if kind == "zip":
        zip_file(archive, members)
    else:
        tar_file(archive, [(member(name), data) for name, data in members.items()], kind)
    seen: list[tuple[int, int | None]] = []
    into = unpack(archive, tmp_path / "out", max_bytes=2 * len(DATA), progress=lambda *at: seen.append(at))
    assert {str(path.relative_to(into)): path.read_bytes() for path in into.rglob("*.txt")} == members
    assert seen and all(done <= (total or 0) == archive.stat().st_size for done, total in seen)
    (into / "set" / "train" / "1.txt").write_bytes(b"changed")
    unpack(archive, into, max_bytes=1)
    assert (into / "set" / "train" / "1.txt").read_bytes() == b"changed"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "out"]


def _lying_header(path: Path) -> Path:
    """A long-name header that claims, and through gzip also brings, 50 MB."""
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 50_000_000
    with gzip.open(path, "wb") as stream:
        stream.write(info.tobuf() + bytes(50_000_000))
    return path


def _patched(path: Path, offset: int, value: int) -> Path:
    """A zip with one field of its only member changed, in both of its headers."""
    data = bytearray(zip_file(path, {"a": b"x"}).read_bytes())
    for header, shift in ((0, 0), (data.index(b"PK\x01\x02"), 2)):
        data[header + offset + shift] = value
    path.write_bytes(data)
    return path


HOSTILE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "parent": (lambda path: tar_file(path, [(member("a/../../evil"), b"x")]), "leave the folder"),
    "absolute": (lambda path: tar_file(path, [(member("/evil"), b"x")]), "leave the folder"),
    "backslash": (lambda path: tar_file(path, [(member("..\\evil"), b"x")]), "leave the folder"),
    "drive": (lambda path: tar_file(path, [(member("C:evil"), b"x")]), "leave the folder"),
    "parent folder": (lambda path: tar_file(path, [(member("../evil", tarfile.DIRTYPE), b"")]), "leave the folder"),
    "symlink": (lambda path: tar_file(path, [(member("a", tarfile.SYMTYPE, "/"), b"")]), "a link or a special"),
    "hard link": (lambda path: tar_file(path, [(member("a", tarfile.LNKTYPE, "b"), b"")]), "a link or a special"),
    "device": (lambda path: tar_file(path, [(member("a", tarfile.CHRTYPE), b"")]), "a link or a special"),
    "pipe": (lambda path: tar_file(path, [(member("a", tarfile.FIFOTYPE), b"")]), "a link or a special"),
    "twice": (lambda path: tar_file(path, [(member("a"), b"x"), (member("a"), b"y")]), "twice"),
    "file as folder": (lambda path: tar_file(path, [(member("a"), b"x"), (member("a/b"), b"y")]), "twice"),
    "folder as file": (
        lambda path: tar_file(path, [(member("a"), b"x"), (member("a", tarfile.DIRTYPE), b"")]),
        "both a file and a folder",
    ),
    "bomb": (lambda path: tar_file(path, [(member("a"), bytes(10_000_000))]), "more than 5000000 bytes"),
    "many": (lambda path: tar_file(path, [(member(str(number)), b"") for number in range(101)]), "more than 100 files"),
    "header": (_lying_header, "longer than it says"),
    "zip parent": (lambda path: zip_file(path, {"../evil": b"x"}), "leave the folder"),
    "zip absolute": (lambda path: zip_file(path, {"/evil": b"x"}), "leave the folder"),
    "zip symlink": (lambda path: zip_file(path, {"a": b"/"}, 0o120777), "a link or a special"),
    "zip bomb": (lambda path: zip_file(path, {"a": bytes(10_000_000)}), "more than 5000000 bytes"),
    "zip encrypted": (lambda path: _patched(path, 6, 1), "is encrypted"),
    "zip unknown packing": (lambda path: _patched(path, 8, 99), "packed in an unknown way"),
    "zip many": (lambda path: zip_file(path, {str(number): b"" for number in range(101)}), "more than 100 files"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused_and_leave_nothing(tmp_path: Path, name: str) -> None:
    make, said = HOSTILE[name]
    archive = make(tmp_path / "archive")
    with pytest.raises(I2IError, match=said) as caught:
        unpack(archive, tmp_path / "inner" / "out", max_bytes=5_000_000, max_files=100)
    assert str(archive) in str(caught.value) and "delete it" in str(caught.value)
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")) == ["archive", "inner"]


@pytest.mark.parametrize("name", ["parent", "absolute", "parent folder", "symlink", "hard link", "device", "pipe"])
def test_hostile_tars_are_refused_where_python_has_no_filter(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(tarfile, "data_filter", raising=False)
    test_hostile_archives_are_refused_and_leave_nothing(tmp_path, name)


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="needs Python 3.10.12 or later")
def test_what_the_data_filter_refuses_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def strict(member: tarfile.TarInfo, path: str) -> tarfile.TarInfo:
        raise tarfile.SpecialFileError(member)

    archive = tar_file(tmp_path / "archive", [(member("a"), b"x")])
    monkeypatch.setattr(tarfile, "data_filter", strict)
    with pytest.raises(I2IError, match="its member 'a' is a link or a special file"):
        unpack(archive, tmp_path / "out", max_bytes=100)


@pytest.mark.parametrize("kind", ["cut gzip", "cut tar", "cut zip", "wrong checksum", "page", "empty", "no files"])
def test_damaged_archives_are_told_and_leave_nothing(tmp_path: Path, kind: str) -> None:
    archive = tmp_path / "archive"
    noise = hashlib.shake_128(b"").digest(100_000)
    if kind == "cut zip":
        archive.write_bytes(zip_file(archive, {"a": noise}).read_bytes()[:50_000])
    elif kind == "no files":
        tar_file(archive, [])
    elif kind in ("page", "empty"):
        archive.write_bytes(b"<html>" * 1000 if kind == "page" else b"")
    else:
        data = tar_file(archive, [(member("a"), noise)], "w" if kind == "cut tar" else "w:gz").read_bytes()
        if kind == "wrong checksum":
            archive.write_bytes(data[:-8] + b"\0\0\0\0" + data[-4:])
        else:
            archive.write_bytes(data[: 50_000 if kind == "cut tar" else -20])
    with pytest.raises(I2IError, match=r"archive (is damaged, or no tar or zip file|holds no files).*fetch it again"):
        unpack(archive, tmp_path / "out", max_bytes=10**6)
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
