"""Downloads go on after a break, are checked, and are never half there."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from pathlib import Path

import pytest

from i2i import I2IError, UsageError
from i2i.assets.downloads import download
from tests.helpers.misbehaving import DATA, Server

SUM = hashlib.sha256(DATA).hexdigest()


def test_a_whole_file_arrives_with_progress_and_leaves_nothing_else(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    path = tmp_path / "new" / "data.bin"
    assert download(server.url(), path, progress=lambda *at: seen.append(at)) == SUM
    assert path.read_bytes() == DATA and [each.name for each in path.parent.iterdir()] == ["data.bin"]
    assert seen[-1] == (len(DATA), len(DATA)) and seen == sorted(seen)


def test_without_a_content_length_the_whole_is_unknown(server: Server, tmp_path: Path) -> None:
    server.length = False
    seen: list[int | None] = []
    assert download(server.url(), tmp_path / "a", progress=lambda _, total: seen.append(total)) == SUM
    assert set(seen) == {None}


def test_redirects_are_followed_within_the_web_only(server: Server, tmp_path: Path) -> None:
    server.redirects = {"/old": "/data.bin", "/out": "ftp://127.0.0.1/data.bin", "/file": "file:///etc/hostname"}
    assert download(server.url("/old"), tmp_path / "a") == SUM
    with pytest.raises(UsageError, match="no web address"):
        download(server.url("/out"), tmp_path / "b")
    with pytest.raises(I2IError, match="cannot be fetched"):
        download(server.url("/file"), tmp_path / "c")
    with pytest.raises(UsageError, match="no web address"):
        download("file:///etc/hostname", tmp_path / "d")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(("etag", "modified"), [('"one"', None), (None, "Mon, 01 Jan 2024 00:00:00 GMT")])
def test_a_broken_connection_is_taken_up_where_it_broke(
    server: Server, tmp_path: Path, etag: str | None, modified: str | None
) -> None:
    server.etag, server.modified, server.breaks = etag, modified, [300_000, 200_000]
    assert download(server.url(), tmp_path / "a", pause=0) == SUM
    assert [wanted for _, wanted in server.asked] == [None, "bytes=300000-", "bytes=500000-"]


def test_the_next_run_goes_on_where_this_one_gave_up(server: Server, tmp_path: Path) -> None:
    server.breaks = [400_000, 0, 0, 0, 0, 0]
    with pytest.raises(I2IError, match=r"broke off .* after 400000 bytes: run the command again to resume"):
        download(server.url(), tmp_path / "a", pause=0)
    assert not (tmp_path / "a").exists()
    server.breaks, server.asked = [], []
    assert download(server.url(), tmp_path / "a", pause=0) == SUM
    assert [wanted for _, wanted in server.asked] == ["bytes=400000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_part_that_was_whole_already_is_taken(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(DATA)
    (tmp_path / "a.part.json").write_text(json.dumps({"url": server.url(), "validator": server.etag}))
    assert download(server.url(), tmp_path / "a") == SUM
    assert [wanted for _, wanted in server.asked] == [f"bytes={len(DATA)}-"]


@pytest.mark.parametrize("change", ["ranges", "etag", "weak", "file", "nothing to go by", "longer part", "torn state"])
def test_what_cannot_be_taken_up_safely_starts_anew(server: Server, tmp_path: Path, change: str) -> None:
    server.etag = 'W/"one"' if change == "weak" else None if change == "nothing to go by" else '"one"'
    server.breaks = [300_000, 0, 0, 0, 0, 0]
    with pytest.raises(I2IError, match="run the command again"):
        download(server.url(), tmp_path / "a", pause=0)
    server.breaks = []
    part = tmp_path / "a.part"
    part.write_bytes(b"wrong" * (len(DATA) if change == "longer part" else part.stat().st_size // 5))
    if change == "ranges":
        server.ranges = False
    elif change == "etag":
        server.etag = '"two"'
    elif change == "file":
        server.files["/other.bin"] = DATA
    elif change == "torn state":
        (tmp_path / "a.part.json").write_text('{"url": ')
    assert download(server.url("/other.bin" if change == "file" else "/data.bin"), tmp_path / "a", pause=0) == SUM
    assert (tmp_path / "a").read_bytes() == DATA


def test_a_server_out_of_breath_is_asked_again_but_a_missing_page_is_not(server: Server, tmp_path: Path) -> None:
    server.errors = [503, 429]
    assert download(server.url(), tmp_path / "a", pause=0) == SUM
    server.asked = []
    with pytest.raises(I2IError, match=r"/gone cannot be fetched \(HTTP 404 .*put the file at .*b yourself") as caught:
        download(server.url("/gone"), tmp_path / "b", pause=0)
    assert len(server.asked) == 1 and "\n" not in str(caught.value)


def test_no_network_is_one_line_with_the_way_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.socket() as unused:  # bound but not listening: every connection is refused
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/data.bin"
        with pytest.raises(I2IError, match=r"cannot be reached .*refused.*put the file at .* yourself") as caught:
            download(url, tmp_path / "data.bin")
    assert url in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_with_another_sum_is_set_aside(server: Server, tmp_path: Path) -> None:
    with pytest.raises(I2IError, match=rf"kept as .*a\.wrong\) is {SUM}, and {'0' * 64} is expected"):
        download(server.url(), tmp_path / "a", sha256="0" * 64)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wrong"]


def test_a_full_disk_is_told_before_the_download(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(I2IError, match=f"needs {len(DATA)} bytes more than .* has free"):
        download(server.url(), tmp_path / "a")
