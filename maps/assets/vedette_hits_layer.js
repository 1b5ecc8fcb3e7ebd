/* Sheets: canvases of the map that draw themselves from typed arrays. Hits are dots near by, and density from afar. */
"use strict";
(function () {
  const NEAR_MPP = 2.5;      /* metres a pixel under which single hits of tracks are worth a dot */
  const CELL_PX = 6;         /* side of a cell of density */
  const MANY = 6000;         /* more dots in view than this are pixels, and from afar they are density */

  const Sheet = L.Layer.extend({
    initialize: function (desk) { this.desk = desk; },
    onAdd: function (map) {
      this._map = map;
      this._canvas = vedette.element("canvas", "leaflet-zoom-hide vedette-sheet");
      map.getPanes().overlayPane.appendChild(this._canvas);
      map.on("move moveend zoomend resize", this.later, this);
      this.later();
    },
    onRemove: function (map) {
      map.off("move moveend zoomend resize", this.later, this);
      this._canvas.remove();
    },
    later: function () {
      if (this._asked || !this._map) return;
      this._asked = requestAnimationFrame(() => { this._asked = 0; this.draw(); });
    },
    /* Clears the canvas and returns what drawing needs: pen, size, and the way from projected places to its pixels. */
    blank: function () {
      const map = this._map, size = map.getSize(), ratio = window.devicePixelRatio || 1, canvas = this._canvas;
      L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
      if (canvas.width !== Math.round(size.x * ratio) || canvas.height !== Math.round(size.y * ratio)) {
        canvas.width = Math.round(size.x * ratio); canvas.height = Math.round(size.y * ratio);
        canvas.style.width = size.x + "px"; canvas.style.height = size.y + "px";
      }
      const pen = canvas.getContext("2d");
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.scale(ratio, ratio);
      const corner = map.getPixelBounds().min;
      return { pen: pen, w: size.x, h: size.y, ratio: ratio, scale: Math.pow(2, map.getZoom()), ox: corner.x, oy: corner.y, mpp: metresPerPixel(map) };
    },
    draw: function () { if (this._map && this._canvas.isConnected) this.paint(this.blank()); },
  });

  function metresPerPixel(map) {
    return 40075016.7 * Math.cos(map.getCenter().lat * Math.PI / 180) / Math.pow(2, map.getZoom() + 8);
  }

  function colourOf(text) {
    const n = parseInt(text.slice(1), 16);
    return [n >> 16, (n >> 8) & 255, n & 255];
  }

  const Hits = Sheet.extend({
    paint: function (view) {
      const near = view.mpp < NEAR_MPP;
      this.near = near;
      const rows = this._inView(view, near);
      this.drawn = rows.length;
      this.mode = rows.length > MANY && !near ? "density" : rows.length > MANY ? "pixels" : "dots";
      if (this.mode === "density") this._density(view, rows);
      else if (this.mode === "pixels") this._pixels(view, rows);
      else this._dots(view, rows, near);
    },
    /* Rows that are shown and in view; from afar hits of tracks are told by their track unless there are too many to tell. */
    _inView: function (view, near) {
      const { op, shown } = this.desk, { x, y, thing } = op.hits, mask = shown.hits, n = op.hits.count, all = near || shown.counts.hits > MANY;
      const west = view.ox / view.scale, east = (view.ox + view.w) / view.scale, north = view.oy / view.scale, south = (view.oy + view.h) / view.scale;
      if (!this._rows || this._rows.length < n) this._rows = new Uint32Array(n);
      const rows = this._rows;
      let k = 0;
      for (let i = 0; i < n; i++) {
        if (mask[i] && x[i] >= west && x[i] <= east && y[i] >= north && y[i] <= south && (all || thing[i] < 0)) rows[k++] = i;
      }
      return rows.subarray(0, k);
    },
    _density: function (view, rows) {
      const { x, y } = this.desk.op.hits, across = Math.ceil(view.w / CELL_PX), down = Math.ceil(view.h / CELL_PX), cells = new Uint32Array(across * down);
      const step = view.scale / CELL_PX, ox = view.ox / CELL_PX, oy = view.oy / CELL_PX;
      let most = 1;
      for (let k = 0; k < rows.length; k++) {
        const i = rows[k], at = Math.floor(y[i] * step - oy) * across + Math.floor(x[i] * step - ox);
        const count = ++cells[at];
        if (count > most) most = count;
      }
      const dark = vedette.theme && vedette.theme() === "dark", levels = 8, per = (levels - 0.01) / Math.log(most + 1);
      const paths = Array.from({ length: levels }, () => []);
      for (let at = 0; at < cells.length; at++) if (cells[at]) paths[Math.floor(Math.log(cells[at] + 0.5) * per)].push(at);
      paths.forEach((list, level) => {
        view.pen.fillStyle = dark ? "rgba(255," + (120 + 16 * level) + ",90," + (0.18 + 0.1 * level) + ")" : "rgba(" + (190 - 18 * level) + ",20," + (90 + 5 * level) + "," + (0.16 + 0.1 * level) + ")";
        view.pen.beginPath();
        for (const at of list) view.pen.rect(at % across * CELL_PX, Math.floor(at / across) * CELL_PX, CELL_PX, CELL_PX);
        view.pen.fill();
      });
    },
    _pixels: function (view, rows) {
      const { op } = this.desk, { x, y } = op.hits, cls = op.hits.class, w = this._canvas.width, h = this._canvas.height, picture = view.pen.createImageData(w, h);
      const ink = new Uint32Array(picture.data.buffer), colours = op.data.classes.map((c) => { const [r, g, b] = colourOf(c.colour); return (255 << 24) | (b << 16) | (g << 8) | r; });
      const side = Math.max(2, Math.round(2 * view.ratio));
      for (let k = 0; k < rows.length; k++) {
        const i = rows[k], px = Math.round((x[i] * view.scale - view.ox) * view.ratio), py = Math.round((y[i] * view.scale - view.oy) * view.ratio);
        for (let dy = 0; dy < side; dy++) for (let dx = 0; dx < side; dx++) if (px + dx < w && py + dy < h) ink[(py + dy) * w + px + dx] = colours[cls[i]];
      }
      view.pen.putImageData(picture, 0, 0);
    },
    _dots: function (view, rows, near) {
      const { op } = this.desk, { x, y } = op.hits, cls = op.hits.class, pen = view.pen, r = near ? 3.2 : 2.4;
      op.data.classes.forEach((c, code) => {
        pen.beginPath();
        for (let k = 0; k < rows.length; k++) {
          const i = rows[k];
          if (cls[i] !== code) continue;
          const px = x[i] * view.scale - view.ox, py = y[i] * view.scale - view.oy;
          pen.moveTo(px + r, py); pen.arc(px, py, r, 0, 2 * Math.PI);
        }
        pen.fillStyle = c.colour; pen.globalAlpha = near ? 0.75 : 0.6; pen.fill();
        pen.globalAlpha = 0.8; pen.lineWidth = 0.8; pen.strokeStyle = "#fff"; pen.stroke(); pen.globalAlpha = 1;
      });
    },
    /* The nearest hit that is drawn as a dot, within so many pixels of a point of the map's container; -1 where there is none. */
    nearest: function (point, reach) {
      if (this.mode === "density" || !this._map) return -1;
      const { x, y } = this.desk.op.hits, corner = this._map.getPixelBounds().min, scale = Math.pow(2, this._map.getZoom());
      let best = -1, least = reach * reach;
      for (let k = 0; k < this.drawn; k++) {
        const i = this._rows[k], dx = x[i] * scale - corner.x - point.x, dy = y[i] * scale - corner.y - point.y, d = dx * dx + dy * dy;
        if (d < least) { least = d; best = i; }
      }
      return best;
    },
  });

  Object.assign(window.vedette, { Sheet: Sheet, metresPerPixel: metresPerPixel, hitsLayer: (desk) => new Hits(desk), colourOf: colourOf });
})();
