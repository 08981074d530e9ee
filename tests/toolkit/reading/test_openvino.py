"""Networks of OpenVINO: graphs are read as plain data, and what lies or declares entities is refused."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import i2i
from i2i.toolkit.weights import read_weights

CONST = '<data element_type="f32" shape="2, 3" offset="8" size="24"/><output><port id="0"/></output>'
SOUND = f"""<?xml version="1.0"?>
<net name="small" version="10"><layers>
<layer id="0" name="x" type="Parameter" version="opset1"><data shape="1, 3" element_type="f32"/></layer>
<layer id="1" name="weight" type="Const" version="opset1">{CONST}</layer>
<layer id="2" name="y" type="MatMul" version="opset1"><data transpose_b="true"/></layer>
</layers><edges>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
</edges></net>"""
LAUGHS = """<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><net name="&c;" version="10"/>"""
OUTSIDE = (
    """<?xml version="1.0"?><!DOCTYPE net [<!ENTITY a SYSTEM "file:///etc/passwd">]><net><layers>&a;</layers></net>"""
)
VALUES = np.arange(8, dtype="<f4")


def write(folder: Path, text: str, constants: bytes = VALUES.tobytes()) -> Path:
    path = folder / "net.xml"
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".bin").write_bytes(constants)
    return path


def test_graph_is_read_as_plain_data(tmp_path: Path) -> None:
    contents = read_weights(write(tmp_path, SOUND))
    assert contents.container == "openvino" and contents.tree["name"] == "small" and contents.tree["version"] == "10"
    layers = contents.tree["layers"]
    assert list(layers) == ["0", "1", "2"] and layers["2"]["attributes"] == {"transpose_b": "true"}
    assert layers["2"]["inputs"] == {0: ("0", 0), 1: ("1", 0)} and layers["2"]["type"] == "MatMul"
    assert np.array_equal(layers["1"]["tensor"].numpy(), VALUES[2:].reshape(2, 3))
    assert "tensor" not in layers["0"]


def test_constants_may_lie_elsewhere(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND)
    elsewhere = tmp_path / "constants"
    path.with_suffix(".bin").rename(elsewhere)
    graph = path.rename(tmp_path / "graph")
    assert read_weights(graph, elsewhere).tree["layers"]["1"]["tensor"].shape == (2, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "declares a document type or entities"),
        (OUTSIDE, "declares a document type or entities"),
        (SOUND.replace("<net ", "<html "), "it is XML, but no network"),
        ("<html><body>log in</body></html>", "it is XML, but no network"),
        (SOUND[:-20], "its XML is broken"),
        (SOUND.replace('offset="8"', 'offset="12"'), "'weight' does not lie where its graph says"),
        (SOUND.replace('offset="8"', 'offset="-8"'), "'-8' where a number is needed"),
        (SOUND.replace('offset="8"', f'offset="{"9" * 30}"'), "where a number is needed"),
        (SOUND.replace('size="24"', 'size="20"'), "does not lie where its graph says"),
        (SOUND.replace('shape="2, 3"', 'shape="3, 3"'), "does not lie where its graph says"),
        (SOUND.replace('shape="2, 3"', f'shape="{", ".join(["1"] * 20)}"'), "does not lie where its graph says"),
        (
            SOUND.replace('shape="2, 3"', 'shape="0, 99999999999999999"').replace('size="24"', 'size="0"'),
            "makes no sense",
        ),
        (SOUND.replace('element_type="f32" shape="2', 'element_type="string" shape="2'), "of the kind 'string'"),
        (SOUND.replace('from-layer="1"', 'from-layer="7"'), "an edge of its graph leads nowhere"),
        (SOUND.replace('to-port="1"', 'to-port="0"'), "an edge of its graph leads nowhere, or two lead to one port"),
        (SOUND.replace('to-port="1"', 'to-port="one"'), "'one' where a number is needed"),
        (SOUND.replace('id="2" name', 'id="1" name'), "has a layer twice"),
        (SOUND.replace('name="y"', f'name="{"y" * 300}"'), "an attribute that is too long"),
        (SOUND.replace("</net>", "<a>" * 9 + "</a>" * 9 + "</net>"), "too many elements or levels"),
        (SOUND.replace("</net>", "<a/>" * 500_000 + "</net>"), "too many elements or levels"),
        (SOUND.replace("</net>", " " * 2**24 + "</net>"), "longer than 16 MB"),
    ],
    ids=lambda each: None if each.startswith("<") else each[:40],
)
def test_misleading_files_are_refused_in_one_sentence(text: str, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, text)
    tracemalloc.start()
    with pytest.raises(i2i.I2IError) as raised:
        read_weights(path)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    said = str(raised.value)
    assert message in said and said.startswith(str(path)) and "\n" not in said and len(said) < 400 + len(str(path))
    assert grown < 100 * 2**20


def test_layers_that_repeat_the_same_bytes_are_refused(tmp_path: Path) -> None:
    data = '<data element_type="u8" shape="262144" offset="0" size="262144"/>'

    def network(count: int) -> Path:
        layers = "".join(f'<layer id="{number}" name="w" type="Const">{data}</layer>' for number in range(count))
        return write(tmp_path, f'<net name="n" version="10"><layers>{layers}</layers></net>', bytes(2**18))

    assert len(read_weights(network(8)).tree["layers"]) == 8
    with pytest.raises(i2i.I2IError, match="its tensors repeat the same bytes without end"):
        read_weights(network(19))


def test_missing_or_short_constants_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND, VALUES.tobytes()[:-1])
    with pytest.raises(i2i.I2IError, match=r"or the \.bin file is cut off"):
        read_weights(path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(i2i.I2IError, match=r"needs net\.bin beside it"):
        read_weights(path)
