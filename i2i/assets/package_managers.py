"""Archives of packages by the user's own pip and npm, which know their mirrors, proxies and offline folders.

The archives are downloaded and nothing else: no package is installed, and none of its code is run.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..api.errors import DiskFullError, I2IError
from .downloads import Progress

_POLL = 0.1  # seconds between two looks at a running command
_SILENCE = 240.0  # seconds without output and without a file that grows, after which a command is ended
_SLOWEST = 50_000  # bytes per second; npm downloads to its own cache, where no file can be seen to grow
_GRACE = 3.0  # seconds from the request to end until a command is killed
_FULL = "No space left on device"
_LONGEST = 240  # characters of a command's output that are quoted


def pip_command() -> list[str] | None:
    """Return how pip is called: that of this Python, else one on the PATH; None where there is none."""
    if find_spec("pip") is not None:
        return [sys.executable, "-m", "pip"]
    found = shutil.which("pip") or shutil.which("pip3")
    return [found] if found else None


def npm_command() -> list[str] | None:
    """Return how npm is called; None where it is not on the PATH."""
    found = shutil.which("npm")
    return [found] if found else None


def download_wheel(
    command: list[str], requirement: str, folder: Path, size: int | None, progress: Progress | None = None
) -> Path:
    """Download the wheel of a package into an empty folder with ``pip download``, without dependencies.

    pip runs in the environment and with the configuration of the user, but in this folder: in the user's, Python would
    run a ``pip.py`` that lies there. Relative paths in variables of pip are completed for that. Its temporary files go
    to the folder as well, so that nothing of them stays where it is killed.

    Args:
        command: What ``pip_command`` returns.
        size: Bytes of the wheel, for ``progress``.

    Raises:
        DiskFullError: pip could not write the wheel.
        I2IError: pip failed, with its last message; or it neither wrote nor said anything for some minutes.
    """
    temporary = folder / "temporary"
    temporary.mkdir()
    # No package is installed, so the Python that a package wants does not matter.
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python"]
    quiet = ["--no-input", "--disable-pip-version-check", "--progress-bar", "off"]
    environment = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(temporary)) | _complete_paths(os.environ)
    arguments = [*command, "download", *options, *quiet, "-d", str(folder), requirement]
    output = _run("pip download", arguments, folder, environment, _SILENCE, size, progress, _reason_of_pip)
    return _only_file(folder, "*.whl", "pip download", output)


def pack_npm(
    command: list[str], requirement: str, folder: Path, size: int | None, progress: Progress | None = None
) -> Path:
    """Download the archive of a package into an empty folder with ``npm pack``; its scripts are not run.

    Args:
        command: What ``npm_command`` returns.
        size: Bytes of the archive, for ``progress`` and for the time that npm may take.

    Raises:
        DiskFullError: npm could not write the archive.
        I2IError: npm failed, with its first message; or it took far too long.
    """
    arguments = [*command, "pack", requirement, "--ignore-scripts"]
    silence = _SILENCE + (size or 0) / _SLOWEST
    output = _run("npm pack", arguments, folder, {}, silence, size, progress, _reason_of_npm)
    return _only_file(folder, "*.tgz", "npm pack", output)


_LISTS_OF_PATHS = ("PIP_FIND_LINKS", "PIP_CONSTRAINT")
_PATHS = ("PIP_INDEX_URL", "PIP_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_CERT", "PIP_CLIENT_CERT")


def _complete_paths(environment: Mapping[str, str]) -> dict[str, str]:
    """Return variables of pip with relative paths made absolute; addresses stay as they are."""
    complete = {name: _absolute(environment[name]) for name in _PATHS if environment.get(name)}
    lists = {name: environment[name].split() for name in _LISTS_OF_PATHS if environment.get(name)}
    return complete | {name: " ".join(map(_absolute, words)) for name, words in lists.items()}


def _absolute(path: str) -> str:
    return path if ":" in path or path.startswith("~") else str(Path(path).absolute())


def _only_file(folder: Path, pattern: str, what: str, output: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise I2IError(f"{what} left {len(found)} archives where one is expected: {_last_line(output)}.")
    return found[0]


def _run(
    what: str,
    arguments: list[str],
    folder: Path,
    environment: Mapping[str, str],
    silence: float,
    size: int | None,
    progress: Progress | None,
    reason: Callable[[list[str]], str],
) -> str:
    """Run a command in a folder until it ends, is silent too long, or this process is interrupted; return its output.

    Raises:
        DiskFullError: its output says that the disk is full.
        I2IError: it cannot be started, failed, or was silent too long.
    """
    log = folder / "output.txt"
    with log.open("wb") as sink:
        settings: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": sink, "stderr": subprocess.STDOUT}
        settings |= {"env": {**os.environ, **environment}, "cwd": folder}
        with _ended(what, arguments, settings) as process:
            code = _watch(process, what, folder, silence, size, progress)
    output = log.read_text(encoding="utf-8", errors="replace")
    if code:
        if _FULL in output:
            raise DiskFullError(f"{what} failed because the disk is full: free some space, then run the command again.")
        raise I2IError(f"{what} failed: {reason(_lines(output)) or f'it ended with code {code}'}.")
    return output


def _watch(
    process: subprocess.Popen[bytes],
    what: str,
    folder: Path,
    silence: float,
    size: int | None,
    progress: Progress | None,
) -> int:
    """Wait for a command and report the size of its folder; refuse one that is silent for ``silence`` seconds."""
    before, most, since = 0, 0, time.monotonic()
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_POLL)
        written = _size(folder)
        if written != before:
            before, since = written, time.monotonic()
        most = max(most, written)  # pip moves the file in the end
        if progress is not None:
            progress(min(most, size - 1) if size else most, size)
        if time.monotonic() - since > silence:
            raise I2IError(f"{what} was ended because it did nothing for {silence / 60:.0f} minutes.")


@contextmanager
def _ended(what: str, arguments: list[str], settings: dict[str, Any]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own; on leaving, end all processes of the group that still run.

    Raises:
        I2IError: it cannot be started.
    """
    if sys.platform == "win32":
        settings["creationflags"] = subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        settings["start_new_session"] = True  # Ctrl-C reaches this process alone, which then ends the command
    try:
        process = subprocess.Popen(arguments, **settings)
    except OSError as error:
        raise I2IError(f"{what} cannot be started ({error}).") from None
    try:
        yield process
    finally:
        if process.poll() is None:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True, check=False)
    else:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _size(folder: Path) -> int:
    """Bytes of all files in a folder, some of which may be deleted meanwhile."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(parent) / name).stat().st_size
    return total


def _lines(output: str) -> list[str]:
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", output)
    return [" ".join(line.split()) for line in plain.splitlines() if line.strip()]


def _last_line(output: str) -> str:
    return _shortened((_lines(output) or ["no output"])[-1])


def _shortened(text: str) -> str:
    return text[:_LONGEST].rstrip(" .:")


def _reason_of_pip(lines: list[str]) -> str:
    """The last error that pip printed; behind it why no index answered, which pip prints as a warning."""
    errors = [line.removeprefix("ERROR:").strip() for line in lines if line.startswith("ERROR:")]
    if not errors:
        other = [line for line in lines if not line.startswith(("WARNING:", "[notice]"))]
        errors = other or lines
    broken = [match[1] for line in lines if (match := re.search(r"connection broken by '([^'(]+)", line))]
    unreachable = f" (the index did not answer: {broken[-1]})" if broken else ""
    return _shortened(errors[-1]) + unreachable if errors else ""


_OF_NPM = re.compile(r"npm (?:error|ERR!) ?(.*)")
_NOT_SAID = re.compile(r"(code|syscall|errno|path|type|requiredBy|A complete log|This is|at )\b|$")
"""What lines of npm begin with that name no reason."""


def _reason_of_npm(lines: list[str]) -> str:
    """The first error that npm printed, without its codes."""
    errors = [match[1] for line in lines if (match := _OF_NPM.match(line))]
    plain = [error for error in errors if not _NOT_SAID.match(error)]
    return _shortened(next(iter(plain or errors or lines[-1:]), ""))
