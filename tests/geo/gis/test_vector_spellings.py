"""How files spell letters and coordinate systems: every encoding that is promised, and what is said of mistakes."""

from __future__ import annotations

import json

import numpy as np
import pyproj
import pytest

from geo.errors import InputError
from geo.gis.door_file import read_vector

SINGLE_BYTE = ["cp437", "koi8_r", "koi8_u", "cp866", *(f"cp125{n}" for n in range(9)),
               *(f"iso8859_{n}" for n in range(1, 17) if n != 12)]  # fmt: skip
KML = (
    '<?xml version="1.0" encoding="{}"?><kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>{}</name>'
    "<LineString><coordinates>9.5,48.25 9.6,48.5</coordinates></LineString></Placemark></kml>"
)


def line(folder, coordinates, crs=None):
    document = {"type": "LineString", "coordinates": coordinates} | ({} if crs is None else {"crs": crs})
    feature = {"type": "Feature", "properties": {}, "geometry": document}
    whole = {"type": "FeatureCollection", "features": [feature]} | ({} if crs is None else {"crs": crs})
    (folder / "line.geojson").write_text(json.dumps(whole))
    return folder / "line.geojson"


@pytest.mark.parametrize("encoding", SINGLE_BYTE)
def test_a_drawing_in_any_eight_bit_encoding_is_read(encoding, tmp_path):
    """Its name has the first letter beyond ASCII that the encoding knows."""
    letter = next(c for c in (bytes([n]).decode(encoding, "replace") for n in range(0xC0, 0x100)) if c.isalpha())
    path = tmp_path / "line.kml"
    path.write_bytes(KML.format(encoding.replace("iso8859_", "ISO-8859-"), f"a{letter}").encode(encoding))
    np.testing.assert_allclose(read_vector(path).lon_lat_deg, [[9.5, 48.25], [9.6, 48.5]], atol=1e-9)


@pytest.mark.parametrize("kind", ["name", "Name"])
def test_an_old_crs_member_by_name_says_where_the_line_lies(kind, tmp_path):
    """GeoJSON of 2008, section 3: its coordinates in UTM against pyproj's."""
    east, north = pyproj.Transformer.from_crs(4326, 32632, always_xy=True).transform([9.5, 9.6], [48.25, 48.5])
    crs = {"type": kind, "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    found = read_vector(line(tmp_path, np.stack([east, north], axis=1).tolist(), crs))
    np.testing.assert_allclose(found.lon_lat_deg, [[9.5, 48.25], [9.6, 48.5]], atol=1e-7)


@pytest.mark.parametrize("name", ["/etc/hostname", "no such thing", None, 7])
def test_a_coordinate_system_of_a_strange_name_is_refused(name, tmp_path):
    with pytest.raises(InputError, match="names an unknown coordinate system"):
        read_vector(line(tmp_path, [[9.5, 48.25], [9.6, 48.5]], {"type": "name", "properties": {"name": name}}))


def test_a_coordinate_system_given_by_its_code_is_no_strange_name(tmp_path):
    """GeoJSON before 2008 gave a code instead of a name: ours or OGR's, it is never taken for degrees by mistake."""
    crs = {"type": "EPSG", "properties": {"code": 4326}}
    np.testing.assert_allclose(
        read_vector(line(tmp_path, [[9.5, 48.25], [9.6, 48.5]], crs)).lon_lat_deg, [[9.5, 48.25], [9.6, 48.5]]
    )


def test_degrees_that_are_said_to_be_metres_are_shown(tmp_path):
    crs = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}}
    with pytest.raises(InputError, match=r"look like degrees \(9\.5, 48\.25\)"):
        read_vector(line(tmp_path, [[9.5, 48.25], [9.6, 48.5]], crs))
