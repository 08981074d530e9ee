"""The text network of the embedded world: its words, its file, and what the extractor takes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

import i2i
from i2i_plugins.demo.extractors import text as extractor_module
from i2i_plugins.demo.extractors.text import DemoText
from i2i_plugins.demo.model_records import record
from i2i_plugins.demo.networks.text import LENGTH, TextNetwork, words_of

WORDS = ("a", "and", "beard", "blond", "face", "glasses", "no", "smiling", "with", "without")


def smooth(seed: int, count: int, *size: int) -> Tensor:
    noise = torch.rand(count, 3, 5, 5, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return F.interpolate(noise, size, mode="bicubic").clamp(-1, 1)


def lively() -> TextNetwork:
    """With random weights that all do something, and statistics that fit them."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TextNetwork(WORDS)
        for value in network.image.parameters():
            if not value.any():  # what begins silent
                nn.init.normal_(value, std=0.5)
        for module in network.modules():
            if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
                module.momentum = 1.0  # its statistics become those of the next batch
        with torch.no_grad():
            network.train().images(smooth(9, 16, 64, 64))
            network.texts([f"{first} {second}" for first in WORDS for second in WORDS])
    return network.eval()


@pytest.fixture(scope="module")
def network() -> TextNetwork:
    return lively()


@pytest.fixture(scope="module")
def extractor(network: TextNetwork, tmp_path_factory: pytest.TempPathFactory) -> DemoText:
    """From a file in half precision, as it is shipped."""
    path = tmp_path_factory.mktemp("text") / "text.safetensors"
    state = {key: value for key, value in network.state_dict().items() if "num_batches" not in key}
    save_file({key: value.half() if value.is_floating_point() else value for key, value in state.items()}, path)
    return DemoText(i2i.choose_device("cpu", "fp32"), path)


@pytest.mark.parametrize(
    ("sentence", "words"),
    [
        ("A smiling face, with NO glasses!", ["a", "smiling", "face", "with", "no", "glasses"]),
        ("blond-haired", ["blond", "haired"]),
        (" 42 ", []),
    ],
)
def test_tokens_are_lower_case_words(sentence: str, words: list[str]) -> None:
    assert words_of(sentence) == words


def test_unknown_words_are_ignored(extractor: DemoText) -> None:
    known, more = extractor.texts(["a face with glasses", "a handsome face with 2 glasses"])
    # The same words: the same numbers, but for the order of sums in a batch.
    assert torch.allclose(known, more, atol=1e-6)


@pytest.mark.parametrize(("sentence", "unknown"), [("a smiling zebra, stripy", ["zebra", "stripy"]), ("a face", [])])
def test_unknown_lists_ignored_words(sentence: str, unknown: list[str], extractor: DemoText) -> None:
    assert extractor.unknown(sentence) == unknown and extractor.texts([sentence]).isfinite().all()


@pytest.mark.parametrize("sentence", ["zebra", "the face of a purple zebra", "", "123 ?!"])
def test_sentence_without_known_word_is_refused(sentence: str, extractor: DemoText) -> None:
    with pytest.raises(i2i.UsageError, match="beard, blond, glasses, smiling") as caught:
        extractor.texts(["a face", sentence])
    assert repr(sentence) in str(caught.value) and "\n" not in str(caught.value)
    assert str(caught.value).count(". ") == 0  # one sentence


def test_vocabulary_is_complete() -> None:
    known = ["a", "down", "face", "left", "not", "right", "smiling", "up"]
    with pytest.raises(i2i.UsageError, match=r"use: down, left, right, smiling, up\.$"):
        TextNetwork(known).read(["a zebra's face"])


def test_string_is_refused_as_list(extractor: DemoText) -> None:
    with pytest.raises(ValueError, match="takes a list of sentences"):
        extractor.texts("a face")


def test_word_order_matters_and_padding_does_not(extractor: DemoText) -> None:
    sentences = ["glasses and no beard", "beard and no glasses", "face"]
    together = extractor.texts(sentences)
    alone = torch.cat([extractor.texts([sentence]) for sentence in sentences])
    assert together.dtype == torch.float32
    assert torch.allclose(together.norm(dim=1), torch.ones(3), atol=1e-6)
    # Padded to four words or not: the same but for the order of sums.
    assert torch.allclose(together, alone, atol=1e-5)
    assert (together[0] - together[1]).abs().max() > 0.001


def test_long_sentences_are_truncated(extractor: DemoText) -> None:
    long = "no " * LENGTH
    assert torch.allclose(extractor.texts([long]), extractor.texts([long + "beard"]), atol=1e-6)


def test_file_holds_the_vocabulary(network: TextNetwork, extractor: DemoText) -> None:
    assert extractor.vocabulary == network.vocabulary == WORDS
    images, sentences = smooth(1, 2, 64, 64), ["a smiling face", "no beard"]
    with torch.no_grad():
        # Half precision keeps 11 bits of each weight; of unit vectors that leaves two digits.
        assert (extractor.images(images) * network.images(images)).sum(dim=1).min() > 0.999
        assert (extractor.texts(sentences) * network.texts(sentences)).sum(dim=1).min() > 0.999


def test_any_size_and_autocast(extractor: DemoText) -> None:
    large = smooth(2, 2, 100, 128).requires_grad_()
    vectors = extractor.images(large)
    (gradient,) = torch.autograd.grad(vectors[:, 0].sum(), large)
    assert torch.isfinite(gradient).all() and gradient.count_nonzero() > 0.99 * gradient.numel()
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        small = F.interpolate(large, (64, 64), mode="bilinear", antialias=True)
        assert torch.equal(extractor.images(small), vectors)
        assert extractor.texts(["a face"]).dtype == torch.float32
    assert vectors.shape == (2, 128) and torch.allclose(vectors.norm(dim=1), torch.ones(2), atol=1e-6)
    assert (vectors[0] - vectors[1]).abs().max() > 0.01


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...], extractor: DemoText) -> None:
    with pytest.raises(ValueError, match=r"demo-text takes images \(N, 3, H, W\)"):
        extractor.images(torch.zeros(shape))


@pytest.mark.parametrize("missing", ["word_bytes", "image.linear.weight", "text.places"])
def test_other_file_is_refused(missing: str, network: TextNetwork, tmp_path: Path) -> None:
    state = {key: value for key, value in network.state_dict().items() if key != missing}
    save_file(state, tmp_path / "wrong.safetensors")
    with pytest.raises(i2i.I2IError, match=f"lacks '{missing}'") as caught:
        DemoText(i2i.choose_device("cpu", "fp32"), tmp_path / "wrong.safetensors")
    assert str(caught.value).startswith(str(tmp_path)) and str(caught.value).endswith("again.")


def test_weights_match_the_record(network: TextNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = {"demo-text": tmp_path / "nowhere.safetensors"}
    monkeypatch.setattr(extractor_module, "record", lambda name: replace(record(name), path=places[name]))
    with pytest.raises(i2i.I2IError, match="'demo-text', is missing from its package: install"):
        DemoText(i2i.choose_device("cpu", "fp32"))
    save_file(network.state_dict(), tmp_path / "text.safetensors")
    places["demo-text"] = tmp_path / "text.safetensors"
    assert DemoText(i2i.choose_device("cpu", "fp32")).vocabulary == WORDS
    assert (DemoText.role, DemoText.domain) == (record("demo-text").role, record("demo-text").domain)
