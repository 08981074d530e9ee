"""The command ``i2i ui`` and its server: addresses, ports, sign-in, start and end."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("nicegui", reason='the web page needs NiceGUI: pip install "i2i[ui]"')

import i2i
from i2i.cli import build
from i2i.ui import server
from i2i.ui.server import ServerSettings, bind, is_loopback, open_browser, page_address, security_policy


def run(*args: str, **environment: str | None) -> Result:
    return CliRunner().invoke(build(i2i.load_registry()), ["ui", *args], env=environment)


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> list[ServerSettings]:
    """The settings with which the page would be served."""
    found: list[ServerSettings] = []

    def serve(_registry: Any, settings: ServerSettings, started: Any) -> None:
        found.append(settings)
        started("http://127.0.0.1:8800")

    monkeypatch.setattr(server, "serve", serve)
    monkeypatch.setattr(server, "open_browser", lambda _address: False)
    return found


@contextmanager
def started(folder: Path, *args: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process with ``i2i ui``, and its address."""
    temporary = folder / "temporary"
    working = folder / "working"
    temporary.mkdir()
    working.mkdir()
    # NiceGUI would take its own test mode from pytest's variable.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    process = subprocess.Popen(
        [sys.executable, "-m", "i2i", "ui", "--no-browser", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=working,
        env={**inherited, "TMPDIR": str(temporary), **environment},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = re.search(r"https?://\S+", line)
        assert address, line + process.communicate()[1]
        yield process, address[0]
    finally:
        process.kill()
        process.communicate()


def test_missing_nicegui_names_the_extra(monkeypatch: pytest.MonkeyPatch, served: list[ServerSettings]) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    result = run()
    assert result.exit_code == 1 and not served
    assert result.stderr == 'i2i: The web page needs NiceGUI, which is not installed: pip install "i2i[ui]"\n'


def test_defaults_and_no_browser(served: list[ServerSettings]) -> None:
    result = run()
    assert result.exit_code == 0
    assert "The page is at http://127.0.0.1:8800" in result.stdout and "No browser could be opened" in result.stdout
    assert "No browser" not in run("--no-browser", "--no-local-files").stdout
    assert served == [ServerSettings(), ServerSettings(local_files=False)]


@pytest.mark.parametrize(
    ("args", "fault"),
    [
        (["--host", "0.0.0.0"], "add --auth USER"),
        (["--host", "192.168.1.5"], "add --auth USER"),
        (["--certfile", "cert.pem"], "belong together"),
        (["--keyfile", "key.pem"], "belong together"),
        (["--certfile", "no.pem", "--keyfile", "no.pem"], "cannot be used for HTTPS"),
        (["--auth", ""], "needs a user name"),
        (["--auth", "ada"], "I2I_UI_PASSWORD"),
        (["--port", "0"], "--port"),
    ],
)
def test_wrong_options_end_in_one_sentence(args: list[str], fault: str, served: list[ServerSettings]) -> None:
    result = run(*args, I2I_UI_PASSWORD=None)
    assert result.exit_code == 2 and fault in result.stderr and not served
    assert "Traceback" not in result.stderr


def test_password_comes_from_the_environment_and_is_removed_from_it(
    served: list[ServerSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("I2I_UI_PASSWORD", "correct horse")
    result = run("--host", "0.0.0.0", "--auth", "ada")
    assert result.exit_code == 0 and "warning:" in result.stderr and "unencrypted" in result.stderr
    credentials = served[0].credentials
    assert credentials is not None and credentials.match("ada", "correct horse")
    assert "I2I_UI_PASSWORD" not in os.environ
    assert "too short" in run("--auth", "ada", I2I_UI_PASSWORD="short").stderr


def test_password_is_asked_for_at_a_terminal(served: list[ServerSettings], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def prompt(_text: str, hide_input: bool) -> str:
        asked.append(hide_input)
        return "correct horse"

    monkeypatch.delenv("I2I_UI_PASSWORD", raising=False)
    monkeypatch.setattr("i2i.cli.ui._at_terminal", lambda: True)
    monkeypatch.setattr("click.prompt", prompt)
    assert run("--auth", "ada").exit_code == 0
    assert asked == [True] and served[0].credentials is not None


def test_addresses() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "LocalHost", "::1"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.5", "box.lan", "localhost.evil.example"))
    assert page_address(ServerSettings("::1"), 8800) == "http://[::1]:8800"
    assert page_address(ServerSettings("0.0.0.0", certfile=Path("c"), keyfile=Path("k")), 1) == "https://127.0.0.1:1"
    assert security_policy(ServerSettings("0.0.0.0"), 8800).allows_host("192.168.1.5:8800")
    policy = security_policy(ServerSettings("Box.lan"), 8800)
    assert policy.allows_host("box.lan:8800") and not policy.allows_host("192.168.1.5:8800")


def test_busy_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    with bind("127.0.0.1", None) as first, bind("127.0.0.1", None) as second:
        busy, free = first.getsockname()[1], second.getsockname()[1]
        assert free > busy >= 8800
        with pytest.raises(i2i.UsageError, match=f"Port {busy} is in use; choose another with --port N"):
            bind("127.0.0.1", busy)
        monkeypatch.setattr(server, "DEFAULT_PORT", busy)
        monkeypatch.setattr(server, "PORTS", 1)
        with pytest.raises(i2i.UsageError, match=f"{busy} to {busy} are in use"):
            bind("127.0.0.1", None)


def test_hosts_that_are_not_of_this_machine() -> None:
    with pytest.raises(i2i.UsageError, match="is no address of this machine"):
        bind("192.0.2.1", None)
    with pytest.raises(i2i.UsageError, match="cannot be resolved"):
        bind("..", None)


def test_only_browsers_with_a_window_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.get", lambda: type("Browser", (), {"open": lambda self, url: opened.append(url)})())
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not open_browser("http://127.0.0.1:8800")
    monkeypatch.setenv("DISPLAY", ":0")
    assert open_browser("http://127.0.0.1:8800")
    while not opened:
        time.sleep(0.01)


def test_help_imports_neither_nicegui_nor_uvicorn() -> None:
    code = (
        "import sys, i2i.cli\nfor args in (['--help'], ['ui', '--help']):\n"
        "    try: i2i.cli.main(args)\n    except SystemExit: pass\n"
        "print([name for name in ('nicegui', 'uvicorn', 'fastapi', 'torch') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "[]"


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_command_serves_and_ends_cleanly(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with started(tmp_path) as (process, address):
        answer = httpx.get(address, trust_env=False)
        assert answer.status_code == 200 and "Plugins" in answer.text
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert httpx.get(address, headers={"Host": "evil.example"}, trust_env=False).status_code == 400
        assert httpx.get(f"{address}/../../etc/passwd", trust_env=False).status_code == 404
        assert httpx.get(f"{address}/openapi.json", trust_env=False).status_code == 404
        process.send_signal(number)
        _, errors = process.communicate(timeout=10)
        assert (process.returncode, errors) == (code, "Stopped.\n")
    assert [*(tmp_path / "working").iterdir()] == [], "something was stored in the working directory"
    assert [*(tmp_path / "temporary").iterdir()] == [], "something was left behind"


def test_busy_port_that_was_asked_for_ends_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = run("--port", str(port), "--no-browser")
    assert result.exit_code == 2 and result.stderr.startswith(f"i2i: Port {port} is in use")


def test_page_over_https_with_sign_in(tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed")
    trusting = ssl.create_default_context(cafile=certificate)
    trusting.check_hostname = False
    args = ("--auth", "ada", "--certfile", str(certificate), "--keyfile", str(key))
    with started(tmp_path, *args, I2I_UI_PASSWORD="correct horse") as (_, address):
        assert address.startswith("https://")
        with httpx.Client(base_url=address, verify=trusting, trust_env=False, headers={"Origin": address}) as browser:
            assert browser.get("/").status_code == 401
            form = {"user": "ada", "password": "correct horse"}
            assert browser.post("/sign-in", data=form).status_code == 303
            assert browser.get("/").status_code == 200
