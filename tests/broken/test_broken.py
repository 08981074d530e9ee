"""Each broken plugin ends in one line that names its distribution and method, or is left out; the rest works."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import i2i

from .conftest import Run, environment

TRAIN = "train {} --dataset {} --size 16 --batch 1 --steps 2 --precision fp32 --device cpu --out out"
EDIT = "edit --plugin {} --image photo.png --device cpu --out out"
LATENTS = "edit --plugin broken-latents --image {} --generator broken-generator --device cpu --out out"


def table(text: str) -> list[tuple[str, str]]:
    """Read lines ``METHOD: HOW HOW`` as pairs."""
    rows = [line.strip().partition(":") for line in text.strip().splitlines()]
    return [(at.strip(), how) for at, _, hows in rows for how in hows.split()]


def trainer_cases() -> list[tuple[str, str]]:
    cases = table("""
        __init__: raise exit forbidden memory
        networks: empty none text dict
        optimizers: none list dict
        averaged: text list none
        step: raise exit none text list dict empty grad iterator forbidden memory twice
        sample: raise none text whole flat dict
        validate: raise none text dict iterator
        state_dict: raise none text function open objects
    """)
    return [(f"{TRAIN.format('broken-trainer', 'broken-dataset')} --at {at} --how {how}", at) for at, how in cases]


def other_trainer_cases() -> list[tuple[str, str]]:
    named = {
        "incomplete": "step",
        "signature": "step",
        "defaults": "defaults",
        "validator": "Options",
        "unwritable": "Options",
        "factory": "Options",
    }
    return [(TRAIN.format(f"broken-{name}", "broken-dataset"), word) for name, word in named.items()]


def dataset_cases() -> list[tuple[str, str]]:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --dataset-options at={} --dataset-options how={}"
    cases = [(line.format(at, how), at) for at, how in table("__init__: raise\n draw: raise none half float one text")]
    return [*cases, (TRAIN.format("broken-trainer", "broken-undrawn"), "draw")]


def real_dataset_cases() -> list[tuple[str, str]]:
    """Lines whose dataset fails when it lists the files of real samples."""
    cases = table(
        "samples: raise exit text list iterator\n pairs: raise text list\n unpaired: raise exit text list strings"
    )
    found = []
    for at, how in cases:
        trainer = "broken-unpaired" if at == "unpaired" else "broken-trainer"
        dataset = "broken-pairs" if at == "pairs" else "broken-dataset"
        line = f"{TRAIN.format(trainer, dataset)} --source real --data-root ."
        found.append((f"{line} --dataset-options at={at} --dataset-options how={how}", at))
    return found


def editor_cases() -> list[tuple[str, str]]:
    cases = table("""
        check: raise exit forbidden memory lookup
        presets: raise text none iterator
        edit: raise none text exit forbidden memory
        image: none text nan whole flat inf twice
        frames: none text list
        scalars: none dict list
        nan-scalar: raise
        latent: text list object
        table: text list
        ragged: raise
        cells: text nan
        plots: text list dict none
        path: raise
        lines: raise
        others: list none text
    """)
    own = ("check", "presets")
    lines = [
        (f"{EDIT.format('broken-editor')} --at {at} --how {how}", at if at in own else "edit") for at, how in cases
    ]
    return [*lines, (EDIT.format("broken-signature"), "edit"), (EDIT.format("broken-incomplete"), "edit")]


def photo_cases() -> list[tuple[str, str]]:
    """Lines whose editor fails when it checks the photos, before they are inverted."""
    line = LATENTS.format("photo.png") + " --at check_photos --how"
    return [(f"{line} {how}", "check_photos") for how in ("raise", "exit", "lookup", "memory")]


def extractor_cases() -> list[tuple[str, str]]:
    roles = {
        "landmarks": ["__call__"],
        "identity": ["__call__", "align"],
        "perceptual": ["distance", "features", "compare"],
        "text": ["images", "texts"],
        "encoder": ["__call__"],
        "segmentation": ["__call__"],
    }
    cases = [(role, at, how) for role, every in roles.items() for at in every for how in ("raise", "none", "text")]
    cases += [(role, "__init__", "exit") for role in roles]
    cases += [("perceptual", "features", how) for how in ("dict", "empty")]
    cases += [("broken-role", "__call__", "raise")]
    line = EDIT.format("broken-editor") + " --call {0} --extractor {0}=broken-{0}"
    line += " --extractor-options broken-{0}.at={1} --extractor-options broken-{0}.how={2}"
    return [(line.format(role, at, how), at) for role, at, how in cases]


def generator_cases() -> list[tuple[str, str]]:
    cases = table("""
        __init__: raise
        map: raise none text flat
        render: raise none whole less
        features: raise none flat
        features_and_pictures: raise none text
        style_space: raise none list
        styles: raise none
        weights: raise none
        tuned: raise none
        noise_maps: raise text
        w_mean: raise none
        w_std: raise text
        z_dim: text none
        resolution: text none
    """)
    called = {at for at, _ in cases} - {"__init__", "z_dim", "resolution"}
    line = LATENTS.format("seed:0") + " --generator-options at={0} --generator-options how={1}"
    return [(line.format(at, how) + (f" --call {at}" if at in called else ""), at) for at, how in cases]


def inverter_cases() -> list[tuple[str, str]]:
    cases = table("check: raise\n invert: raise none text list iterator\n w: nan none flat text")
    line = LATENTS.format("photo.png") + " --fresh --invert broken-inverter,at={},how={}"
    return [(line.format(at, how), "invert" if at == "w" else at) for at, how in cases]


def command_cases() -> list[tuple[str, str]]:
    cases = [(f"broken-command --how {how}", "broken-command") for how in ("raise", "exit", "lookup")]
    return [*cases, ("broken-group parse --word x", "parse")]


def attribute_cases() -> list[tuple[str, str]]:
    """Lines that use a class or record with an attribute that its contract does not allow."""
    return [
        (TRAIN.format("broken-attributes", "broken-dataset"), "wants is 'everything': input should be"),
        (TRAIN.format("broken-trainer", "broken-fields"), "fields is ('A', 'B'): input should be"),
        (EDIT.format("broken-wants"), "photos is 'image': input should be"),
        (
            EDIT.format("broken-latents").replace("photo.png", "seed:0") + " --generator broken-path",
            "path is '/no/such",
        ),
        ("models show broken-path", "path is '/no/such/file': input should be a pathlib.Path or None"),
    ]


RECORD_FAULTS = {
    "two-ways": "url and sources are both given",
    "no-way": "no source of the file is given",
    "digest": "sha256 is 'ABC'",
    "bundles": "bundles is {'faces'}",
    "bundle-word": "bundles is frozenset({'My Bundle'})",
    "aspect": "aspect_ratio is 1.33",
    "aspect-side": "aspect_ratio is (4, 0)",
    "source-list": "sources is [",
    "source-kind": "sources[0]: it is 'https",
    "source-digest": "sources[0]: sha256 is",
    "source-size": "sources[0]: bytes is 0",
    "source-url": "sources[0]: url is 'ftp",
    "any-version": "requirement is 'some-net>=1.0'",
    "wild-version": "requirement is 'some-net==1.*'",
    "option": "requirement is '--index-url",
    "npm-range": "requirement is 'some-net@^1.0.0'",
    "npm-address": "requirement is 'git+https",
    "no-members": "members is {}",
    "outside": "members holds '../net.bin'",
    "member-digest": "sha256 of some_net/net.bin is None",
    "same-names": "two files of one base name",
    "no-convert": "convert is missing",
    "convert": "convert is 'safetensors'",
    "converted-url": "convert needs sources",
    "different": "name different files",
}
"""By the name of a record, what is said of it."""
CONVERSIONS = {
    "raise": "failed in convert(): KeyError",
    "exit": "failed in convert(): SystemExit",
    "none": "returned None from convert()",
    "empty": "returned an empty dict from convert()",
    "list": "returned list from convert()",
    "path": "returned 'weight': PosixPath from convert()",
    "nan": "returned 'weight' with numbers that are not finite (nan or inf) from convert()",
}


@pytest.mark.parametrize("name", RECORD_FAULTS)
def test_record_with_a_fault_is_refused_in_one_line(run: Run, name: str) -> None:
    for command in ("show", "fetch"):
        done = run(f"models {command} broken-{name}", "models")
        assert done.exit_code == 1 and done.stdout == "", done.output
        last = done.stderr.splitlines()[-1]
        assert last.startswith(
            f"i2i: The model 'broken-{name}' of plugin broken-models (i2i-broken 1.0) cannot be used: "
        )
        assert RECORD_FAULTS[name] in last and last.endswith("See: i2i plugins check broken-models")


def test_faults_of_all_records_are_found(run: Run) -> None:
    done = run("plugins check broken-models", "models")
    lines = done.stdout.splitlines()
    assert done.exit_code == 1
    for name, fault in RECORD_FAULTS.items():
        assert any(line.startswith(f"broken-models: model broken-{name}: ") and fault in line for line in lines), name
    assert len(lines) == len(RECORD_FAULTS) + 1, done.stdout
    assert "model 'broken-bundled' is in the bundle 'broken-word', which is the name of a model" in lines[0]
    assert not any("broken-convert-" in line for line in lines)


@pytest.mark.parametrize("how", CONVERSIONS)
def test_conversion_that_fails_names_the_plugin(run: Run, how: str, own_home: Path) -> None:
    Path("net.bin").write_bytes(b"numbers")
    done = run(f"models fetch broken-convert-{how} --from net.bin", "models")
    assert done.exit_code == 1 and done.stdout == "", done.output
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"i2i: The model 'broken-convert-{how}' of i2i-broken 1.0 ") and "tell its author" in last
    assert CONVERSIONS[how] in last and "Traceback" not in done.output
    assert list((own_home / "models").iterdir()) == [] and not (own_home / "downloads").exists()


def lazy_cases() -> list[tuple[str, str]]:
    editors = [(EDIT.format(f"broken-{name}"), name) for name in ("no-name", "import", "exit", "number", "other")]
    trainers = [TRAIN.format(f"broken-{name}", "facades") for name in ("no-module", "no-options")]
    return [*editors, *((line, "broken-no") for line in trainers)]


GROUPS = {
    ("trainers", "datasets"): [*trainer_cases(), *other_trainer_cases(), *dataset_cases(), *real_dataset_cases()],
    ("editors",): editor_cases(),
    ("editors", "extractors"): extractor_cases(),
    ("editors", "presets"): [(EDIT.format("broken-editor") + " --named one", "check_preset")],
    ("editors", "generators"): [*generator_cases(), *photo_cases()],
    ("editors", "generators", "inverters"): inverter_cases(),
    ("commands",): command_cases(),
    ("trainers", "datasets", "editors", "generators"): attribute_cases(),
    ("lazy",): lazy_cases(),
}
CASES = [(plugins, line, word) for plugins, cases in GROUPS.items() for line, word in cases]


@pytest.mark.parametrize(("plugins", "line", "word"), CASES, ids=[line for _, line, _ in CASES])
def test_a_broken_plugin_ends_in_one_line(run: Run, plugins: tuple[str, ...], line: str, word: str) -> None:
    done = run(line, *plugins)
    assert done.exit_code in (1, 2), done.output
    assert isinstance(done.exception, SystemExit) and "Traceback" not in done.output
    errors = [text for text in done.stderr.splitlines() if "i2i-broken 1.0" in text]
    assert len(errors) == 1 and errors[0] == done.stderr.splitlines()[-1], done.stderr
    assert errors[0].startswith("i2i: ") and word in errors[0]
    remedies = ("tell its author", "then run", "See: i2i plugins check", "resume with", "give", "in step()")
    assert any(remedy in errors[0] for remedy in remedies), errors[0]
    out = Path("out")
    if line.startswith("edit"):
        assert not out.exists(), "an edit that failed leaves nothing"
    elif out.exists():
        assert i2i.open_run("out").summary()["status"] in ("failed", "unfinished")


@pytest.mark.parametrize(("trainer", "at"), [("broken-trainer", "samples"), ("broken-unpaired", "unpaired")])
def test_listed_files_that_are_missing_are_named(run: Run, trainer: str, at: str) -> None:
    Path("broken-dataset").mkdir()
    line = f"{TRAIN.format(trainer, 'broken-dataset')} --source real --data-root ."
    done = run(f"{line} --dataset-options at={at} --dataset-options how=lost", "trainers", "datasets")
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    assert "lost.png" in done.stderr.splitlines()[-1] and not Path("out").exists()
    options = f"--dataset-options at={at} --dataset-options how=lost"
    done = run(f"datasets check broken-dataset --data-root . {options}", "datasets")
    assert done.exit_code == 1 and "lost.png: it cannot be read" in done.stdout, done.output


FILE = """
import i2i
import torch

class Mine(i2i.Editor):
    name, summary = "mine", "Fails."

    def edit(self, scene, options):
        {body}

class Fit(i2i.Trainer):
    name, summary = "fit", "Fails."

    def __init__(self, options, device):
        self.net = torch.nn.Conv2d(3, 3, 1)
        self.networks, self.optimizers = {{"net": self.net}}, {{}}

    def step(self, batch):
        {body}

    def sample(self, batch):
        return batch["input"]
"""


@pytest.mark.parametrize("line", [EDIT.format("./mine.py"), TRAIN.format("./mine.py", "broken-dataset")])
@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("raise KeyError('broken')", "failed in"),
        ("raise SystemExit(0)", "failed in"),
        ("return None", "returned None from"),
    ],
)
def test_file_that_fails_is_named(run: Run, line: str, body: str, word: str) -> None:
    Path("mine.py").write_text(FILE.format(body=body), encoding="utf-8")
    done = run(line, "datasets")
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    (error,) = (text for text in done.stderr.splitlines() if "mine.py" in text)
    assert error == done.stderr.splitlines()[-1] and word in error and "Traceback" not in done.output


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("def (", "SyntaxError"),
        ("import no_such_module", "ModuleNotFoundError"),
        ("raise SystemExit(0)", "SystemExit"),
        ("x = 1", "mine.py"),
    ],
)
@pytest.mark.parametrize("line", [EDIT.format("./mine.py"), TRAIN.format("./mine.py", "facades")])
def test_file_that_cannot_be_loaded_is_named(run: Run, line: str, text: str, word: str) -> None:
    Path("mine.py").write_text(text, encoding="utf-8")
    done = run(line)
    assert done.exit_code == 2 and isinstance(done.exception, SystemExit), done.output
    error = done.stderr.splitlines()[-1]
    assert "mine.py" in error and word in error and "Traceback" not in done.output and not Path("out").exists()


def test_debug_shows_the_traceback(run: Run) -> None:
    done = run(EDIT.format("broken-editor") + " --at edit --how lookup", "editors", debug=True)
    assert isinstance(done.exception, i2i.I2IError) and isinstance(done.exception.__cause__, KeyError)


@pytest.mark.parametrize("how", ["raise", "none", "function"])
def test_the_last_good_checkpoint_survives(run: Run, how: str) -> None:
    at = "state_dict" if how == "function" else "step"
    line = TRAIN.format("broken-trainer", "broken-dataset").replace("--steps 2", "--steps 5")
    done = run(f"{line} --checkpoint-every 1 --at {at} --how {how} --when 4", "trainers", "datasets")
    assert done.exit_code == 1 and "i2i-broken 1.0" in done.stderr.splitlines()[-1]
    opened = i2i.open_run("out")
    assert opened.last_step() == 3 and opened.read_state(3)["step"] == 3 and opened.summary()["status"] == "failed"


def test_a_failing_sample_does_not_cost_the_checkpoint(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --at sample --how raise --when 2"
    assert run(line, "trainers", "datasets").exit_code == 1
    assert i2i.open_run("out").last_step() == 2


def test_a_run_that_cannot_be_resumed_names_the_plugin(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --at load_state_dict"
    assert run(line, "trainers", "datasets").exit_code == 0
    done = run("train broken-trainer --resume out --steps 3", "trainers", "datasets")
    assert done.exit_code == 1 and "i2i-broken 1.0 failed in load_state_dict()" in done.stderr.splitlines()[-1]
    assert i2i.open_run("out").last_step() == 2


def test_losses_and_samples_that_are_not_finite_are_told(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset")
    done = run(f"{line} --at step --how nan", "trainers", "datasets")
    assert done.exit_code == 1 and "The loss 'loss' became nan at step 1" in done.stderr.splitlines()[-1]
    assert "in trainer 'broken-trainer' of i2i-broken 1.0. Training stopped" in done.stderr.splitlines()[-1]
    done = run(f"{line}2 --at sample --how nan", "trainers", "datasets")
    assert done.exit_code == 0 and "sample() of the trainer 'broken-trainer' gives numbers that are not" in done.stderr


def test_best_metric_must_be_returned(run: Run) -> None:
    done = run(TRAIN.format("broken-best", "broken-dataset"), "trainers", "datasets")
    assert done.exit_code == 1 and i2i.open_run("out").last_step() == 1
    told = "trainer 'broken-best' of i2i-broken 1.0 returned 'l1' from validate(); expected its best_metric 'psnr'"
    assert told in done.stderr.splitlines()[-1]
    done = run(TRAIN.format("broken-best", "broken-dataset") + "2 --at validate --how empty", "trainers", "datasets")
    assert done.exit_code == 1 and "returned no metrics from validate()" in done.stderr.splitlines()[-1]


def test_inherited_best_metric_is_optional(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --at validate --how empty"
    assert run(line, "trainers", "datasets").exit_code == 0


def test_output_size_must_be_that_of_the_target(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --at sample --how small"
    assert run(line, "trainers", "datasets").exit_code == 0  # sample grids resize their panels
    done = run("evaluate out --device cpu --metrics l1", "trainers", "datasets")
    told = "trainer 'broken-trainer' of i2i-broken 1.0 returned a float32 tensor of shape (1, 3, 8, 8) from sample()"
    assert done.exit_code == 1 and told in done.stderr.splitlines()[-1]


def test_pasted_crop_must_be_square(run: Run) -> None:
    line = EDIT.format("broken-crops") + " --generator broken-generator"
    done = run(line, "editors", "generators")
    told = "editor 'broken-crops' of i2i-broken 1.0 returned an image of shape (1, 3, 16, 8) from edit()"
    assert done.exit_code == 1 and told in done.stderr.splitlines()[-1] and not Path("out").exists()
    assert run(line + " --blend none", "editors", "generators").exit_code == 0


@pytest.mark.parametrize("line", [TRAIN.format("broken-trainer", "broken-dataset"), EDIT.format("broken-editor")])
def test_an_interrupt_stays_an_interrupt(run: Run, line: str) -> None:
    at = "step" if line.startswith("train") else "edit"
    done = run(f"{line} --at {at} --how interrupt", "trainers", "datasets", "editors")
    assert done.exit_code in (1, 130) and "i2i-broken" not in done.stderr, done.stderr
    assert "top" in done.stderr.splitlines()[-1], done.stderr


@pytest.mark.parametrize(
    ("at", "how"), table("compute: raise none nan text\n update: raise\n __init__: exit\n per_picture: text list")
)
def test_metrics(run: Run, at: str, how: str) -> None:
    assert run(TRAIN.format("broken-trainer", "broken-dataset"), "trainers", "datasets").exit_code == 0
    options = f"--metric-options broken-metric.at={at} --metric-options broken-metric.how={how}"
    done = run(f"evaluate out --device cpu --metrics broken-metric {options}", "trainers", "datasets", "metrics")
    assert done.exit_code == 1, done.output
    line = done.stderr.splitlines()[-1]
    assert "metric 'broken-metric' of i2i-broken 1.0" in line and at in line
    assert not Path("out/evaluation_val.json").exists()


EVENTS = ("__init__", "run_begins", "losses", "samples", "validation", "checkpoint", "run_ends")


@pytest.mark.parametrize("event", EVENTS)
def test_a_callback_is_dropped_and_the_training_goes_on(run: Run, event: str) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --callbacks broken-callback"
    options = f" --callback-options broken-callback.at={event} --callback-options broken-callback.how=exit"
    done = run(line + options, "trainers", "datasets", "callbacks")
    assert done.exit_code == 0, done.output
    (told,) = (text for text in done.stderr.splitlines() if "i2i-broken" in text)
    assert f"'broken-callback' of i2i-broken 1.0 failed in {event} and is dropped" in told
    kept = json.loads(Path("out/options.json").read_text(encoding="utf-8"))["callback_options"]
    assert kept == {"broken-callback": {"at": event, "how": "exit"}}


def test_options_of_callbacks_are_checked(run: Run) -> None:
    line = TRAIN.format("broken-trainer", "broken-dataset") + " --callback-options broken-callback.at=losses"
    done = run(line, "trainers", "datasets", "callbacks")
    assert done.exit_code == 2 and "not among the callbacks" in done.stderr
    done = run(line.replace(".at", ".att") + " --callbacks broken-callback", "trainers", "datasets", "callbacks")
    assert done.exit_code == 2 and "there is no option 'att'" in done.stderr and not Path("out").exists()


def test_a_broken_family_leaves_files_to_others(run: Run) -> None:
    import torch

    torch.save({"main.0.weight": torch.zeros(1)}, "file.pt")
    done = run("edit --plugin broken-latents --image seed:0 --generator file.pt --device cpu", "editors", "generators")
    line = done.stderr.splitlines()[-1]
    assert done.exit_code == 1 and "holds no generator" in line and "'a-broken-reader' of i2i-broken 1.0" in line
    done = run("sample --generator demo-faces --seeds 0 --out sheet.png --device cpu", "generators")
    assert done.exit_code == 0 and Path("sheet.png").is_file(), done.output


def test_json_is_one_object_whatever_plugins_print(run: Run) -> None:
    done = run(EDIT.format("broken-editor") + " --at edit --how print --json", "editors", "printing")
    assert done.exit_code == 0 and json.loads(done.stdout)["out"] == "out" and "a plugin prints" in done.stderr


IMPORTS = {
    "misspelt": "unknown hook 'register_editor'. Did you mean 'register_editors'?",
    "unmarked": "register_editors lacks the @i2i.hookimpl mark",
    "raising": "RuntimeError: broken on purpose",
    "exiting": "SystemExit: 0",
    "missing": "ModuleNotFoundError: No module named 'i2i_broken.no_such_module'",
    "attribute": "has no attribute 'no_such_attribute'",
    "newer": "it needs i2i>=99",
    "taken": "metric 'l1' is already provided by i2i; give yours another name",
    "slow": "its import takes",
    "printing": "printed at import",
}


@pytest.mark.parametrize("name", IMPORTS)
def test_a_fault_at_import_costs_its_plugin_alone(site: Path, work: Path, name: str) -> None:
    names = f"facades,metrics,broken-{name}"
    words = [sys.executable, "-m", "i2i", "plugins", "list", "--json"]
    done = subprocess.run(words, env=environment(site, I2I_PLUGINS=names), capture_output=True, text=True)
    plugins = {each["name"]: each for each in json.loads(done.stdout)["plugins"]}
    assert done.returncode == 0 and "Traceback" not in done.stderr and IMPORTS[name] in done.stderr
    if name not in ("printing",):
        assert f"broken-{name} (i2i-broken" in done.stderr
    assert "dataset:facades" in plugins["facades"]["things"] and "metric:l1" in plugins["metrics"]["things"]


def test_a_process_shows_a_traceback_with_debug_only(site: Path, work: Path) -> None:
    words = [sys.executable, "-m", "i2i", *EDIT.format("broken-editor").split(), "--at", "edit"]
    for debug in (False, True):
        given = [*words, "--debug"] if debug else words
        chosen = environment(site, I2I_PLUGINS="broken-editors")
        done = subprocess.run(given, env=chosen, capture_output=True, text=True)
        assert done.returncode == 1 and ("Traceback" in done.stderr) == debug and not Path("out").exists()
        lines = [line for line in done.stderr.splitlines() if not line.startswith("i2i: warning:")]
        assert debug or len(lines) == 1


def test_hooks_that_fail_are_named_once_each(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    done = run("plugins list --json", "hooks")
    lines = [line for line in done.stderr.splitlines() if "i2i-broken 1.0" in line]
    expected = {
        "register_trainers": "RuntimeError: broken on purpose",
        "register_datasets": "needs a one-line 'name'",
        "register_editors": "--out",
        "register_metrics": "derive from i2i.Options",
        "register_models": "no i2i.Model",
        "register_generators": "needs a target",
        "register_inverters": "no i2i.Inverter",
        "register_callbacks": "SystemExit",
        "register_panels": "no i2i.Panel",
        "register_presets": "registered twice",
    }
    assert len(lines) == len(expected)
    for hook, words in expected.items():
        (line,) = (line for line in lines if line.startswith(f"i2i: {hook} "))
        assert words in line


@pytest.mark.parametrize(
    ("kind", "broken", "good", "fault"),
    [
        ("model", "broken-path", "broken-model", "path is '/no/such/file'"),
        ("dataset", "broken-fields", "broken-dataset", "fields is ('A', 'B')"),
    ],
)
def test_lists_omit_wrong_attributes(run: Run, kind: str, broken: str, good: str, fault: str) -> None:
    done = run(f"{kind}s list --json", "generators", "datasets")
    assert done.exit_code == 0, done.output
    names = [each["name"] for each in json.loads(done.stdout)[f"{kind}s"]]
    assert good in names and broken not in names
    (line,) = (line for line in done.stderr.splitlines() if "i2i-broken 1.0" in line)
    assert line.startswith(f"i2i: The {kind} {broken!r} of plugin") and fault in line


def test_check_finds_what_can_be_told_without_running(run: Run) -> None:
    found = {
        "trainers": ("broken-attributes: wants", "broken-signature: step", "broken-incomplete: it must define step"),
        "editors": ("broken-wants: wants", "broken-signature: edit(", "broken-incomplete: it must define edit"),
        "datasets": ("broken-undrawn: it declares", "broken-fields: fields"),
        "metrics": ("broken-better: better",),
        "extractors": ("broken-wordless: role", "broken-lacking"),
        "presets": ("drag/broken-values",),
        "hooks": ("register_trainers: RuntimeError",),
        "generators": ("broken-path: path is",),
        "lazy": ("broken-no-name",),
    }
    for name, words in found.items():
        done = run(f"plugins check broken-{name}", name)
        assert done.exit_code == 1, done.output
        for word in words:
            assert word in done.stdout, (word, done.stdout)
