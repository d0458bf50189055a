from __future__ import annotations

import pytest

from biomero.domain import units
from biomero.domain.imaging import Quantity
from biomero.domain.ome_xml import parse_ome_xml

XML = """<?xml version="1.0"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/{version}">
  <Image ID="Image:0" Name="cells"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="float"
    SizeX="5" SizeY="4" SizeZ="3" SizeC="2" SizeT="1"
    PhysicalSizeX="0.5" TimeIncrement="2" TimeIncrementUnit="min">
    <Channel ID="Channel:0:0" Name="DAPI" Color="-16776961"/><Channel ID="Channel:0:1"/>
    <TiffData IFD="0"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>
    <TiffData IFD="1"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData></Pixels></Image>
  <Image ID="Image:1"><Pixels ID="Pixels:1" DimensionOrder="XYCZT" Type="uint8"
    SizeX="5" SizeY="4" SizeZ="1" SizeC="3" SizeT="1">
    <Channel ID="Channel:1:0" SamplesPerPixel="3"/></Pixels></Image>
</OME>"""


@pytest.mark.parametrize("version", ["2008-02", "2011-06", "2016-06"])
def test_sizes_units_and_channels_are_read_from_any_version(version: str) -> None:
    cells, picture = parse_ome_xml(XML.format(version=version)).images
    assert cells.name == "cells"
    assert cells.sizes == {"t": 1, "c": 2, "z": 3, "y": 4, "x": 5}
    assert cells.dtype == "float32"
    assert cells.scale == {
        "x": Quantity(value=0.5, unit="micrometer"),
        "t": Quantity(value=2.0, unit="minute"),
    }
    assert [(c.name, c.color) for c in cells.channels] == [("DAPI", "FF0000"), (None, None)]
    assert not cells.is_rgb
    assert picture.is_rgb


def test_the_files_of_a_set_are_named_once() -> None:
    assert parse_ome_xml(XML.format(version="2016-06")).file_names == ("a.ome.tif",)


@pytest.mark.parametrize(
    "text",
    ["", "<OME>", "<OME><Image/></OME>", '<OME><Image><Pixels SizeX="many"/></Image></OME>'],
)
def test_what_is_not_ome_xml_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_ome_xml(text)


@pytest.mark.parametrize("symbol", ["µm", "μm", "um", "micron", " µm "])
def test_micrometres_are_written_in_several_ways(symbol: str) -> None:
    assert units.length(2, symbol) == Quantity(value=2, unit="micrometer")


@pytest.mark.parametrize(
    ("value", "symbol"), [(0, "µm"), (-1, "µm"), (float("nan"), "µm"), (1, "pixel"), (1, "")]
)
def test_what_says_nothing_is_no_length(value: float, symbol: str) -> None:
    assert units.length(value, symbol) is None
