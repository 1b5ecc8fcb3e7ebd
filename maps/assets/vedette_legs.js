/* Flights drawn from columns, the compass with the wind, and the summary of a plan. Text reaches the page as textContent. */
"use strict";
(function () {
  const NAMES = { transit: "transit", work: "work", turn: "turn", return: "return", failsafe: "failsafe way" };

  function unstep(steps) {
    const values = [];
    let sum = 0;
    for (const step of steps) { sum += step; values.push(sum * 1e-6); }
    return values;
  }

  function range(pair, unit) {
    if (pair[0] === null || pair[1] === null) return null;
    return (pair[0] === pair[1] ? String(pair[0]) : pair[0] + " to " + pair[1]) + " " + unit;
  }

  function clock(seconds) {
    const s = Math.round(seconds);
    return Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0");
  }

  function rowsOf(track, chain, i) {
    const rows = [["leg", chain.item ? "to item " + chain.item[i] : (chain.first + i + 1) + " of " + track.count + ", " + NAMES[chain.kind]]];
    const add = (name, value) => { if (value !== null) rows.push([name, value]); };
    const both = (column) => column ? column.slice(2 * i, 2 * i + 2) : [null, null];
    const one = (column) => column ? column[i] : null;
    const speed = one(chain.speed), battery = one(chain.battery), [from, to] = both(chain.time);
    add("height", range(both(chain.alt), "m AMSL"));
    add("above ground", range(both(chain.agl), "m"));
    add("speed", speed === null || (speed === 0 && chain.kind !== "work") ? null : speed.toFixed(1) + " m/s");
    add("time", from === null || to === null ? null : clock(from) + " to " + clock(to) + " after take-off");
    add("battery after", battery === null ? null : battery + " %");
    return rows.concat(track.rows);
  }

  function nearestLeg(map, points, latlng) {
    const at = map.latLngToLayerPoint(latlng);
    let best = 0, least = Infinity;
    for (let i = 0; i + 1 < points.length; i++) {
      const d = L.LineUtil.pointToSegmentDistance(at, map.latLngToLayerPoint(points[i]), map.latLngToLayerPoint(points[i + 1]));
      if (d < least) { least = d; best = i; }
    }
    return best;
  }

  function lineOf(track, chain, styles) {
    const lat = unstep(chain.lat), lon = unstep(chain.lon);
    const points = lat.map((value, i) => L.latLng(value, lon[i]));
    const line = L.polyline(points, Object.assign({ color: track.colour, opacity: 0.95, smoothFactor: 1.5 }, styles[chain.kind]));
    line.on("click", (event) => {
      L.DomEvent.stopPropagation(event);
      if (vedette.pick && vedette.pick(event.containerPoint)) return;
      const map = event.target._map, i = nearestLeg(map, points, event.latlng);
      vedette.popup(map, event.latlng, track.name, rowsOf(track, chain, i));
    });
    return line;
  }

  /* Lines are made when their layer is first shown: what nobody looks at costs nothing. */
  const Legs = L.LayerGroup.extend({
    onAdd: function (map) {
      if (!this.made) {
        this.made = true;
        for (const track of this.spec.tracks) for (const chain of track.chains) this.addLayer(lineOf(track, chain, this.spec.styles));
      }
      L.LayerGroup.prototype.onAdd.call(this, map);
    },
  });

  function legs(spec) {
    const group = new Legs();
    group.spec = spec;
    return group;
  }

  const SVG = "http://www.w3.org/2000/svg";
  function shape(tag, attributes, parent) {
    const node = document.createElementNS(SVG, tag);
    for (const name in attributes) node.setAttribute(name, attributes[name]);
    if (parent) parent.appendChild(node);
    return node;
  }

  function arrow(degrees, colour, letter) {
    const svg = shape("svg", { width: 30, height: 30, viewBox: "-15 -15 30 30", "aria-hidden": "true" });
    const turned = shape("g", { transform: "rotate(" + Number(degrees) + ")" }, svg);
    shape("path", { d: "M0 -13 L6 2 L0 -2 L-6 2 Z M0 -2 L0 13", fill: colour, stroke: colour, "stroke-width": 2 }, turned);
    if (letter) shape("text", { x: 8, y: -4, "font-size": 11, "font-weight": 700, fill: "currentColor" }, svg).textContent = letter;
    return svg;
  }

  /* North is up on every map of ours; the arrows show where the wind blows to. */
  function compass(map, winds) {
    const control = L.control({ position: "bottomright" });
    control.onAdd = function () {
      const box = vedette.element("div", "vedette-panel vedette-compass");
      box.appendChild(arrow(0, "currentColor", "N"));
      for (const wind of winds.slice(0, 6)) {
        const row = vedette.element("div", "wind");
        if (wind.speed_mps > 0) row.appendChild(arrow((Number(wind.from_deg) + 180) % 360, "#0072B2"));
        row.appendChild(vedette.element("span", "", wind.text));
        box.appendChild(row);
      }
      if (winds.length > 6) box.appendChild(vedette.element("span", "", "and " + (winds.length - 6) + " more"));
      L.DomEvent.disableClickPropagation(box);
      return box;
    };
    control.addTo(map);
  }

  /* Title, verdict and the numbers of a plan: open on a screen, folded to its title and verdict on a phone. */
  function summary(box, spec) {
    const fold = vedette.element("details", "");
    fold.open = window.innerWidth > 640;
    const head = vedette.element("summary", "");
    head.appendChild(vedette.element("span", "vedette-title", spec.title));
    head.appendChild(vedette.element("div", "verdict " + (spec.verdict.good ? "good" : "bad"), spec.verdict.text));
    fold.appendChild(head);
    const list = vedette.element("dl", "");
    for (const [name, value] of spec.summary) {
      list.appendChild(vedette.element("dt", "", name));
      list.appendChild(vedette.element("dd", "", value));
    }
    fold.appendChild(list);
    for (const line of spec.remarks || []) fold.appendChild(vedette.element("div", "note", line));
    box.appendChild(fold);
  }

  Object.assign(window.vedette, { legs: legs, compass: compass, summary: summary });
})();
