/* Tracks with arrows and labels, events, and what is selected with its ellipses, on one canvas above the hits. */
"use strict";
(function () {
  const ARROW_PX = 90, LABEL_MPP = 12, BUNCH_PX = 30, REACH_PX = 14, ELLIPSES = 60;

  function paths(pen, op, i, view) {
    const { x, y } = op.points, list = [];
    for (let k = op.start[i]; k < op.start[i + 1]; k++) {
      if (!Number.isNaN(x[k]) && !Number.isNaN(y[k])) list.push([x[k] * view.scale - view.ox, y[k] * view.scale - view.oy]);
    }
    return list;
  }

  function trace(pen, points) {
    pen.beginPath();
    points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
  }

  function arrowhead(pen, x, y, angle, size) {
    pen.save();
    pen.translate(x, y); pen.rotate(angle);
    pen.beginPath(); pen.moveTo(size, 0); pen.lineTo(-size * 0.8, size * 0.75); pen.lineTo(-size * 0.35, 0); pen.lineTo(-size * 0.8, -size * 0.75); pen.closePath();
    pen.restore();
  }

  /* The shape of a class tells it without colour: circle, square, triangle, diamond, in turn. */
  function symbol(pen, mark, x, y, r) {
    pen.beginPath();
    if (mark % 4 === 0) pen.arc(x, y, r, 0, 2 * Math.PI);
    else if (mark % 4 === 1) pen.rect(x - r * 0.88, y - r * 0.88, r * 1.76, r * 1.76);
    else if (mark % 4 === 2) { pen.moveTo(x, y - r * 1.2); pen.lineTo(x + r * 1.1, y + r * 0.8); pen.lineTo(x - r * 1.1, y + r * 0.8); pen.closePath(); }
    else { pen.moveTo(x, y - r * 1.25); pen.lineTo(x + r * 1.25, y); pen.lineTo(x, y + r * 1.25); pen.lineTo(x - r * 1.25, y); pen.closePath(); }
  }

  /* What the sign of an event looks like: those that cross or enter are told apart from the rest. */
  function signOf(kind) {
    return /crossing/.test(kind) ? "⇄" : /entering/.test(kind) ? "→" : /leaving/.test(kind) ? "←" : /several/.test(kind) ? "⁂" : /standing/.test(kind) ? "■" : /turning/.test(kind) ? "↶" : "·";
  }
  /* Events that say only how watching ended stand in the card, and are not marked: every track has one. */
  function minor(kind) { return /left the view|lost in view/.test(kind); }

  const Things = vedette.Sheet.extend({
    paint: function (view) {
      const { op, shown, selected } = this.desk;
      this.view = view;
      this.placed = [];
      this.bunches = [];
      this.taken = [];
      this.halo = vedette.theme && vedette.theme() === "dark" ? "rgba(10,14,18,.85)" : "rgba(255,255,255,.92)";
      this.ink = vedette.theme && vedette.theme() === "dark" ? "#e6edf3" : "#1b1f24";
      for (let i = 0; i < op.count; i++) if (shown.things[i]) this._place(view, i);
      const bunched = this._bunch(view);
      for (const one of this.placed) if (!bunched.has(one.i) && one.i !== selected) this._track(view, one, false);
      for (const bunch of this.bunches) this._count(view, bunch);
      for (const one of this.placed) if (one.i === selected) this._track(view, one, true);
      this._events(view);
      this._selection(view);
      if (view.mpp < LABEL_MPP) for (const one of this.placed) if (!bunched.has(one.i)) this._label(view, one);
    },
    _place: function (view, i) {
      const { op } = this.desk, points = paths(view.pen, op, i, view);
      let at = points[points.length - 1];
      if (!at) {
        if (Number.isNaN(op.things.x[i]) || Number.isNaN(op.things.y[i])) return;
        at = [op.things.x[i] * view.scale - view.ox, op.things.y[i] * view.scale - view.oy];
      }
      if (points.length > 1 || (at[0] > -20 && at[1] > -20 && at[0] < view.w + 20 && at[1] < view.h + 20)) {
        let west = Infinity, east = -Infinity, north = Infinity, south = -Infinity;
        for (const [x, y] of points.length ? points : [at]) { west = Math.min(west, x); east = Math.max(east, x); north = Math.min(north, y); south = Math.max(south, y); }
        if (east < -20 || south < -20 || west > view.w + 20 || north > view.h + 20) return;
        this.placed.push({ i: i, points: points, at: at, reach: Math.hypot(east - west, south - north) });
      }
    },
    /* Tracks too short to tell and too close to tell apart stand as one with their number. */
    _bunch: function (view) {
      const cells = new Map(), bunched = new Set();
      if (view.mpp < 1.2) return bunched;
      for (const one of this.placed) {
        if (one.reach > BUNCH_PX || one.i === this.desk.selected) continue;
        const key = Math.floor(one.at[0] / BUNCH_PX) + ":" + Math.floor(one.at[1] / BUNCH_PX);
        if (!cells.has(key)) cells.set(key, []);
        cells.get(key).push(one);
      }
      for (const list of cells.values()) {
        if (list.length < 3) continue;
        const x = list.reduce((sum, one) => sum + one.at[0], 0) / list.length, y = list.reduce((sum, one) => sum + one.at[1], 0) / list.length;
        this.bunches.push({ list: list, x: x, y: y, r: 11 + Math.min(9, Math.log2(list.length) * 2) });
        for (const one of list) bunched.add(one.i);
      }
      return bunched;
    },
    _count: function (view, bunch) {
      const pen = view.pen;
      pen.beginPath(); pen.arc(bunch.x, bunch.y, bunch.r, 0, 2 * Math.PI);
      pen.fillStyle = "#1f3a5f"; pen.fill(); pen.lineWidth = 2; pen.strokeStyle = "#fff"; pen.stroke();
      pen.fillStyle = "#fff"; pen.font = "700 12px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.fillText(String(bunch.list.length), bunch.x, bunch.y + 0.5);
      this.taken.push([bunch.x - bunch.r, bunch.y - bunch.r, bunch.x + bunch.r, bunch.y + bunch.r]);
    },
    _track: function (view, one, chosen) {
      const { op, marked } = this.desk, pen = view.pen, cls = op.things.class[one.i], picked = marked.has(one.i), colour = op.data.classes[cls].colour, dismissed = op.data.decisions[op.things.decision[one.i]] === "dismissed";
      pen.lineJoin = pen.lineCap = "round";
      pen.globalAlpha = dismissed ? 0.45 : 1;
      if (one.points.length > 1) {
        trace(pen, one.points);
        pen.lineWidth = chosen ? 9 : picked ? 8 : 6; pen.strokeStyle = chosen ? "#ffd33d" : picked ? "#8e24aa" : this.halo; pen.stroke();
        trace(pen, one.points);
        pen.lineWidth = chosen ? 3.5 : 2.6; pen.strokeStyle = colour; pen.stroke();
        this._arrows(pen, one.points, colour);
      }
      symbol(pen, op.data.classes[cls].mark, one.at[0], one.at[1], chosen ? 8 : 6.5);
      pen.fillStyle = colour; pen.fill();
      pen.lineWidth = chosen || picked ? 3 : 2; pen.strokeStyle = chosen ? "#ffd33d" : picked ? "#8e24aa" : this.halo; pen.stroke();
      if (op.data.decisions[op.things.decision[one.i]] === "confirmed") { pen.beginPath(); pen.arc(one.at[0], one.at[1], 2.4, 0, 2 * Math.PI); pen.fillStyle = "#fff"; pen.fill(); }
      pen.globalAlpha = 1;
      this.taken.push([one.at[0] - 8, one.at[1] - 8, one.at[0] + 8, one.at[1] + 8]);
    },
    _arrows: function (pen, points, colour) {
      let along = ARROW_PX / 2;
      for (let k = 1; k < points.length; k++) {
        const [x0, y0] = points[k - 1], [x1, y1] = points[k], length = Math.hypot(x1 - x0, y1 - y0);
        if (length < 2) { along -= length; continue; }
        const angle = Math.atan2(y1 - y0, x1 - x0);
        for (; along <= length; along += ARROW_PX) {
          arrowhead(pen, x0 + (x1 - x0) * along / length, y0 + (y1 - y0) * along / length, angle, 6.5);
          pen.fillStyle = colour; pen.fill(); pen.lineWidth = 1.2; pen.strokeStyle = this.halo; pen.stroke();
        }
        along -= length;
      }
    },
    _label: function (view, one) {
      const { op } = this.desk, pen = view.pen, p = op.things.existence[one.i], name = op.data.classes[op.things.class[one.i]].name;
      const text = (name.length > 18 ? name.slice(0, 17) + "…" : name) + (Number.isNaN(p) ? "" : " " + p.toFixed(2));
      pen.font = "600 12px system-ui, sans-serif"; pen.textAlign = "left"; pen.textBaseline = "middle";
      const width = pen.measureText(text).width;
      for (const [dx, dy] of [[11, 0], [-11 - width, 0], [-width / 2, -16], [-width / 2, 16]]) {
        const x = one.at[0] + dx, y = one.at[1] + dy, box = [x - 2, y - 8, x + width + 2, y + 8];
        if (box[0] < 0 || box[2] > view.w || this.taken.some((t) => t[0] < box[2] && t[2] > box[0] && t[1] < box[3] && t[3] > box[1])) continue;
        this.taken.push(box);
        pen.lineWidth = 3.5; pen.lineJoin = "round"; pen.strokeStyle = this.halo; pen.strokeText(text, x, y);
        pen.fillStyle = this.ink; pen.fillText(text, x, y);
        return;
      }
    },
    _events: function (view) {
      const { op, shown } = this.desk, pen = view.pen;
      this.signs = [];
      op.events.forEach((event, k) => {
        if (!shown.events[k] || event.lat === null || minor(event.kind)) return;
        const p = this._map.latLngToContainerPoint([event.lat, op.seam && event.lon < 0 ? event.lon + 360 : event.lon]), x = p.x + 12, y = p.y - 12;
        if (x < 0 || y < 0 || x > view.w || y > view.h || this.signs.some((s) => Math.hypot(s.x - x, s.y - y) < 12)) return;
        this.signs.push({ x: x, y: y, event: event });
        symbol(pen, 3, x, y, 8);
        pen.fillStyle = /crossing|entering/.test(event.kind) ? "#b71c1c" : "#37474f"; pen.fill(); pen.lineWidth = 1.5; pen.strokeStyle = "#fff"; pen.stroke();
        pen.fillStyle = "#fff"; pen.font = "700 11px system-ui, sans-serif"; pen.textAlign = "center"; pen.textBaseline = "middle"; pen.fillText(signOf(event.kind), x, y + 0.5);
        this.taken.push([x - 9, y - 9, x + 9, y + 9]);
      });
    },
    _ring: function (view, at, major, minor, azimuth, style) {
      const pen = view.pen, ring = vedette.ellipse(at, major, minor, azimuth, 48).map((p) => { const q = this._map.latLngToContainerPoint(p); return [q.x, q.y]; });
      trace(pen, ring); pen.closePath();
      if (style.fill) { pen.fillStyle = style.fill; pen.fill(); }
      pen.setLineDash(style.dash || []); pen.lineWidth = style.width; pen.strokeStyle = style.colour; pen.stroke(); pen.setLineDash([]);
    },
    _selection: function (view) {
      const { op, selected } = this.desk;
      if (selected === null) return;
      const item = op.item(selected), rows = op.isThing(selected) ? Array.from(op.hitsOf(selected)) : [item.row];
      const few = rows.length > ELLIPSES ? rows.filter((_, k) => k % Math.ceil(rows.length / ELLIPSES) === 0) : rows;
      for (const row of few) {
        const e = op.ellipse(row);
        if (e) this._ring(view, e.at, e.major, e.minor, e.azimuth, { width: 1, colour: item.colour + "88" });
      }
      const e = op.ellipse(item.hitRow);
      if (e) this._ring(view, e.at, e.major, e.minor, e.azimuth, { width: 2, colour: this.ink, fill: "rgba(255,211,61,.18)" });
      else if (item.place && item.ce90) this._ring(view, item.place, item.ce90, item.ce90, 0, { width: 2, colour: this.ink, dash: [5, 4], fill: "rgba(255,211,61,.18)" });
      if (!op.isThing(selected) && item.place) {
        const p = this._map.latLngToContainerPoint(item.place);
        view.pen.beginPath(); view.pen.arc(p.x, p.y, 7, 0, 2 * Math.PI); view.pen.lineWidth = 3; view.pen.strokeStyle = "#ffd33d"; view.pen.stroke();
        view.pen.beginPath(); view.pen.arc(p.x, p.y, 4, 0, 2 * Math.PI); view.pen.fillStyle = item.colour; view.pen.fill();
      }
    },
    /* What lies under a point: an event, a bunch, or the track whose line or symbol is nearest; null where nothing is. */
    under: function (point) {
      const sign = (this.signs || []).find((s) => Math.hypot(s.x - point.x, s.y - point.y) < 11);
      if (sign) return { event: sign.event };
      const bunch = (this.bunches || []).find((b) => Math.hypot(b.x - point.x, b.y - point.y) < b.r + 2);
      if (bunch) return { bunch: bunch.list.map((one) => one.i) };
      let best = null, least = REACH_PX;
      for (const one of this.placed || []) {
        let d = Math.hypot(one.at[0] - point.x, one.at[1] - point.y) - 3;
        for (let k = 1; k < one.points.length; k++) d = Math.min(d, L.LineUtil.pointToSegmentDistance(point, L.point(one.points[k - 1]), L.point(one.points[k])));
        if (d < least) { least = d; best = one.i; }
      }
      return best === null ? null : { key: best };
    },
  });

  Object.assign(window.vedette, { thingsLayer: (desk) => new Things(desk), minorEvent: minor, signOf: signOf, symbolPath: symbol });
})();
