/* The page of what was found: layers from the ground up, one desk, and the workbench around the map; embedded or delivered by the console. */
"use strict";
(function () {
  const PICTURE = /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+\/=]+$/;

  const noticed = new Set();
  /* Says once what a page has to do without; it can be put away. */
  function notice(text) {
    if (noticed.has(text)) return;
    noticed.add(text);
    const box = vedette.element("p", "vedette-notice", text + " "), close = vedette.element("button", "small", vedette.t("Close"));
    box.setAttribute("role", "status");
    close.type = "button";
    close.addEventListener("click", () => box.remove());
    box.appendChild(close);
    document.body.appendChild(box);
  }

  function layerOf(spec) {
    return spec.tracks ? vedette.legs(spec) : vedette.geometry(spec.features, spec.style);
  }

  /* The base map from the tiles in the page, or from where its address says; nearer than its deepest zoom they are enlarged. */
  const Tiles = L.GridLayer.extend({
    createTile: function (at, done) {
      const img = vedette.element("img"), { tiles, address } = this.options, text = tiles && tiles[at.z + "/" + at.x + "/" + at.y], found = /^(png|jpeg|webp);([A-Za-z0-9+\/=]+)$/.exec(text || "");
      img.alt = "";
      if (address) { img.onload = () => done(null, img); img.onerror = () => { notice(vedette.t("The base map cannot be read any more; the rest goes on without it.")); done(null, img); }; img.src = address + "/" + at.z + "/" + at.x + "/" + at.y; return img; }
      if (found) img.src = "data:image/" + found[1] + ";base64," + found[2];
      setTimeout(() => done(null, img), 0);
      return img;
    },
  });
  function basemap(spec) {
    return new Tiles({ tiles: spec.tiles, address: spec.address, maxNativeZoom: spec.deepest, className: "vedette-basemap", attribution: vedette.element("span", "", spec.attribution).innerHTML });
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

  /* Layers with the ground by when it was seen last above the ground itself. */
  async function groundLayers(data) {
    const layers = layersOf(data);
    if (data.found.coverage) {
      const layer = await vedette.coverageLayer(data.found.coverage), more = vedette.coverageLegend(layer);
      layers.splice(layers.filter((l) => l.name === "Terrain" || l.name === "Base map").length, 0, { name: vedette.t("Ground by when it was seen last"), layer: layer, on: true, more: more });
    }
    return layers;
  }

  function drawnArea(map, desk) {
    let shown = null;
    desk.on("filter", () => {
      if (shown) shown.remove();
      shown = desk.filters.area ? L.polygon(desk.filters.area, { color: "#0b57d0", weight: 2, dashArray: "6 5", fillOpacity: 0.04, interactive: false }).addTo(map) : null;
    });
  }

  function labelled(map, title) {
    map.attributionControl.setPrefix("Leaflet");
    map.getContainer().tabIndex = 0;
    map.getContainer().setAttribute("role", "application");
    map.getContainer().setAttribute("aria-label", vedette.t("map: %(title)s", { title: title }));
  }

  /* Builds the whole page around a map; `own` is what this page has beside the others: see the workbench, and `prepare`,
     which is given the desk before anything is drawn. */
  async function openFound(map, data, own) {
    const op = await vedette.operation(data.found), desk = own.prepare ? own.prepare(op) : vedette.desk(op), layers = await groundLayers(data);
    const hits = vedette.hitsLayer(desk), things = vedette.thingsLayer(desk), grid = vedette.gridLayer();
    layers.push({ name: vedette.t("MGRS grid"), layer: grid, on: true }, { name: vedette.t("Hits"), layer: hits, on: true }, { name: vedette.t("Tracks and events"), layer: things, on: true });
    Object.assign(window.vedette, { data: data, fit: fit, desk_: desk, hits_: hits, things_: things, redraw: (now) => { for (const sheet of [grid, hits, things]) if (sheet._map) { if (now) sheet.draw(); else sheet.later(); } if (now && map._renderer && map._renderer._ctx) map._renderer._redraw(); } });
    fit(map, data);
    for (const { layer, on } of layers) if (on) layer.addTo(map);
    vedette.pick = vedette.pickingOf(map, desk, things, hits);
    map.on("click", (event) => { if (!vedette.pick(event.containerPoint, event.latlng) && !vedette.picking) desk.select(null); });
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    vedette.compass(map, []);
    vedette.cursor(map);
    drawnArea(map, desk);
    const all = () => { hits.later(); things.later(); }, tracks = () => things.later();
    desk.on("filter", all); desk.on("lent", all); desk.on("select", tracks); desk.on("rows", tracks);
    window.addEventListener("vedette-theme", () => { vedette.redraw(); desk.tell("filter"); });
    const bench = vedette.workbench(map, data, desk, layers, own);
    fit(map, data);
    vedette.followAddress(map, desk);
    return Object.assign(bench, { desk: desk, layers: layers });
  }

  Object.assign(window.vedette, { openFound: openFound, layersOf: layersOf, groundLayers: groundLayers, labelled: labelled });
})();
