/* The quiet style of vector tiles, for the page's scripts and for maps/quiet_style.py, which reads it as JSON: colours, and the names that
   three schemas in wide use give to what is drawn (OpenMapTiles, Protomaps' basemap, Shortbread). Sizes are pixels of a tile of `side_px`. */
"use strict";
window.vedette.quietStyle = {
  "side_px": 512,
  "ground": "#f4f3ee", "text": "#5b6166", "halo": "#fbfaf7",
  "fills": {"wooded": "#dfe8d6", "green": "#ebefe2", "built": "#e9e6e1", "water": "#cbdde8", "building": "#dbd6cf"},
  "layers": {
    "grounds": ["landcover", "landuse", "land", "natural", "park", "sites", "pois"],
    "waters": ["water", "ocean", "water_polygons"],
    "buildings": ["building", "buildings"],
    "waterways": ["waterway", "water_lines", "physical_line", "water"],
    "ways": ["transportation", "roads", "streets"],
    "bounds": ["boundary", "boundaries"],
    "places": ["place", "places", "place_labels"]
  },
  "kinds": {
    "wooded": ["wood", "forest", "nature_reserve", "park", "scrub", "orchard", "national_park", "trees"],
    "green": ["grass", "grassland", "meadow", "farmland", "farm", "heath", "wetland", "vineyard", "garden"],
    "built": ["residential", "commercial", "industrial", "retail", "urban_area", "suburb", "neighbourhood"],
    "river": ["river", "canal"],
    "wide": ["motorway", "trunk", "primary", "highway", "major_road", "secondary"],
    "middle": ["tertiary", "minor", "minor_road", "residential", "unclassified", "living_street"],
    "rail": ["rail", "transit", "light_rail", "narrow_gauge", "subway", "tram"],
    "not_drawn": ["ferry", "aeroway", "path_construction"]
  },
  "kind_tags": ["class", "kind", "pmap:kind", "subclass"],
  "strokes": {
    "river": {"colour": "#a9c6d8", "px": 2.5}, "stream": {"colour": "#a9c6d8", "px": 1.2},
    "wide_edge": {"colour": "#c3bdb3", "px": 6.0}, "middle_edge": {"colour": "#c3bdb3", "px": 4.0},
    "wide": {"colour": "#ffffff", "px": 4.0}, "middle": {"colour": "#ffffff", "px": 2.4},
    "rail": {"colour": "#a7a7ab", "px": 1.6, "dash_px": 9.0}, "path": {"colour": "#b9ac98", "px": 1.3, "dash_px": 6.0},
    "bound": {"colour": "#8d7f97", "px": 2.2, "dash_px": 14.0}
  },
  "places": ["city", "town", "village", "locality", "hamlet", "suburb"],
  "place_px": [26, 22, 19, 17, 17, 17],
  "place_tags": ["class", "kind_detail", "kind", "pmap:kind"]
};
