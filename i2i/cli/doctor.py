"""``i2i doctor``: what this machine has, what i2i makes of it, and what to type where something is missing."""

from __future__ import annotations

import os
import platform
import shutil
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..toolkit.command_options import json_option
from ..toolkit.terminal import echo_json

if TYPE_CHECKING:
    from ..registry import Registry

_LIBRARIES = (
    "torch",
    "torchvision",
    "numpy",
    "pillow",
    "albumentations",
    "lpips",
    "opencv-python-headless",
    "pydantic",
    "click",
)
_OPTIONAL = {
    "nicegui": ("i2i ui", "'i2i[ui]'"),
    "onnx": ("i2i export --format onnx", "'i2i[onnx]'"),
    "onnxruntime": ("checking an exported network", "onnxruntime"),
    "imageio-ffmpeg": ("MP4 files", "'i2i[video]'"),
    "torchviz": ("i2i graph", "'i2i[graph]'"),
}
"""What a package is for, and what to install for it."""
_LOW_DISK = 5 * 2**30


@click.command("doctor")
@json_option
@click.pass_obj
def command(registry: Registry, as_json: bool) -> None:
    """Show versions, the device and precision chosen, memory, disk, plugins, and what is missing."""
    report = examine(registry)
    if as_json:
        echo_json(report)
        return
    rows = [*report["versions"].items(), ("device", report["device"] or "none"), *_machine_rows(report)]
    rows.append(("models", _models_row(report)))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name.ljust(width)}  {value or 'not installed'}")
    click.echo("\nplugins: " + ", ".join(plugin["name"] for plugin in report["plugins"] if not plugin["error"]))
    click.echo(
        "\n".join(["", "To do:", *(f"- {item}" for item in report["missing"])])
        if report["missing"]
        else "\nAll is well."
    )


def examine(registry: Registry) -> dict[str, Any]:
    """Return the facts as plain values; ``missing`` holds a sentence with a remedy for each missing thing."""
    from ..registry import KINDS
    from ..toolkit.files import user_directory

    for kind in KINDS:
        registry.entries(kind)
    missing: list[str] = []
    return {
        "versions": {"i2i": _version("i2i"), "python": platform.python_version()}
        | {name: _version(name) for name in (*_LIBRARIES, *_OPTIONAL)},
        **_device(missing),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "memory_bytes": _memory(),
        "free_disk_bytes": {str(folder): _free(folder, missing) for folder in (user_directory(), Path.cwd())},
        "graphviz": _graphviz(missing),
        **_models(registry, missing),
        "plugins": [
            {"name": plugin.name, "distribution": plugin.distribution, "version": plugin.version, "error": plugin.error}
            for plugin in registry.plugins.values()
        ],
        "missing": missing + _libraries_missing() + _plugin_faults(registry),
    }


def _machine_rows(report: dict[str, Any]) -> list[tuple[str, str]]:
    gib = {folder: f"{free / 2**30:.1f} GiB free" for folder, free in report["free_disk_bytes"].items()}
    memory = f"{report['memory_bytes'] / 2**30:.1f} GiB" if report["memory_bytes"] else "unknown"
    return [
        ("system", report["system"]),
        ("cores", str(report["cores"])),
        ("memory", memory),
        *gib.items(),
        ("graphviz", report["graphviz"]),
    ]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _device(missing: list[str]) -> dict[str, Any]:
    try:
        from ..runtime.device import choose_device

        device = choose_device("auto")
    except Exception as error:  # a broken PyTorch fails in many ways, and this command is there to say so
        reason = " ".join(str(error).split())
        missing.append(f"PyTorch does not work ({reason}): install it again, see https://pytorch.org/get-started")
        return {"device": None, "precision": None}
    return {"device": device.describe(), "precision": device.precision}


def _memory() -> int | None:
    """Return the machine's memory in bytes; None where the system does not report it."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _free(folder: Path, missing: list[str]) -> int:
    """Free bytes on the disk that holds ``folder``, which need not exist yet."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    if free < _LOW_DISK:
        missing.append(
            f"only {free / 2**30:.1f} GiB are free at {folder}: free some, or set I2I_HOME to a roomier folder"
        )
    return free


def _graphviz(missing: list[str]) -> str | None:
    if found := shutil.which("dot"):
        return found
    missing.append("Graphviz, for 'i2i graph': type 'apt install graphviz' or 'brew install graphviz'")
    return None


def _models(registry: Registry, missing: list[str]) -> dict[str, Any]:
    """The downloaded models with their sizes, and what each bundle lacks."""
    from ..assets.models import bundles, download_bytes, file_bytes, is_present, place, state

    models = registry.all("model").values()
    found = {
        model.name: {"file": str(place(model)), "bytes": file_bytes(model)}
        for model in models
        if state(model) == "here"
    }
    lacking = {}
    for name, members in bundles(registry).items():
        lacking[name] = [model.name for model in members if not is_present(model)]
        if lacking[name]:
            size = f" ({total / 1e6:.1f} MB)" if (total := download_bytes(members)) else ""
            missing.append(f"of the bundle {name}: {', '.join(lacking[name])}{size}: type 'i2i models fetch {name}'")
    return {"models": found, "bundles": lacking}


def _models_row(report: dict[str, Any]) -> str:
    size = sum(model["bytes"] for model in report["models"].values())
    complete = [name for name, lacking in report["bundles"].items() if not lacking]
    row = f"{len(report['models'])} downloaded, {size / 1e6:.1f} MB"
    return f"{row}; complete bundles: {', '.join(complete)}" if complete else row


def _libraries_missing() -> list[str]:
    needed = [f"{name}: type 'pip install {name}'" for name in _LIBRARIES if _version(name) is None]
    wanted = [
        f"{name}, for {use}: type: pip install {target}"
        for name, (use, target) in _OPTIONAL.items()
        if _version(name) is None
    ]
    return needed + wanted


def _plugin_faults(registry: Registry) -> list[str]:
    return [
        f"plugin {plugin.name} of {plugin.distribution} has a fault ({plugin.error}): "
        f"type 'pip install --upgrade {plugin.distribution}', or remove it with 'pip uninstall {plugin.distribution}'"
        for plugin in registry.plugins.values()
        if plugin.error
    ]
