"""Render the API reference: signatures, fields and docstrings of ``i2i`` and ``i2i.toolkit``, as Markdown.

The text is read from the source files, so annotations and defaults appear as they are written, and nothing is imported.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef

PLUGIN_API: Mapping[str, Sequence[str]] = {
    "Registration": ("hookimpl", "Register"),
    "Declaring options": ("Options", "build_options", "option_flag"),
    "Trainers": ("Trainer", "DataInfo", "TrainingProgress"),
    "Datasets": ("Dataset", "Field", "Sample", "Pair", "Archive"),
    "Generators": ("Generator", "StyleGenerator", "Weights", "gradients_for", "rows_of"),
    "Models": ("Model", "FileSource", "WheelSource", "NpmSource"),
    "Editors": (
        "Editor",
        "Scene",
        "Photo",
        "Latent",
        "Placement",
        "Result",
        "Table",
        "Plot",
        "EditOutline",
        "LiveView",
    ),
    "Inverters": ("Inverter", "Inversion", "split_method"),
    "Presets": ("Preset",),
    "Extractors": ("Extractor", "Role", "STANDARD_ROLES"),
    "Standard roles": (
        *("LandmarkExtractor", "FaceFinder", "Face", "IdentityExtractor", "PerceptualExtractor", "TextExtractor"),
        *("EncoderExtractor", "SegmentationExtractor", "DomainExtractor"),
    ),
    "Metrics": ("Metric",),
    "Callbacks": ("Callback",),
    "Panels": ("Panel", "PanelSession", "SurfaceEvent"),
    "Devices": ("Device", "Precision"),
    "Errors": ("I2IError", "UsageError", "Interrupted", "did_you_mean", "disk_trouble"),
}
"""Public names that plugins derive from, receive or return, by the heading under which they are described."""
PYTHON_API: Mapping[str, Sequence[str]] = {
    "Training": ("train", "open_run", "Run", "create_trainer"),
    "Editing": ("edit",),
    "Generators": ("generator", "generator_of", "generator_domain", "generator_identity"),
    "Weights and networks": ("load_network", "model_path", "extractor", "Contents", "Record", "StoredTensor"),
    "Devices": ("choose_device",),
    "Plugins": ("load_registry", "Registry"),
}
"""The other public names: functions to call from a notebook or a plugin, and what they return."""
SAFE_READER = frozenset(
    f"i2i.toolkit.weights.{name}" for name in ("allow_list", "containers", "limits", "opcodes", "reader", "unpickler")
)
"""Modules of the toolkit that only ``read_weights`` uses."""


@dataclass(frozen=True)
class Definition:
    """A class, function or constant of a module, and the text of the module."""

    name: str
    node: ast.stmt
    text: str
    doc: str

    def source(self, node: ast.AST | None) -> str:
        """Return the source of a node on one line; empty for None."""
        return " ".join((ast.get_source_segment(self.text, node) or "").split()) if node is not None else ""


@dataclass(frozen=True)
class Links:
    """Where each documented name, or method of one, is described."""

    page: str
    """The file name of the page that holds the links."""
    targets: Mapping[str, str]
    """``Name`` or ``Name.method`` -> ``page#anchor``."""

    def link(self, code: str) -> str:
        """Return a code span, as a link where it is a documented name, with or without ``i2i.`` before it."""
        name = code.removesuffix("()").removeprefix("i2i.")
        if name.islower() and "_" not in name and not code.startswith("i2i."):
            return f"`{code}`"  # a word such as ``generator`` means an argument more often than the function
        target = self.targets.get(name)
        if target is None:
            return f"`{code}`"
        page, _, anchor = target.partition("#")
        return f"[`{code}`]({'' if page == self.page else page}#{anchor})"


def pages() -> dict[str, str]:
    """Return the text of each page of the API reference by its file name."""
    api = public_names()
    listed = [name for groups in (PLUGIN_API, PYTHON_API) for names in groups.values() for name in names]
    if sorted(listed) != sorted(api):
        differing = sorted(set(listed) ^ set(api)) or "a name twice"
        raise ValueError(f"PLUGIN_API and PYTHON_API of docs/api_pages.py differ from i2i/__init__.pyi: {differing}")
    toolkit = toolkit_modules()
    targets: dict[str, str] = {}
    for page, groups in (("plugin-api.md", PLUGIN_API), ("python-api.md", PYTHON_API)):
        for name in (name for names in groups.values() for name in names):
            targets |= _targets(page, api[name])
    library: dict[str, str] = {}
    for names in toolkit.values():
        for name, definition in names.items():
            library |= {} if _is_ambiguous(name, toolkit) else _targets("toolkit.md", definition)
    return {
        "plugin-api.md": _plugin_page(api, Links("plugin-api.md", targets)),
        "python-api.md": _python_page(api, Links("python-api.md", targets)),
        "toolkit.md": _toolkit_page(toolkit, Links("toolkit.md", library | targets)),
    }


def _targets(page: str, definition: Definition) -> dict[str, str]:
    """Return the links to a definition and its methods."""
    methods = [member for member in _members(definition) if isinstance(member.node, FUNCTION)]
    names = [definition.name, *(f"{definition.name}.{member.name}" for member in methods)]
    return {name: f"{page}#{_anchor(name)}" for name in names}


# What there is.


def public_names() -> dict[str, Definition]:
    """Return the definition of each name of ``i2i``, in the order of the stub."""
    tree = ast.parse((ROOT / "i2i" / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {
        alias.name: definitions(_file_of(f"i2i.{node.module}"))[alias.name] for node in imports for alias in node.names
    }


def toolkit_modules() -> dict[str, dict[str, Definition]]:
    """Return the public definitions of each module of ``i2i.toolkit``, by its dotted name, sorted."""
    folder = ROOT / "i2i" / "toolkit"
    modules = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if module in SAFE_READER:
            continue
        names = definitions(path)
        if module == "i2i.toolkit.weights":
            names = {"read_weights": definitions(path.parent / "reader.py")["read_weights"]}
        if names:
            modules[module] = {name: each for name, each in names.items() if not name.startswith("_")}
    return dict(sorted(modules.items()))


def _file_of(module: str) -> Path:
    path = ROOT.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def module_doc(module: str) -> str:
    """Return the docstring of a module."""
    return ast.get_docstring(ast.parse(_file_of(module).read_text(encoding="utf-8"))) or ""


def definitions(path: Path) -> dict[str, Definition]:
    """Return the classes, functions and constants that a file defines, in their order."""
    text = path.read_text(encoding="utf-8")
    return {each.name: each for each in _definitions(ast.parse(text).body, text)}


def _definitions(body: Sequence[ast.stmt], text: str) -> Iterator[Definition]:
    for index, node in enumerate(body):
        following = body[index + 1] if index + 1 < len(body) else None
        if isinstance(node, FUNCTION | ast.ClassDef):
            yield Definition(node.name, node, text, ast.get_docstring(node) or "")
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield Definition(node.target.id, node, text, _string(following))
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield Definition(node.targets[0].id, node, text, _string(following))


def _string(node: ast.stmt | None) -> str:
    """Return the text of a statement that is a string: the docstring of the assignment before it."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        first, _, rest = node.value.value.partition("\n")
        return f"{first}\n{textwrap.dedent(rest)}".strip()
    return ""


def _members(definition: Definition) -> list[Definition]:
    """Return the public methods and fields of a class, with ``__init__`` and ``__call__``, in their order."""
    if not isinstance(definition.node, ast.ClassDef):
        return []
    return [
        each
        for each in _definitions(definition.node.body, definition.text)
        if each.name in ("__init__", "__call__") or not (each.name.startswith("_") or each.name == "model_config")
    ]


# Pages.


def _plugin_page(api: Mapping[str, Definition], links: Links) -> str:
    parts = [
        "# Plugin API",
        "What plugins derive from, receive and return. All names are imported from `i2i`, and each is loaded on first "
        "use. [Writing a plugin](../plugins.md) explains how they fit together, [Python API](python-api.md) lists the "
        "functions to call, and [Toolkit](toolkit.md) describes the library `i2i.toolkit`.",
        _contents(PLUGIN_API),
        "## Hooks",
        "Functions of a plugin module that are marked `@i2i.hookimpl`. Each `register_*` hook receives "
        f"{links.link('Register')}.",
        "\n".join(_hooks(links)),
    ]
    return _finish([*parts, *_groups(PLUGIN_API, api, links)])


def _hooks(links: Links) -> Iterator[str]:
    for name, each in definitions(_file_of("i2i.api.hookspecs")).items():
        if name.startswith("register_") and isinstance(each.node, FUNCTION):
            arguments = ", ".join(argument.arg for argument in each.node.args.args)
            yield f"- `{name}({arguments})`: {_prose(each.doc, links)}"


def _python_page(api: Mapping[str, Definition], links: Links) -> str:
    listed = [f"- {links.link(f'i2i.{name}')}: {_summary(api[name], links)}" for name in sorted(api, key=str.lower)]
    parts = [
        "# Python API",
        "Functions to call from a script, a notebook or a plugin. The command line calls the same functions. The "
        "classes that plugins derive from are described in [Plugin API](plugin-api.md), the library `i2i.toolkit` in "
        "[Toolkit](toolkit.md).",
        "`i2i.__version__` is the version of i2i, `i2i.API_VERSION` that of the plugin API, `MAJOR.MINOR`.",
        _contents(PYTHON_API),
        "## All names",
        "Everything that can be imported from `i2i`.",
        "\n".join(listed),
    ]
    return _finish([*parts, *_groups(PYTHON_API, api, links)])


def _summary(definition: Definition, links: Links) -> str:
    first = " ".join(definition.doc.split("\n\n")[0].split())
    return _prose(first, links) if first else "constant"


def _toolkit_page(modules: Mapping[str, Mapping[str, Definition]], links: Links) -> str:
    parts = [
        "# Toolkit",
        "`i2i.toolkit` is a library for authors of plugins: images, faces, latents, weights, drawing, files and "
        "terminal. It knows no registry and no plugin. Import each name from the module under which it is listed.",
        "\n".join(f"- [`{module}`](#{_anchor(module)})" for module in modules),
    ]
    for module, names in modules.items():
        parts += [f"## `{module}`", *_docstring(module_doc(module), links)]
        for name, each in names.items():
            title = f"{module.rpartition('.')[2]}.{name}" if _is_ambiguous(name, modules) else name
            parts += _definition(title, each, links)
    return _finish(parts)


def _is_ambiguous(name: str, modules: Mapping[str, Mapping[str, Definition]]) -> bool:
    """Tell whether two names of the toolkit would get the same anchor, which ignores case."""
    return sum(name.lower() == other.lower() for names in modules.values() for other in names) > 1


def _contents(groups: Mapping[str, Sequence[str]]) -> str:
    return "\n".join(
        f"- [{title}](#{_anchor(title)}): {', '.join(f'[`{name}`](#{_anchor(name)})' for name in names)}"
        for title, names in groups.items()
    )


def _groups(groups: Mapping[str, Sequence[str]], api: Mapping[str, Definition], links: Links) -> Iterator[str]:
    for title, names in groups.items():
        yield f"## {title}"
        for name in names:
            yield from _definition(name, api[name], links)


def _finish(parts: Sequence[str]) -> str:
    note = "<!-- Written by docs/generate.py; change the code and run it again. -->"
    anchors = [_anchor(part.lstrip("# ")) for part in parts if part.startswith("#")]
    if twice := sorted({anchor for anchor in anchors if anchors.count(anchor) > 1}):
        raise ValueError(f"these headings of the API reference appear twice on one page: {', '.join(twice)}")
    return "\n\n".join(part for part in (note, *parts) if part) + "\n"


def _anchor(heading: str) -> str:
    """Return the anchor that GitHub gives to a heading."""
    return re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", heading.lower()).strip())


# Definitions.


def _definition(name: str, each: Definition, links: Links) -> Iterator[str]:
    yield f"### `{name}`"
    if isinstance(each.node, ast.ClassDef):
        yield from _class(each, links)
    elif isinstance(each.node, FUNCTION):
        yield _code(_signature(each, each.node))
        yield from _docstring(each.doc, links)
    else:
        yield _code(_assignment(each))
        yield from _docstring(each.doc, links)


def _class(each: Definition, links: Links) -> Iterator[str]:
    assert isinstance(each.node, ast.ClassDef)
    bases = ", ".join(each.source(base) for base in each.node.bases)
    decorators = [
        f"@{text}" for item in each.node.decorator_list if (text := each.source(item)).startswith("dataclass")
    ]
    yield _code("\n".join([*decorators, f"class {each.name}({bases})" if bases else f"class {each.name}"]))
    yield from _docstring(each.doc, links)
    members = _members(each)
    fields = [member for member in members if not isinstance(member.node, FUNCTION | ast.ClassDef)]
    if fields:
        yield f"**Fields of `{each.name}`**"
        yield "\n".join(_field(member, links) for member in fields)
    for member in members:
        if isinstance(member.node, FUNCTION):
            yield f"#### `{each.name}.{member.name}`"
            yield _code(_signature(member, member.node))
            yield from _docstring(member.doc, links)


def _field(member: Definition, links: Links) -> str:
    text = f"- `{_assignment(member)}`"
    if isinstance(member.node, ast.Assign | ast.AnnAssign) and isinstance(member.node.value, ast.Call):
        for keyword in member.node.value.keywords:  # pydantic's ``Field(..., description="...")``
            if keyword.arg == "description" and isinstance(keyword.value, ast.Constant):
                return f"{text}: {keyword.value.value}"
    blocks = [*_docstring(member.doc, links)]
    if not blocks:
        return text
    return "\n\n".join([f"{text}: {blocks[0]}", *(textwrap.indent(block, " " * 4) for block in blocks[1:])])


def _assignment(each: Definition) -> str:
    """Return ``name: type = value``, without a value that is long or that only fills a dataclass."""
    if isinstance(each.node, ast.Assign):
        kind, value = "", each.source(each.node.value)
    else:
        assert isinstance(each.node, ast.AnnAssign)
        kind, value = each.source(each.node.annotation), each.source(each.node.value)
    if factory := re.fullmatch(r"field\(default_factory=(\w+)\)", value):
        value = {"dict": "{}", "list": "[]", "tuple": "()"}.get(factory[1], f"{factory[1]}()")
    if value.startswith("Field("):
        value = re.match(r"Field\(([^,)]*)", value)[1]  # type: ignore[index]
    if value.startswith("lambda") or len(value) > 90:
        value = "..."
    return each.name + (f": {kind}" if kind else "") + (f" = {value}" if value else "")


def _signature(each: Definition, node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """Return the head of a function as it is written, on one line where it fits."""
    decorators = [each.source(item) for item in node.decorator_list]
    marks = [f"@{text}" for text in decorators if text in ("property", "classmethod", "staticmethod", "contextmanager")]
    marks += ["@abstractmethod"] if "abstractmethod" in decorators else []
    arguments = _arguments(each, node.args)
    result = f" -> {each.source(node.returns)}" if node.returns is not None else ""
    opening = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}def {node.name}("
    line = f"{opening}{', '.join(arguments)}){result}"
    if len(line) > 100:
        line = "\n".join([opening, *(f"    {argument}," for argument in arguments), f"){result}"])
    return "\n".join([*marks, line])


def _arguments(each: Definition, given: ast.arguments) -> list[str]:
    positional = [*given.posonlyargs, *given.args]
    defaults = [None] * (len(positional) - len(given.defaults)) + list(given.defaults)
    texts = [_argument(each, argument, default) for argument, default in zip(positional, defaults, strict=True)]
    if given.posonlyargs:
        texts.insert(len(given.posonlyargs), "/")
    if given.vararg:
        texts.append(f"*{_argument(each, given.vararg, None)}")
    elif given.kwonlyargs:
        texts.append("*")
    texts += [_argument(each, *pair) for pair in zip(given.kwonlyargs, given.kw_defaults, strict=True)]
    return [*texts, f"**{_argument(each, given.kwarg, None)}"] if given.kwarg else texts


def _argument(each: Definition, argument: ast.arg, default: ast.expr | None) -> str:
    text = argument.arg
    if argument.annotation is not None:
        text += f": {each.source(argument.annotation)}"
    if default is None:
        return text
    return text + (" = " if argument.annotation is not None else "=") + each.source(default)


def _code(text: str) -> str:
    return f"```python\n{text}\n```"


# Docstrings.


SECTIONS = {
    "Args": "Arguments", "Attributes": "Attributes", "Returns": "Returns", "Yields": "Yields", "Raises": "Raises",
}  # fmt: skip


def _docstring(doc: str, links: Links) -> Iterator[str]:
    """Yield the blocks of a Google-style docstring as Markdown."""
    title, lines = "", []
    for line in [*doc.splitlines(), "End:"]:
        head = re.fullmatch(r"(\w+):", line)
        if head and (head[1] in SECTIONS or head[1] == "End"):
            text = textwrap.dedent("\n".join(lines)).strip()
            yield from _section(title, text, links)
            title, lines = SECTIONS.get(head[1], ""), []
        else:
            lines.append(line)


def _section(title: str, text: str, links: Links) -> Iterator[str]:
    if not text:
        return
    if title in ("Arguments", "Attributes", "Raises"):
        yield f"**{title}**"
        yield "\n".join(_item(item, links) for item in re.split(r"\n(?=\S)", text))
    elif title:
        yield f"**{title}**"
        yield from _blocks(text, links)
    else:
        yield from _blocks(text, links)


def _item(text: str, links: Links) -> str:
    names, _, meaning = text.partition(":")
    code = ", ".join(links.link(name.strip()) for name in re.split(r",\s*|\s+or\s+", names))
    return f"- {code}: {_prose(meaning, links)}"


def _blocks(text: str, links: Links) -> Iterator[str]:
    """Yield paragraphs, lists, tables and indented code."""
    for block in re.split(r"\n\s*\n", text):
        if block.startswith("    "):
            yield _code(textwrap.dedent(block))
        elif block.startswith("|"):
            yield block
        elif block.startswith("- "):
            yield "\n".join(_prose(item, links) for item in re.split(r"\n(?=- )", block))
        else:
            yield _prose(block, links)


def _prose(text: str, links: Links) -> str:
    """Return reStructuredText's code spans as Markdown's, on one line, with links; angle brackets are kept as text."""
    parts = re.split(r"``(.+?)``", " ".join(text.split()))
    return "".join(
        links.link(part) if index % 2 else part.replace("<", "&lt;").replace("*", r"\*")
        for index, part in enumerate(parts)
    )
