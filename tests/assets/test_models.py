"""Weights by name: found where they lie, fetched whole, checked for good, or told how to get by hand."""

from __future__ import annotations

import hashlib
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from urllib.parse import urlsplit

import pytest

import i2i
from i2i import I2IError, UsageError
from i2i.assets import datasets, downloads, models
from i2i.assets.datasets import recorded_checksum
from i2i.assets.models import fetch_model, model_path, place, state
from i2i.registry import Plugin, Registry, find_plugins
from i2i.toolkit.files import hash_file
from tests.helpers.misbehaving import DATA, Server

SUM = hashlib.sha256(DATA).hexdigest()
OTHER = bytes(reversed(DATA))
REGISTERED = Registry(plugin for plugin in find_plugins() if plugin.distribution == "i2i").all("model")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads.time, "sleep", lambda seconds: None)


@pytest.fixture
def tiny(server: Server) -> i2i.Model:
    server.files["/files/published.pkl"] = DATA
    return i2i.Model("tiny-8", "A model for tests.", "generator", server.url("/files/published.pkl"), "CC0", "faces", 8)


@pytest.fixture
def unreachable() -> i2i.Model:
    """A model at an address where every connection is refused."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/far.pkl"
    return i2i.Model("far", "A model that is far away.", "generator", url, "CC0")


def test_places_are_found_without_the_modules_of_downloads(own_home: Path) -> None:
    code = (
        "import sys; import i2i; from i2i.assets.models import place, state\n"
        "source = i2i.NpmSource('a@1.0.0', '0' * 64, {'package/net.onnx': '1' * 64})\n"
        "model = i2i.Model('m', 'M.', 'pose', '', 'MIT', sources=(source,))\n"
        "print(place(model).name, state(model), {'http.client', 'subprocess', 'html.parser'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "m.onnx to fetch set()\n"


def test_weights_are_fetched_once_under_their_own_name(server: Server, tiny: i2i.Model, own_home: Path) -> None:
    steps: list[tuple[str, int, int | None]] = []
    notes: list[str] = []
    assert state(tiny) == "to fetch"
    file = fetch_model(tiny, lambda *step: steps.append(step), notes.append)
    assert file == own_home / "models" / "tiny-8.pkl" == model_path(tiny) and file.read_bytes() == DATA
    assert steps[-1] == ("tiny-8", len(DATA), len(DATA)) and notes == []
    assert [path.name for path in file.parent.iterdir()] == ["tiny-8.pkl"]
    assert recorded_checksum(tiny.url) == SUM and state(tiny) == "here"
    server.asked = []
    assert fetch_model(tiny, None, notes.append) == file
    assert server.asked == [] and notes == [f"Using {file}, which is there already."]


def test_the_users_folder_is_where_it_says(tiny: i2i.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "elsewhere"))
    assert place(tiny) == fetch_model(tiny) == tmp_path / "elsewhere" / "models" / "tiny-8.pkl"
    monkeypatch.setenv("I2I_HOME", str(tmp_path / "empty"))
    assert state(tiny) == "to fetch"


def test_redirects_are_followed(server: Server, tiny: i2i.Model) -> None:
    server.redirects["/v2/latest.pkl"] = "/files/published.pkl"
    assert fetch_model(replace(tiny, url=server.url("/v2/latest.pkl"))).read_bytes() == DATA


def test_a_broken_fetch_goes_on_where_it_broke(server: Server, tiny: i2i.Model) -> None:
    server.breaks = [400_000, 0, 0, 0, 0, 0]
    with pytest.raises(I2IError, match="after 400000 bytes: run the command again to resume"):
        fetch_model(tiny)
    assert state(tiny) == "to fetch" and recorded_checksum(tiny.url) is None
    server.breaks, server.asked = [], []
    assert fetch_model(tiny).read_bytes() == DATA
    assert [wanted for _, wanted in server.asked] == ["bytes=400000-"]


def test_proxies_of_the_environment_are_used(server: Server, tiny: i2i.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://models.invalid/files/tiny.pkl"
    server.files[url] = DATA
    monkeypatch.setenv("http_proxy", server.url(""))
    assert fetch_model(replace(tiny, url=url)).read_bytes() == DATA
    assert [path for path, _ in server.asked] == [url]


def test_the_sum_of_the_record_must_be_met(server: Server, tiny: i2i.Model) -> None:
    with pytest.raises(I2IError, match=rf"kept as .*tiny-8\.pkl\.wrong\) is {SUM}, and {'0' * 64} is expected"):
        fetch_model(replace(tiny, sha256="0" * 64))
    assert state(tiny) == "to fetch" and recorded_checksum(tiny.url) is None
    assert fetch_model(replace(tiny, sha256=SUM)).read_bytes() == DATA


def test_the_sum_of_the_first_fetch_must_be_met_ever_after(server: Server, tiny: i2i.Model) -> None:
    file = fetch_model(tiny)
    file.write_bytes(OTHER)
    with pytest.raises(I2IError, match=rf"sha256 of {file} is .*, and {SUM} is expected: move it away"):
        fetch_model(tiny)
    file.unlink()
    server.files["/files/published.pkl"] = OTHER
    with pytest.raises(I2IError, match=rf"tiny-8\.pkl\.wrong\) is .*, and {SUM} is expected"):
        fetch_model(tiny)
    assert state(tiny) == "to fetch" and recorded_checksum(tiny.url) == SUM


@pytest.mark.parametrize(
    ("size", "page", "said"),
    [
        (380_000_000, b"no such file", r"has 12 bytes where about 380000000 are expected"),
        (None, b"\xef\xbb\xbf\n<!DOCTYPE html><title>Sign in</title>", "is a web page"),
        (None, b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is a web page"),
    ],
    ids=["size", "sign in", "denied"],
)
def test_an_error_page_is_never_taken_for_weights(
    server: Server, tiny: i2i.Model, size: int | None, page: bytes, said: str
) -> None:
    server.files["/files/published.pkl"] = page
    model = replace(tiny, bytes=size)
    with pytest.raises(I2IError, match=rf"tiny-8\.pkl\.wrong {said}.*: delete it .* what {tiny.url} says\.$"):
        fetch_model(model)
    assert state(model) == "to fetch" and recorded_checksum(model.url) is None
    place(model).write_bytes(page)
    with pytest.raises(I2IError, match=rf"tiny-8\.pkl {said}"):
        fetch_model(model)


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:9/files/published.pkl"])
@pytest.mark.parametrize(
    ("data", "size", "said"),
    [
        (b"<!doctype html><title>Sign in</title>", None, "is a web page, not the file: get the file again"),
        (DATA, 10 * len(DATA), rf"has {len(DATA)} bytes where about {10 * len(DATA)} are expected"),
    ],
    ids=["page", "size"],
)
def test_offered_file_that_is_refused_is_not_installed(
    url: str, data: bytes, size: int | None, said: str, tmp_path: Path
) -> None:
    model = i2i.Model("shy", "A model for tests.", "encoder", url, "CC0", bytes=size)
    (tmp_path / "saved.pkl").write_bytes(data)
    with pytest.raises(I2IError, match=rf"saved\.pkl {said}"):
        fetch_model(model, offered=tmp_path / "saved.pkl")
    assert not place(model).exists() and list(place(model).parent.iterdir()) == []
    assert recorded_checksum(url) is None


def test_offered_file_must_match_the_first_download(tiny: i2i.Model, tmp_path: Path) -> None:
    fetch_model(tiny).unlink()
    (tmp_path / "other.pkl").write_bytes(OTHER)
    with pytest.raises(I2IError, match=rf"other\.pkl is .*, and {SUM} is expected: get the file again"):
        fetch_model(tiny, offered=tmp_path / "other.pkl")
    assert state(tiny) == "to fetch"


def test_offered_file_is_hashed_once_and_recorded(
    unreachable: i2i.Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[Path] = []
    monkeypatch.setattr(models, "hash_file", lambda path: hashed.append(path) or hash_file(path))  # type: ignore[func-returns-value]
    monkeypatch.setattr(datasets, "hash_file", models.hash_file)
    (tmp_path / "far.pkl").write_bytes(DATA)
    notes: list[str] = []
    assert fetch_model(unreachable, None, notes.append, offered=tmp_path).read_bytes() == DATA
    assert len(hashed) == 1 and notes == [] and recorded_checksum(unreachable.url) == SUM


@pytest.mark.parametrize("there", [len(DATA) * 2, len(DATA), len(DATA) // 2])
def test_a_size_that_is_about_right_is_taken(tiny: i2i.Model, there: int) -> None:
    assert fetch_model(replace(tiny, bytes=there)).is_file()


def test_without_a_network_the_way_by_hand_is_told(unreachable: i2i.Model, own_home: Path) -> None:
    file = own_home / "models" / "far.pkl"
    with pytest.raises(I2IError, match=r"cannot be reached .*refused") as caught:
        fetch_model(unreachable)
    assert unreachable.url in str(caught.value) and f"put the file at {file} yourself" in str(caught.value)
    with pytest.raises(I2IError, match=r"not downloaded: type 'i2i models fetch far', or put the file from") as caught:
        model_path(unreachable)
    assert f"{unreachable.url} at {file} by hand." in str(caught.value) and "\n" not in str(caught.value)


def test_a_file_put_there_by_hand_needs_no_network(unreachable: i2i.Model) -> None:
    file = place(unreachable)
    file.parent.mkdir()
    file.write_bytes(DATA)
    assert model_path(unreachable) == fetch_model(unreachable) == file
    assert recorded_checksum(unreachable.url) == SUM
    with pytest.raises(I2IError, match="move it away and run the command again"):
        fetch_model(replace(unreachable, sha256="0" * 64))


@pytest.mark.parametrize("ending", ["", ".pt"])
def test_what_has_no_address_is_got_by_hand(own_home: Path, ending: str) -> None:
    model = i2i.Model("shy", "A model behind a form.", "encoder", "", "CC0", homepage="https://example.org/shy")
    way = rf"get it from https://example\.org/shy and put it at {own_home / 'models' / 'shy'}, with or without"
    for ask in (model_path, fetch_model):
        with pytest.raises(I2IError, match=f"'shy' cannot be downloaded automatically: {way}"):
            ask(model)
    assert state(model) == "by hand"
    (own_home / "models").mkdir()
    (own_home / "models" / "shy.pt.part").write_bytes(b"half")
    (own_home / "models" / "shy.two.pt").write_bytes(b"another model")
    assert state(model) == "by hand"
    file = own_home / "models" / f"shy{ending}"
    file.write_bytes(DATA)
    assert model_path(model) == fetch_model(model) == fetch_model(replace(model, sha256=SUM)) == file
    with pytest.raises(I2IError, match=r"get it again from https://example\.org/shy\.$"):
        fetch_model(replace(model, sha256="0" * 64))


def test_weights_that_a_package_carries_are_used_from_there(own_home: Path, tmp_path: Path) -> None:
    carried = tmp_path / "carried.safetensors"
    model = i2i.Model("carried", "A model in its package.", "landmarks", "", "MIT", path=carried)
    with pytest.raises(I2IError, match=r"is missing from its package: install the package again"):
        model_path(model)
    carried.write_bytes(DATA)
    notes: list[str] = []
    assert model_path(model) == fetch_model(model, None, notes.append) == carried
    assert state(model) == "shipped" and notes == [f"carried comes with its package, in {carried}."]
    assert not (own_home / "models").exists()


def test_a_name_is_looked_up_in_the_registry(tiny: i2i.Model) -> None:
    module = ModuleType("zoo")
    module.register_models = i2i.hookimpl(lambda register: register(tiny))  # type: ignore[attr-defined]
    registry = Registry([Plugin("zoo", "zoo", "1", module)])
    file = fetch_model(tiny)
    assert model_path("tiny-8", registry) == file
    with pytest.raises(UsageError, match=r"no model called 'tiny-9'\. Did you mean 'tiny-8'\?"):
        model_path("tiny-9", registry)


def test_the_published_generators_are_registered() -> None:
    generators = {name for name, model in REGISTERED.items() if model.role == "generator"}
    assert {"ffhq-256", "ffhq-512", "ffhq-1024", "afhqcat-512", "metfaces-1024", "car-512", "cat-256"} <= generators
    assert {"church-256", "horse-256", "stylegan3-t-ffhq-1024", "stylegan3-r-afhqv2-512"} <= generators


@pytest.mark.parametrize("model", REGISTERED.values(), ids=REGISTERED.keys())
def test_every_record_is_sane(model: i2i.Model) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]*", model.name)
    assert model.summary.endswith(".") and "\n" not in model.summary and len(model.summary) <= 120
    assert model.licence.strip() and model.domain.strip()
    assert model.url or model.sources or model.path or model.homepage, (
        "it says neither where it is nor where it comes from"
    )
    for address in filter(None, (model.url, model.homepage)):
        assert urlsplit(address).scheme == "https" and urlsplit(address).netloc and " " not in address
    assert "drive.google.com" not in model.url, "Google Drive sends a page in place of a large file: give a homepage"
    assert not model.url or Path(urlsplit(model.url).path).suffix
    assert model.path is None or model.path.is_file()
    assert model.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", model.sha256)
    assert model.bytes is None or 10**3 < model.bytes < 10**10
    if model.role == "generator":
        assert model.resolution in {2**power for power in range(5, 11)}


def test_no_two_records_share_a_file_or_an_address() -> None:
    for of in (place, lambda model: model.url or model.name):
        assert len({of(model) for model in REGISTERED.values()}) == len(REGISTERED)
