"""i2i models: what is listed, shown and fetched."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

import i2i
from i2i.cli import Root
from i2i.cli.models import command
from i2i.registry import Plugin

DATA = b"weights" * 100_000
CATS = i2i.Model(
    "cats-8", "Small cats.", "generator", "https://example.org/c.pkl", "CC0", "cats", 8, homepage="https://example.org"
)
CARRIED = i2i.Model("points", "Points of faces.", "landmarks", "", "MIT", "faces", path=Path(__file__))
SHY = i2i.Model("shy", "Behind a form.", "encoder", "", "unknown", homepage="https://example.org/shy")


def _run(*args: object, models: tuple[i2i.Model, ...] = (CATS, CARRIED, SHY)) -> Result:
    module = ModuleType("zoo")
    module.register_models = i2i.hookimpl(  # type: ignore[attr-defined]
        lambda register: [register(model) for model in models] and None
    )
    root = Root("i2i", context_settings={"obj": i2i.Registry([Plugin("zoo", "zoo", "1", module)])})
    root.add_command(command)
    return CliRunner().invoke(root, ["models", *map(str, args)])


def _put(own_home: Path, name: str) -> Path:
    file = own_home / "models" / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(DATA)
    return file


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a web server that has one file."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(DATA)))
            self.end_headers()
            self.wfile.write(DATA)

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_list_tells_what_is_here(own_home: Path) -> None:
    rows = [re.split(r"  +", line) for line in _run("list").stdout.splitlines()]
    assert rows[0] == ["name", "role", "domain", "pixels", "size", "state", "licence"]
    assert rows[1] == ["cats-8", "generator", "cats", "8", "-", "to fetch", "CC0"]
    assert rows[2][:4] == ["points", "landmarks", "faces", "-"] and rows[2][5:] == ["shipped", "MIT"]
    assert rows[3] == ["shy", "encoder", "any", "-", "-", "by hand", "unknown"]
    _put(own_home, "cats-8.pkl")
    assert "8       0.7 MB  here" in _run("list").stdout
    models = json.loads(_run("list", "--json").stdout)["models"]
    assert [(each["name"], each["state"]) for each in models] == [
        ("cats-8", "here"),
        ("points", "shipped"),
        ("shy", "by hand"),
    ]
    assert models[0]["bytes"] == len(DATA)


def test_list_can_be_narrowed_to_a_role() -> None:
    models = json.loads(_run("list", "--role", "encoder", "--json").stdout)["models"]
    assert [each["name"] for each in models] == ["shy"]
    assert json.loads(_run("list", "--role", "text", "--json").stdout) == {"models": []}


def test_show_tells_all_and_what_to_type_next(own_home: Path) -> None:
    facts = json.loads(_run("show", "cats-8", "--json").stdout)
    assert facts == {
        "name": "cats-8",
        "summary": "Small cats.",
        "role": "generator",
        "domain": "cats",
        "resolution": 8,
        "licence": "CC0",
        "homepage": "https://example.org",
        "url": "https://example.org/c.pkl",
        "bytes": None,
        "sha256": None,
        "state": "to fetch",
        "file": str(own_home / "models" / "cats-8.pkl"),
        "next": "i2i models fetch cats-8",
    }
    text = _run("show", "cats-8").stdout
    assert "resolution  8\n" in text and "sha256      -\n" in text and "next        i2i models fetch cats-8\n" in text
    _put(own_home, "cats-8.pkl")
    assert _run("fetch", "cats-8").exit_code == 0
    facts = json.loads(_run("show", "cats-8", "--json").stdout)
    assert facts["sha256"] == hashlib.sha256(DATA).hexdigest() and facts["bytes"] == len(DATA)
    assert (facts["state"], facts["next"]) == ("here", "i2i sample --generator cats-8 --out grid.png")


@pytest.mark.parametrize(
    ("name", "then"), [("points", None), ("shy", "get it from https://example.org/shy and put it there")]
)
def test_show_knows_what_is_shipped_and_what_is_got_by_hand(name: str, then: str | None) -> None:
    assert json.loads(_run("show", name, "--json").stdout)["next"] == then


def test_fetch_takes_several_names_and_prints_where_they_lie(served: str, own_home: Path) -> None:
    models = tuple(i2i.Model(name, "Small.", "generator", f"{served}/{name}.pkl", "CC0") for name in ("a", "b"))
    files = [own_home / "models" / "b.pkl", own_home / "models" / "a.pkl"]
    done = _run("fetch", "b", "a", "b", models=models)
    assert (done.exit_code, done.stdout) == (0, "".join(f"{file}\n" for file in files))
    assert "b 0.7/0.7 MB" in done.stderr and "a 0.7/0.7 MB" in done.stderr
    assert all(file.read_bytes() == DATA for file in files)
    again = _run("fetch", "b", "a", models=models)
    assert again.stdout == done.stdout
    assert again.stderr.splitlines() == [f"Using {file}, which is there already." for file in files]


def test_a_wrong_name_stops_before_anything_is_fetched(served: str, own_home: Path) -> None:
    models = (i2i.Model("tiny", "Small.", "generator", f"{served}/tiny.pkl", "CC0"),)
    done = _run("fetch", "tiny", "tinny", models=models)
    assert (done.exit_code, done.stdout) == (2, "") and "Did you mean 'tiny'?" in done.stderr
    assert not (own_home / "models").exists()


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["show", "cat-8"], 2, "no model called 'cat-8'. Did you mean 'cats-8'?"),
        (["fetch", "shy"], 1, "get it from https://example.org/shy and put it at"),
        (["fetch", "far"], 1, "put the file at"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, args: list[str], code: int, said: str
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    far = i2i.Model("far", "Far away.", "generator", "http://127.0.0.1:9/far.pkl", "CC0")
    done = _run(*args, models=(CATS, SHY, far))
    assert (done.exit_code, done.stdout) == (code, "")
    assert said in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [["list"], ["show", "ffhq-1024"]])
def test_list_and_show_leave_torch_alone(args: list[str]) -> None:
    code = (
        "import sys; from i2i.cli.models import command; from i2i.registry import load_registry\n"
        f"command.main({args!r}, obj=load_registry(), standalone_mode=False); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False" and "ffhq-1024" in done.stdout
