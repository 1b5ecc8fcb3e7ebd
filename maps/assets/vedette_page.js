/* Opens the page: reads the data as JSON and builds every layer from them. Nothing in the data is ever run or parsed as HTML. */
"use strict";
(function () {
  const PICTURE = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+\/=]+$/;

  /* Leaflet's switches write a layer's name as HTML; here it is text. */
  const Switches = L.Control.Layers.extend({
    _addItem: function (entry) {
      const label = L.Control.Layers.prototype._addItem.call(this, Object.assign({}, entry, { name: "" }));
      label.lastChild.lastChild.textContent = " " + entry.name;
      return label;
    },
  });

  function layerOf(spec) {
    return spec.tracks ? vedette.legs(spec) : vedette.geometry(spec.features, spec.style);
  }

  /* The base map from the tiles in the page; nearer than its deepest zoom they are enlarged. */
  const Tiles = L.GridLayer.extend({
    createTile: function (at) {
      const img = vedette.element("img"), text = this.options.tiles[at.z + "/" + at.x + "/" + at.y], found = /^(png|jpeg|webp);([A-Za-z0-9+\/=]+)$/.exec(text || "");
      img.alt = "";
      if (found) img.src = "data:image/" + found[1] + ";base64," + found[2];
      return img;
    },
  });
  function basemap(spec) {
    return new Tiles({ tiles: spec.tiles, maxNativeZoom: spec.deepest, className: "vedette-basemap", attribution: vedette.element("span", "", spec.attribution).innerHTML });
  }

  /* Every layer of the data from the ground up, with its name, whether it is shown at first, and its entry in the legend. */
  function layersOf(data) {
    const layers = [];
    if (data.basemap) layers.push({ name: "Base map", layer: basemap(data.basemap), on: true });
    if (data.ground && PICTURE.test(data.ground.picture)) layers.push({ name: "Terrain", layer: L.imageOverlay(data.ground.picture, data.ground.bounds, { className: "vedette-ground", alt: "shape of the ground" }), on: true });
    for (const spec of data.layers) layers.push({ name: spec.name, layer: layerOf(spec), on: spec.show, legend: (data.legend || []).find((entry) => entry.layer === spec.name) });
    return layers;
  }

  function fit(map, data) { map.fitBounds(data.frame, { padding: [24, 24], animate: false }); }

  function openMap(map, data) {
    const switches = new Switches(null, null, { collapsed: true, position: "topright" });
    for (const { name, layer, on } of layersOf(data)) { if (on) layer.addTo(map); switches.addOverlay(layer, name); }
    switches.addTo(map);
    vedette.panel(map, data);
  }

  async function openFound(map, data) {
    const op = await vedette.operation(data.found), desk = vedette.desk(op), layers = layersOf(data), hits = vedette.hitsLayer(desk), things = vedette.thingsLayer(desk), grid = vedette.gridLayer();
    if (data.found.coverage) {
      const layer = await vedette.coverageLayer(data.found.coverage);
      layers.splice(layers.filter((l) => l.name === "Terrain" || l.name === "Base map").length, 0, { name: "Ground by when it was seen last", layer: layer, on: true, more: vedette.coverageLegend(data.found.coverage) });
    }
    layers.push({ name: "MGRS grid", layer: grid, on: true }, { name: "Hits", layer: hits, on: true }, { name: "Tracks and events", layer: things, on: true });
    Object.assign(window.vedette, { data: data, fit: fit, desk_: desk, hits_: hits, things_: things, redraw: (now) => { for (const sheet of [grid, hits, things]) if (sheet._map) { if (now) sheet.draw(); else sheet.later(); } } });
    fit(map, data);
    for (const { layer, on } of layers) if (on) layer.addTo(map);
    vedette.pick = vedette.pickingOf(map, desk, things, hits);
    map.on("click", (event) => { if (!vedette.pick(event.containerPoint, event.latlng) && !vedette.picking) desk.select(null); });
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    vedette.compass(map, []);
    vedette.cursor(map);
    drawnArea(map, desk);
    for (const what of ["filter", "select"]) desk.on(what, () => vedette.redraw());
    window.addEventListener("vedette-theme", () => { vedette.redraw(); desk.tell("filter"); });
    vedette.workbench(map, data, desk, layers);
    fit(map, data);
    vedette.followAddress(map, desk);
    document.body.dataset.ready = "1";
  }

  function drawnArea(map, desk) {
    let shown = null;
    desk.on("filter", () => {
      if (shown) shown.remove();
      shown = desk.filters.area ? L.polygon(desk.filters.area, { color: "#0b57d0", weight: 2, dashArray: "6 5", fillOpacity: 0.04, interactive: false }).addTo(map) : null;
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const map = window[document.querySelector(".folium-map").id], data = JSON.parse(document.getElementById("vedette-data").textContent);
    document.title = data.title;
    map.attributionControl.setPrefix("Leaflet");
    map.getContainer().tabIndex = 0;
    map.getContainer().setAttribute("role", "application");
    map.getContainer().setAttribute("aria-label", "map: " + data.title);
    if (data.found) openFound(map, data).catch((error) => { document.body.prepend(vedette.element("p", "vedette-broken", "This page's data cannot be read: " + error.message)); });
    else { openMap(map, data); document.body.dataset.ready = "1"; }
  });
})();
