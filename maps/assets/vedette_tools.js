/* Tools of the map: cursor coordinates, the MGRS grid, measuring, drawing an area, and the ground's age since it was seen. */
"use strict";
(function () {
  /* A control with the place under the cursor (or the middle of the map where there is no cursor). */
  function cursor(map) {
    const control = L.control({ position: "bottomright" });
    control.onAdd = function () {
      const box = vedette.element("div", "vedette-panel vedette-cursor mono", "");
      const show = (at) => { const here = L.latLng(at).wrap(); box.textContent = (vedette.mgrsText(here.lat, here.lng) || "") + "  " + here.lat.toFixed(5) + ", " + here.lng.toFixed(5); };
      map.on("mousemove", (event) => show(event.latlng));
      map.on("moveend", () => show(map.getCenter()));
      show(map.getCenter());
      return box;
    };
    return control.addTo(map);
  }

  const STEPS_M = [100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000];

  /* Place of a UTM coordinate, by three steps of Newton from the middle of the map: exact to the millimetre within a zone. */
  function backTo(zone, east, north, guess) {
    let [lat, lon] = guess;
    for (let turn = 0; turn < 4; turn++) {
      const at = vedette.utm(lat, lon, zone), up = vedette.utm(lat + 1e-5, lon, zone), right = vedette.utm(lat, lon + 1e-5, zone);
      const a = (up.east - at.east) * 1e5, b = (right.east - at.east) * 1e5, c = (up.north - at.north) * 1e5, d = (right.north - at.north) * 1e5, det = a * d - b * c;
      const de = east - at.east, dn = north - at.north;
      lat += (d * de - b * dn) / det;
      lon += (a * dn - c * de) / det;
    }
    return [lat, lon];
  }

  /* The grid of the zone in the middle of the map, as lines labelled with their kilometres. */
  const Grid = vedette.Sheet.extend({
    initialize: function () { this.desk = null; },
    paint: function (view) {
      const map = this._map, middle = map.getCenter().wrap(), turn = map.getCenter().lng - middle.lng;
      if (Math.abs(middle.lat) > 80 || view.mpp > 400) return;
      const zone = vedette.zoneOf(middle.lat, middle.lng), step = STEPS_M.find((s) => s / view.mpp > 110) || 100000, here = [middle.lat, middle.lng];
      const corners = [[0, 0], [view.w, 0], [view.w, view.h], [0, view.h]].map((p) => { const at = map.containerPointToLatLng(p); return vedette.utm(at.lat, at.lng - turn, zone); });
      const e0 = Math.min(...corners.map((c) => c.east)), e1 = Math.max(...corners.map((c) => c.east)), n0 = Math.min(...corners.map((c) => c.north)), n1 = Math.max(...corners.map((c) => c.north));
      const pen = view.pen, dark = vedette.theme && vedette.theme() === "dark", ink = dark ? "#b9c4cf" : "#37474f";
      const point = (e, n) => { const [lat, lon] = backTo(zone, e, n, here); return map.latLngToContainerPoint([lat, lon + turn]); };
      pen.strokeStyle = ink; pen.globalAlpha = 0.35; pen.lineWidth = 1;
      const named = [];
      const run = (from, to, at, name) => {
        pen.beginPath();
        for (let k = 0; k <= 8; k++) { const p = at(from + (to - from) * k / 8); if (k) pen.lineTo(p.x, p.y); else pen.moveTo(p.x, p.y); }
        pen.stroke();
        named.push(name);
      };
      for (let e = Math.ceil(e0 / step) * step; e <= e1; e += step) run(n0, n1, (n) => point(e, n), { p: point(e, n0 + (n1 - n0) * 0.02), e: e });
      for (let n = Math.ceil(n0 / step) * step; n <= n1; n += step) run(e0, e1, (e) => point(e, n), { p: point(e0 + (e1 - e0) * 0.02, n), n: n });
      pen.globalAlpha = 1; pen.font = "11px system-ui, sans-serif"; pen.textAlign = "left"; pen.textBaseline = "bottom"; pen.lineWidth = 3; pen.strokeStyle = dark ? "rgba(10,14,18,.8)" : "rgba(255,255,255,.85)"; pen.fillStyle = ink;
      for (const { p, e, n } of named) {
        const value = (e === undefined ? n : e) / 1000 % 100, text = step < 1000 ? value.toFixed(1) : String(Math.round(value)).padStart(2, "0");
        const x = e === undefined ? 4 : p.x + 3, y = e === undefined ? p.y - 2 : view.h - 4;
        pen.strokeText(text, x, y); pen.fillText(text, x, y);
      }
    },
  });

  /* Clicks become corners until the tool is ended with Enter, a double click, or Escape. */
  function picker(map, name, finish, draw) {
    const points = [], line = (draw === "area" ? L.polygon : L.polyline)([], { color: "#0b57d0", weight: 3, dashArray: "6 5", interactive: false }).addTo(map), said = vedette.element("div", "vedette-hint", name);
    said.setAttribute("role", "status");
    map.getContainer().appendChild(said);
    map.getContainer().classList.add("vedette-picking");
    map.doubleClickZoom.disable();
    const add = (event) => { points.push(event.latlng); line.setLatLngs(points); tell(); };
    const tell = (extra) => {
      let metres = 0, last = null;
      const way = extra ? [...points, extra] : points;
      for (let k = 1; k < way.length; k++) { last = vedette.geodesic(way[k - 1].lat, way[k - 1].lng, way[k].lat, way[k].lng); metres += last.metres; }
      if (draw === "line" && way.length > 1) said.textContent = vedette.metresText(metres) + (way.length > 2 ? " " + vedette.t("in all, last leg %(leg)s", { leg: vedette.metresText(last.metres) }) : "") + " " + vedette.t("towards %(bearing)s. Enter or Esc ends.", { bearing: vedette.bearingText(last.bearing) });
    };
    const move = (event) => tell(event.latlng);
    const end = (done) => {
      map.off("click", add); map.off("mousemove", move); map.off("dblclick", doubled);
      document.removeEventListener("keydown", key, true);
      map.getContainer().classList.remove("vedette-picking");
      map.doubleClickZoom.enable();
      said.remove(); line.remove();
      vedette.picking = null;
      if (done) finish(points);
    };
    /* For the keyboard: space sets a corner where the cross in the middle of the map is. */
    const key = (event) => {
      if (event.key === "Escape") end(false);
      else if (event.key === "Enter") end(true);
      else if (event.key === " ") add({ latlng: map.getCenter() });
      else return;
      event.preventDefault(); event.stopPropagation();
    };
    const doubled = () => { points.pop(); end(true); };
    map.on("click", add); map.on("mousemove", move); map.on("dblclick", doubled);
    document.addEventListener("keydown", key, true);
    if (vedette.picking) vedette.picking(false);
    vedette.picking = end;
    map.getContainer().focus();
  }

  function measure(map) { picker(map, vedette.t("Click places to measure between them (space: the middle of the map). Enter or Esc ends."), () => {}, "line"); }

  function drawArea(map, desk) {
    picker(map, vedette.t("Click the corners of an area (space: the middle of the map); Enter closes it, Esc leaves it."), (points) => {
      if (points.length > 2) desk.set({ area: points.map((p) => [Math.round(p.lat * 1e6) / 1e6, Math.round(p.wrap().lng * 1e6) / 1e6]) });
    }, "area");
  }

  /* Steps of age, from just seen to long ago; light to dark blue (Okabe and Ito's blue), read also without colours. */
  const AGES = [[0, 86, 180, 233], [0.25, 56, 140, 200], [0.5, 20, 100, 165], [0.75, 8, 66, 120], [1, 4, 36, 72]];
  function ageColour(share) {
    let k = 0;
    while (k + 2 < AGES.length && share > AGES[k + 1][0]) k++;
    const [a, ...from] = AGES[k], [b, ...to] = AGES[k + 1], part = Math.min(1, Math.max(0, (share - a) / (b - a)));
    return from.map((v, c) => Math.round(v + (to[c] - v) * part));
  }

  /* Ground by the time since it was seen last; ground between two samples is hatched. `since` seconds have gone by
     since the grid's own end: a page that stays open while time goes on says how old the ground is by now. */
  function paintAges(layer, since) {
    const { cells, spec } = layer, canvas = vedette.element("canvas"), w = spec.columns, h = spec.rows, fine = 2;
    canvas.width = w * fine; canvas.height = h * fine;
    const pen = canvas.getContext("2d"), picture = pen.createImageData(w * fine, h * fine), oldest = Math.max(spec.oldest_s + since, 1);
    for (let i = 0; i < w * h; i++) {
      if (!cells.kind[i]) continue;
      const [r, g, b] = ageColour((cells.age[i] + since) / oldest), x = i % w * fine, y = Math.floor(i / w) * fine;
      for (let dy = 0; dy < fine; dy++) for (let dx = 0; dx < fine; dx++) {
        const at = ((y + dy) * w * fine + x + dx) * 4;
        picture.data[at] = r; picture.data[at + 1] = g; picture.data[at + 2] = b;
        picture.data[at + 3] = cells.kind[i] === 1 ? 118 : (dx + dy) % 2 ? 92 : 0;
      }
    }
    pen.putImageData(picture, 0, 0);
    layer.since = since;
    layer.setUrl(canvas.toDataURL("image/png"));
    if (layer.told) layer.told();
  }

  const BLANK = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";
  async function coverageLayer(coverage) {
    const layer = L.imageOverlay(BLANK, coverage.bounds, { className: "vedette-coverage", alt: vedette.t("ground by the time since it was seen") });
    layer.renew = async (grid) => {
      layer.cells = await vedette.columns(grid.cells);
      layer.spec = grid;
      layer.setBounds(L.latLngBounds(grid.bounds));
      paintAges(layer, layer.since || 0);
    };
    layer.paint = (since) => paintAges(layer, since);
    await layer.renew(coverage);
    return layer;
  }

  Object.assign(window.vedette, { cursor: cursor, gridLayer: () => new Grid(), measure: measure, drawArea: drawArea, coverageLayer: coverageLayer, ageColour: ageColour });
})();
