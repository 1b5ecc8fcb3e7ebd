# ruff: noqa: E501 - payloads are one line each
"""Files that would make a careless reader fetch an address, read another file, or take all memory.

Each builder writes its files into a folder and returns the one that is handed over. `WEB` stands for a server that
counts requests, `SECRET` for a file that must stay unread.
"""

from __future__ import annotations

import io
import json
import sqlite3
import zipfile

import numpy as np
import rasterio
from rasterio.transform import from_origin

LINE = {"type": "LineString", "coordinates": [[9.0, 48.0], [9.1, 48.05], [9.2, 48.0]]}
KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document>{}</Document></kml>'
DRAWN = "<Placemark><LineString><coordinates>9,48 9.1,48.05</coordinates></LineString></Placemark>"


def text(name, body):
    def build(folder, web, secret):
        (folder / name).write_text(body.replace("WEB", web).replace("SECRET", str(secret)))
        return folder / name

    return build


def archive(name, members):
    def build(folder, web, secret):
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as packed:
            for member, body in members.items():
                packed.writestr(
                    member, body.replace("WEB", web).replace("SECRET", str(secret)) if isinstance(body, str) else body
                )
        return folder / name

    return build


def geojson(**more):
    return json.dumps(
        {"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": LINE}], **more}
    )


OGR_VRT = """<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/WEB/x.geojson</SrcDataSource>
</OGRVRTLayer></OGRVRTDataSource>"""
LOCAL_OGR_VRT = OGR_VRT.replace("/vsicurl/WEB/x.geojson", "SECRET")
WFS = "<OGRWFSDataSource><URL>WEB/wfs?SERVICE=WFS</URL></OGRWFSDataSource>"
GML = """<?xml version="1.0"?><ogr:FeatureCollection xmlns:gml="http://www.opengis.net/gml" xmlns:ogr="http://ogr.maptools.org/"
xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://ogr.maptools.org/ WEB/x.xsd"
xmlns:xlink="http://www.w3.org/1999/xlink"><gml:featureMember><ogr:x><gml:lineStringProperty xlink:href="WEB/a#b"/></ogr:x>
</gml:featureMember></ogr:FeatureCollection>"""
XXE = '<?xml version="1.0"?><!DOCTYPE k [<!ENTITY x SYSTEM "file://SECRET">]>' + KML.format("<name>&x;</name>" + DRAWN)
XXE_WEB = XXE.replace("file://SECRET", "WEB/x.dtd")
LAUGHS = (
    '<!DOCTYPE k [<!ENTITY a "ha">'
    + "".join(f'<!ENTITY {chr(98 + k)} "{("&" + chr(97 + k) + ";") * 10}">' for k in range(12))
    + "]>"
    + KML.format("<name>&m;</name>" + DRAWN)
)
LINKED = "<NetworkLink><Link><href>WEB/more.kml</href></Link></NetworkLink>"


def geopackage(statements, application=0x47504B47):
    def build(folder, web, secret):
        import geopandas
        import shapely

        path = folder / "x.gpkg"
        frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.LineString(LINE["coordinates"])], crs=4326)
        frame.to_file(path, driver="GPKG", layer="border", engine="pyogrio")
        base = sqlite3.connect(path)
        for statement in statements:
            base.execute(statement.replace("WEB", web).replace("SECRET", str(secret)))
        base.execute(f"PRAGMA application_id = {application}")
        base.commit()
        base.close()
        return path

    return build


VIEW = [
    "CREATE VIEW border_view AS SELECT fid, geom, gdal_get_pixel_value('/vsicurl/WEB/x.tif', 1, 'pixel', 0, 0) AS v FROM border",
    "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) VALUES ('border_view','features','v',4326)",
]


def linked_shapefile(part):
    def build(folder, web, secret):
        import geopandas
        import shapely

        frame = geopandas.GeoDataFrame({"a": [1]}, geometry=[shapely.LineString(LINE["coordinates"])], crs=4326)
        frame.to_file(folder / "x.shp", engine="pyogrio")
        (folder / f"x.{part}").unlink()
        (folder / f"x.{part}").symlink_to(secret)
        return folder / "x.shp"

    return build


VECTORS = {
    "an OGR VRT as .geojson": (text("x.geojson", OGR_VRT), "is an OGR virtual file"),
    "an OGR VRT as .kml": (text("x.kml", OGR_VRT), "is an OGR virtual file"),
    "an OGR VRT as .shp": (text("x.shp", OGR_VRT), "is an OGR virtual file"),
    "an OGR VRT as .gpkg": (text("x.gpkg", LOCAL_OGR_VRT), "is an OGR virtual file"),
    "an OGR VRT behind a comment": (text("x.kml", f"<!-- <kml> -->{OGR_VRT}"), "is an OGR virtual file"),
    "an OGR VRT called kml inside": (
        text("x.kml", f"<kml>{OGR_VRT}</kml>"), "holds no geometry|cannot be read as geometry"),
    "an OGR VRT in a ZIP": (archive("x.zip", {"a.geojson": OGR_VRT}), "is an OGR virtual file"),
    "a WFS file": (text("x.kml", WFS), "web feature service"),
    "a WFS address": (text("x.geojson", "WFS:WEB/wfs"), "is an address for another program"),
    "a path of the virtual file system": (text("x.geojson", "/vsicurl/WEB/x.geojson"), "is of an unknown kind"),
    "an address alone": (text("x.geojson", "WEB/x.geojson"), "is of an unknown kind"),
    "a KML NetworkLink": (text("x.kml", KML.format(LINKED + DRAWN)), "links to another file .NetworkLink to http"),
    "a KML NetworkLink in another namespace": (
        text("x.kml", KML.format(LINKED.replace("<NetworkLink>", '<NetworkLink xmlns="urn:x">') + DRAWN)),
        "links to another file"),
    "a KML NetworkLink to a file": (
        text("x.kml", KML.format(LINKED.replace("WEB/more.kml", "SECRET") + DRAWN)), "links to another file"),
    "a KMZ NetworkLink": (archive("x.kmz", {"doc.kml": KML.format(LINKED)}), "links to another file"),
    "a KML XXE": (text("x.kml", XXE), "declares XML entities"),
    "a KML entity on the network": (text("x.kml", XXE_WEB), "declares XML entities"),
    "a billion laughs": (text("x.kml", LAUGHS), "declares XML entities"),
    "GeoJSON with crs.link": (
        text("x.geojson", geojson(crs={"type": "link", "properties": {"href": "WEB/crs", "type": "proj4"}})),
        "links to its coordinate system"),
    "GeoJSON with crs.name an address": (
        text("x.geojson", geojson(crs={"type": "name", "properties": {"name": "WEB/crs"}})), "unknown coordinate system"),
    "GeoJSON with crs.name a grid of shifts": (
        text("x.geojson", geojson(crs={"type": "name", "properties": {"name": "+proj=longlat +nadgrids=SECRET"}})),
        "unknown coordinate system"),
    "GeoJSON with an escaped crs.link": (
        text("x.geojson", geojson(crs={"type": "link", "properties": {"href": "WEB/crs"}}).replace('"crs"', '"\\u0063rs"')),
        "links to its coordinate system"),
    "TopoJSON": (text("x.json", '{"type":"Topology","objects":{},"arcs":[],"href":"WEB/x"}'), "is TopoJSON"),
    "ESRI JSON": (
        text("x.json", '{"geometryType":"esriGeometryPolyline","features":[],"url":"WEB/x"}'), "is ESRI JSON"),
    "a GDAL pipeline": (
        text("x.json", '{"type":"gdal_streamed_alg","command_line":"gdal vector pipeline ! read /vsicurl/WEB/x ! write a"}'),
        "is a GDAL pipeline"),
    "GML with a schema elsewhere": (text("x.gml", GML), "is GML"),
    "a GeoPackage with a view": (geopackage(VIEW), "holds a view or virtual table .border_view"),
    "a GeoPackage with a virtual table": (
        geopackage(["CREATE VIRTUAL TABLE t USING fts5(x)"]), "holds a view or virtual table"),
    "an SQLite database": (geopackage([], application=0), "SQLite database that is no GeoPackage"),
    "a shapefile with a linked .dbf": (linked_shapefile("dbf"), "has a link beside it .x.dbf"),
    "a shapefile with a linked .shx": (linked_shapefile("shx"), "has a link beside it .x.shx"),
    "a shapefile with a linked .prj": (linked_shapefile("prj"), "has a link beside it .x.prj"),
    "a KMZ bomb": (archive("x.kmz", {"doc.kml": b" " * 250_000_000}), "unpacks to 250000000 bytes"),
    "a KMZ of very many files": (archive("x.kmz", {f"{k}.kml": "" for k in range(1500)}), "in 1500 files"),
    "a KMZ with ../": (archive("x.kmz", {"../doc.kml": KML.format(DRAWN)}), "names a place outside it"),
    "a ZIP in a ZIP": (
        archive("x.zip", {"y.zip": b"PK\x03\x04" + b"\x00" * 100}), "archive in an archive"),
    "a bomb of brackets": (text("x.geojson", '{"type":"LineString","coordinates":' + "[" * 1_000_000), "x.geojson "),
}  # fmt: skip


def tiff(path, *, height=100.0, tags=None, crs="EPSG:4326", **more):
    heights = np.full((40, 40), height, dtype="float32")
    place = from_origin(8.0, 50.0, 0.001, 0.001) if crs == "EPSG:4326" else from_origin(500_000, 5_540_000, 10.0, 10.0)
    with rasterio.open(
        path, "w", driver="GTiff", width=40, height=40, count=1, dtype="float32", crs=crs, transform=place, **more
    ) as raster:
        raster.write(heights, 1)
        for domain, values in (tags or {}).items():
            raster.update_tags(ns=domain, **values)
    return path


GDAL_VRT = """<VRTDataset rasterXSize="40" rasterYSize="40"><SRS>EPSG:4326</SRS>
<GeoTransform>8.0, 0.001, 0, 50.0, 0, -0.001</GeoTransform><VRTRasterBand dataType="Float32" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"""
WMS = """<GDAL_WMS><Service name="TMS"><ServerUrl>WEB/${z}/${x}/${y}.png</ServerUrl></Service><DataWindow><SizeX>512</SizeX>
<SizeY>512</SizeY></DataWindow><BandsCount>1</BandsCount></GDAL_WMS>"""
WCS = "<WCS_GDAL><ServiceURL>WEB/wcs?</ServiceURL><CoverageName>x</CoverageName></WCS_GDAL>"


def sidecar(suffix, body):
    """A sound GeoTIFF of 100 m, and beside it what GDAL would look for."""

    def build(folder, web, secret):
        path = tiff(folder / "x.tif")
        (folder / f"x.tif{suffix}").write_text(body.replace("WEB", web).replace("SECRET", str(secret)))
        return path

    return build


def tagged(tags, crs="EPSG:4326"):
    def build(folder, web, secret):
        filled = {
            d: {k: v.replace("WEB", web).replace("SECRET", str(secret)) for k, v in t.items()} for d, t in tags.items()
        }
        return tiff(folder / "x.tif", tags=filled, crs=crs)

    return build


def folder_with_link(folder, web, secret):
    (folder / "tiles").mkdir()
    tiff(folder / "tiles" / "a.tif")
    (folder / "tiles" / "b.tif").symlink_to(secret)
    return folder / "tiles"


def cut_tiff(folder, web, secret):
    path = tiff(folder / "x.tif")
    path.write_bytes(path.read_bytes()[:2000])
    return path


def huge_tiff(folder, web, secret):
    """One block of 60000 x 60000 posts: 14 GB once it is unpacked, 100 kB on disk."""
    path = folder / "x.tif"
    place = from_origin(8.0, 50.0, 1e-5, 1e-5)
    with rasterio.open(path, "w", driver="GTiff", width=60_000, height=60_000, count=1, dtype="float32", crs=4326,
                       transform=place, tiled=True, blockxsize=59_904, blockysize=59_904, compress="deflate",
                       sparse_ok=True):  # fmt: skip
        pass
    return path


RASTERS = {
    "a GDAL VRT on the network": (text("x.tif", GDAL_VRT.format("/vsicurl/WEB/x.tif")), "is a GDAL virtual file"),
    "a GDAL VRT of a local file": (text("x.tif", GDAL_VRT.format("SECRET")), "is a GDAL virtual file"),
    "a GDAL VRT by name": (text("x.vrt", GDAL_VRT.format("SECRET")), "is a GDAL virtual file"),
    "a tile index": (text("x.tif", "<GDALTileIndexDataset><IndexDataset>SECRET</IndexDataset></GDALTileIndexDataset>"),
                     "is a GDAL tile index"),
    "a TMS": (text("x.tif", WMS), "web map service .WMS, TMS"),
    "a WCS": (text("x.tif", WCS), "web coverage service"),
    "a WMTS": (text("x.tif", "<GDAL_WMTS><GetCapabilitiesUrl>WEB</GetCapabilitiesUrl></GDAL_WMTS>"), "web map tile"),
    "a STACTA": (text("x.tif", '{"stac_version":"1.0.0","assets":{},"href":"WEB/x"}'), "is a STAC catalogue"),
    "a STACTA address": (text("x.tif", 'STACTA:"WEB/x.json"'), "is an address for another program"),
    "a STACIT address": (text("x.tif", 'STACIT:"WEB/x.json":asset=a'), "is an address for another program"),
    "a TileDB address": (text("x.tif", "TILEDB:WEB/x"), "is an address for another program"),
    "a Zarr address": (text("x.tif", 'ZARR:"/vsicurl/WEB/x"'), "is an address for another program"),
    "a Zarr array": (text("x.tif", '{"zarr_format": 2, "node_type": "group"}'), "is a Zarr array"),
    "a GeoTIFF with .aux.xml": (
        sidecar(".aux.xml", "<PAMDataset><SRS>EPSG:32632</SRS><Metadata domain='OVERVIEWS'><MDI key='OVERVIEW_FILE'>"
                "/vsicurl/WEB/o.ovr</MDI></Metadata></PAMDataset>"), ""),
    "a GeoTIFF with .ovr": (sidecar(".ovr", GDAL_VRT.format("/vsicurl/WEB/x.tif")), ""),
    "a GeoTIFF with .msk": (sidecar(".msk", GDAL_VRT.format("/vsicurl/WEB/x.tif")), ""),
    "a GeoTIFF that names its overviews": (tagged({"OVERVIEWS": {"OVERVIEW_FILE": "/vsicurl/WEB/o.ovr"}}), ""),
    "a GeoTIFF that names a local file's overviews": (tagged({"OVERVIEWS": {"OVERVIEW_FILE": "SECRET"}}, "EPSG:32632"), ""),
    "a GeoTIFF with places elsewhere": (
        tagged({"GEOLOCATION": {"X_DATASET": "/vsicurl/WEB/x.tif", "Y_DATASET": "/vsicurl/WEB/y.tif", "X_BAND": "1",
                                "Y_BAND": "1", "PIXEL_OFFSET": "0", "LINE_OFFSET": "0", "PIXEL_STEP": "1", "LINE_STEP": "1"}},
               "EPSG:32632"), ""),
    "a link in a folder of tiles": (folder_with_link, "is a link, which is not followed"),
    "a GeoTIFF cut short": (cut_tiff, "cannot be read as a raster"),
    "a GeoTIFF of one huge block": (huge_tiff, "x.tif|^$"),
    "a picture": (lambda folder, web, secret: _bytes(folder / "x.tif", b"\x89PNG\r\n\x1a\n"), "a PNG picture"),
    "a database": (lambda folder, web, secret: _bytes(folder / "x.tif", b"SQLite format 3\x00"), "an SQLite database"),
    "netCDF": (lambda folder, web, secret: _bytes(folder / "x.tif", b"\x89HDF\r\n"), "HDF5 or netCDF"),
}  # fmt: skip


def _bytes(path, data):
    path.write_bytes(data + bytes(io.BytesIO(b"\x00" * 100).getvalue()))
    return path
