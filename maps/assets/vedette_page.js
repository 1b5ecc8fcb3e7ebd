/* Opens the page: reads the data as JSON and builds every layer from them. Nothing in the data is ever run or parsed as HTML. */
"use strict";
(function () {
  const PICTURE = /^data:image\/png;base64,[A-Za-z0-9+\/=]+$/;

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

  function open(map, data) {
    document.title = data.title;
    const switches = new Switches(null, null, { collapsed: true, position: "topright" });
    const add = (layer, name, show) => { if (show) layer.addTo(map); switches.addOverlay(layer, name); };
    if (data.ground && PICTURE.test(data.ground.picture)) add(L.imageOverlay(data.ground.picture, data.ground.bounds), "Terrain", true);
    for (const spec of data.layers) add(layerOf(spec), spec.name, spec.show);
    if (data.hits) {
      vedette.shown = vedette.hits(data.hits);
      add(vedette.shown, "Hits (" + data.hits.count + ")", true);
    }
    switches.addTo(map);
    vedette.panel(map, data, vedette.shown);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const map = window[document.querySelector(".folium-map").id];
    open(map, JSON.parse(document.getElementById("vedette-data").textContent));
  });
})();
