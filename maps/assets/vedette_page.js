/* Opens the offline page: reads the data as JSON and builds every layer from them. Nothing in the data is ever run or parsed as HTML. */
"use strict";
(function () {
  /* Leaflet's switches write a layer's name as HTML; here it is text. */
  const Switches = L.Control.Layers.extend({
    _addItem: function (entry) {
      const label = L.Control.Layers.prototype._addItem.call(this, Object.assign({}, entry, { name: "" }));
      label.lastChild.lastChild.textContent = " " + entry.name;
      return label;
    },
  });

  function openMap(map, data) {
    const switches = new Switches(null, null, { collapsed: true, position: "topright" });
    for (const { name, layer, on } of vedette.layersOf(data)) { if (on) layer.addTo(map); switches.addOverlay(layer, name); }
    const grid = vedette.gridLayer();
    grid.addTo(map);
    switches.addOverlay(grid, vedette.t("MGRS grid"));
    switches.addTo(map);
    vedette.panel(map, data);
    vedette.cursor(map);
    vedette.redraw = () => { grid.draw(); if (map._renderer && map._renderer._ctx) map._renderer._redraw(); };
    vedette.printedPlan(map, data);
  }

  /* What the first picture did not need, and what it changes in what is shown by then. */
  async function complete(desk) {
    await desk.op.complete();
    if (desk.filters.near !== null) desk.set({});
    desk.tell("rows", true);
    desk.tell("pictures", true);
    if (desk.selected !== null) vedette.redraw();
  }

  /* Runs behind what the first picture needs, while a browser still reads the rest of the page. */
  function openPage() {
    const map = window[document.querySelector(".folium-map").id], data = JSON.parse(document.getElementById("vedette-data").textContent), ready = () => { document.body.dataset.ready = "1"; };
    document.title = data.title;
    vedette.labelled(map, data.title);
    if (!data.found) { openMap(map, data); ready(); return; }
    vedette.openFound(map, data, { help: [], act: {} }).then(async ({ desk }) => {
      await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
      performance.mark("painted");
      await complete(desk);
      ready();
    }).catch((error) => { document.body.prepend(vedette.element("p", "vedette-broken", vedette.t("This page's data cannot be read: %(why)s", { why: error.message }))); });
  }

  vedette.openPage = openPage;
})();
