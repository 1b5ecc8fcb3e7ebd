/* The map's own layers. Data only ever reaches the page as JSON, typed arrays and textContent. */
"use strict";
window.vedette = (function () {
  /* Cards open clear of the title, the legend (on wide screens) and the buttons. A phone's width is not known
     before the page's head is read, so it is asked for when a card opens. */
  function cardPlace() {
    const wide = window.innerWidth > 900;
    return {
      maxWidth: Math.min(300, window.innerWidth - 60),
      autoPanPaddingTopLeft: [wide ? 310 : 10, 80],
      autoPanPaddingBottomRight: [wide ? 60 : 10, 20],
    };
  }

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined) node.textContent = text;
    return node;
  }

  function card(title, rows, chip, note) {
    const box = element("div", "vedette-card");
    if (chip && /^[A-Za-z0-9+/=]+$/.test(chip)) {
      const picture = element("img");
      picture.alt = "picture cut around the hit";
      picture.width = picture.height = 144;
      picture.src = "data:image/jpeg;base64," + chip;
      box.appendChild(picture);
    }
    box.appendChild(element("h3", "", title));
    const list = element("dl");
    for (const [name, value] of rows) {
      list.appendChild(element("dt", "", name));
      list.appendChild(element("dd", "", value));
    }
    box.appendChild(list);
    if (note) box.appendChild(element("div", "note", note));
    return box;
  }

  function popup(map, latlng, title, rows, note) {
    L.popup(cardPlace()).setLatLng(latlng).setContent(card(title, rows, null, note)).openOn(map);
  }

  /* A finding as a sign that also reads without colours. */
  function sign(latlng, text, kind) {
    const face = element("div", "vedette-sign " + (kind === "error" ? "error" : "warning"), text);
    return L.marker(latlng, { icon: L.divIcon({ html: face, className: "", iconSize: [24, 24] }), keyboard: true });
  }

  /* Lines and areas: a GeoJSON layer whose popups are built from properties as text. */
  function geometry(features, style) {
    return L.geoJSON(features, {
      style: (feature) => Object.assign({}, style, feature.properties.style || {}),
      pointToLayer: (feature, latlng) => feature.properties.sign
        ? sign(latlng, feature.properties.sign, feature.properties.kind)
        : L.circleMarker(latlng, Object.assign({ radius: 7, weight: 2, fillOpacity: 0.9 }, style, feature.properties.style || {})),
      onEachFeature: (feature, layer) => {
        const p = feature.properties;
        if (p.title) layer.on("click", (event) => {
          L.DomEvent.stopPropagation(event);
          if (vedette.shown && vedette.shown.tryOpen(event.containerPoint)) return;
          popup(event.target._map, event.latlng, p.title, p.rows || [], p.note);
        });
        if (p.label) layer.bindTooltip(() => element("span", "", p.label), { permanent: false, sticky: true });
      },
    });
  }

  async function unpack(text) {
    const coded = atob(text), bytes = new Uint8Array(coded.length);
    for (let i = 0; i < coded.length; i++) bytes[i] = coded.charCodeAt(i);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  }

  /* Hits: one canvas, typed arrays, no object a point. */
  const Hits = L.Layer.extend({
    initialize: function (packed) {
      this.meta = packed;
      this.minScore = 0;
      this.hidden = new Set();
      this.ready = unpack(packed.columns).then((buffer) => this._load(buffer));
    },
    _load: function (buffer) {
      const n = this.meta.count;
      let at = 0;
      const take = (Type) => { const a = new Type(buffer, at, n); at += n * Type.BYTES_PER_ELEMENT; return a; };
      this.lat = take(Int32Array); this.lon = take(Int32Array); this.time = take(Uint32Array);
      this.ce90 = take(Float32Array); this.slant = take(Float32Array); this.frame = take(Uint32Array);
      this.track = take(Int32Array); this.kind = take(Uint8Array); this.score = take(Uint8Array);
      if (this.meta.seam) for (let i = 0; i < n; i++) if (this.lon[i] < 0) this.lon[i] += 3600000000;
      this.x = new Float64Array(n); this.y = new Float64Array(n);
      for (let i = 0; i < n; i++) {
        const s = Math.sin(this.lat[i] * 1e-7 * Math.PI / 180);
        this.x[i] = 128 * (this.lon[i] * 1e-7 / 180 + 1);
        this.y[i] = 128 * (1 - Math.log((1 + s) / (1 - s)) / (2 * Math.PI));
      }
      if (this._map) this._draw();
    },
    onAdd: function (map) {
      this._map = map;
      this._canvas = element("canvas", "leaflet-zoom-hide");
      this._canvas.style.pointerEvents = "none";
      map.getPanes().overlayPane.appendChild(this._canvas);
      map.on("moveend zoomend resize", this._draw, this);
      map.on("click", this._click, this);
      this._draw();
    },
    onRemove: function (map) {
      map.off("moveend zoomend resize", this._draw, this);
      map.off("click", this._click, this);
      this._canvas.remove();
      if (this._ring) this._ring.remove();
    },
    shown: function (i) { return this.score[i] >= this.minScore && !this.hidden.has(this.kind[i]); },
    _draw: function () {
      const map = this._map, size = map.getSize(), ratio = window.devicePixelRatio || 1;
      const corner = map.containerPointToLayerPoint([0, 0]);
      L.DomUtil.setPosition(this._canvas, corner);
      this._canvas.width = size.x * ratio; this._canvas.height = size.y * ratio;
      this._canvas.style.width = size.x + "px"; this._canvas.style.height = size.y + "px";
      if (!this.x) return;
      const pen = this._canvas.getContext("2d");
      pen.scale(ratio, ratio);
      const scale = Math.pow(2, map.getZoom()), origin = map.getPixelBounds().min;
      const n = this.meta.count, r = n > 50000 ? 1.5 : n > 5000 ? 3 : 5;
      let drawn = 0;
      for (let k = 0; k < this.meta.classes.length; k++) {
        if (this.hidden.has(k)) continue;
        pen.fillStyle = this.meta.colours[k];
        pen.beginPath();
        for (let i = 0; i < n; i++) {
          if (this.kind[i] !== k || this.score[i] < this.minScore) continue;
          const px = this.x[i] * scale - origin.x, py = this.y[i] * scale - origin.y;
          if (px < -r || py < -r || px > size.x + r || py > size.y + r) continue;
          drawn++;
          if (r < 3) pen.rect(px - r, py - r, 2 * r, 2 * r);
          else { pen.moveTo(px + r, py); pen.arc(px, py, r, 0, 2 * Math.PI); }
        }
        pen.fill();
        if (r >= 3) { pen.lineWidth = 1; pen.strokeStyle = "rgba(0,0,0,.65)"; pen.stroke(); }
      }
      this.drawn = drawn;
    },
    nearest: function (point) {
      const map = this._map, scale = Math.pow(2, map.getZoom()), origin = map.getPixelBounds().min;
      let best = -1, reach = 14 * 14;
      for (let i = 0; i < this.meta.count; i++) {
        if (!this.shown(i)) continue;
        const dx = this.x[i] * scale - origin.x - point.x, dy = this.y[i] * scale - origin.y - point.y;
        if (dx * dx + dy * dy < reach) { reach = dx * dx + dy * dy; best = i; }
      }
      return best;
    },
    /* A hit under the pointer wins over whatever is drawn around it. */
    tryOpen: function (point) {
      const i = this.x && this._canvas.isConnected ? this.nearest(point) : -1;
      if (i >= 0) this.open(i);
      return i >= 0;
    },
    _click: function (event) { this.tryOpen(event.containerPoint); },
    open: function (i) {
      const place = L.latLng(this.lat[i] * 1e-7, this.lon[i] * 1e-7);
      const when = new Date(this.meta.epoch_ms + this.time[i]).toISOString().replace("T", " ").slice(0, 21) + " UTC";
      const rows = [
        ["score", (this.score[i] / 255).toFixed(2)], ["time", when],
        ["position", place.lat.toFixed(6) + ", " + place.lng.toFixed(6)],
        ["CE90", this.ce90[i].toFixed(1) + " m"], ["slant range", this.slant[i].toFixed(0) + " m"],
        ["frame", String(this.frame[i])],
      ];
      if (this.track[i] >= 0) rows.push(["track", this.meta.tracks[this.track[i]]]);
      const chip = this.meta.chips[i];
      if (this._ring) this._ring.remove();
      this._ring = L.circle(place, { radius: this.ce90[i], color: "#111", weight: 1.5, dashArray: "4 3", fill: false, interactive: false }).addTo(this._map);
      L.popup(cardPlace()).setLatLng(place)
        .setContent(card(this.meta.classes[this.kind[i]], rows, chip, "Machine assessment, not confirmed by a person."))
        .openOn(this._map);
    },
  });

  function panel(map, spec, hits) {
    const control = L.control({ position: "bottomleft" });
    control.onAdd = function () {
      const box = element("details", "vedette-panel");
      box.open = window.innerWidth > 640;
      box.appendChild(element("summary", "", "Legend"));
      for (const entry of spec.legend) {
        const row = element("div", "row"), key = element("span", "key " + entry.shape);
        if (entry.shape === "line") { key.style.borderTopColor = entry.colour; if (entry.dashed) key.style.borderTopStyle = "dashed"; }
        else key.style.backgroundColor = entry.colour;
        row.appendChild(key); row.appendChild(element("span", "", entry.text)); box.appendChild(row);
      }
      if (hits) {
        const label = element("label", "", "Hits with a score of at least 0.00");
        const slider = element("input");
        slider.type = "range"; slider.min = 0; slider.max = 100; slider.value = 0;
        slider.addEventListener("input", () => {
          hits.minScore = slider.value * 2.55;
          label.firstChild.textContent = "Hits with a score of at least " + (slider.value / 100).toFixed(2);
          if (hits._map && hits._canvas.isConnected) hits._draw();
        });
        label.appendChild(slider); box.appendChild(label);
      }
      for (const line of spec.notes) box.appendChild(element("div", "note", line));
      L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box);
      return box;
    };
    control.addTo(map);
    const title = L.control({ position: "topleft" });
    title.onAdd = function () {
      const box = element("div", "vedette-panel");
      if (spec.summary) { vedette.summary(box, spec); L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box); return box; }
      box.appendChild(element("div", "vedette-title", spec.title));
      if (spec.subtitle) box.appendChild(element("div", "note", spec.subtitle));
      return box;
    };
    title.addTo(map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    if (spec.winds) vedette.compass(map, spec.winds);
    const wide = window.innerWidth > 900;
    map.fitBounds(spec.frame, { paddingTopLeft: wide ? [310, 24] : [16, 90], paddingBottomRight: wide ? [150, 40] : [16, 60], animate: false });
    /* Many signs on a whole plan would hide it: they are small until one looks closer. */
    const near = map.getZoom() + 2, many = document.getElementsByClassName("vedette-sign").length > 40;
    const shrink = () => map.getContainer().classList.toggle("vedette-far", many && map.getZoom() < near);
    map.on("zoomend", shrink);
    shrink();
  }

  return { geometry: geometry, hits: (packed) => new Hits(packed), panel: panel, popup: popup, element: element };
})();
