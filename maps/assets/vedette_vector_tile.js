/* Vector tiles (Mapbox Vector Tile 2.1) of a map that is read from a disk: decoded with every length held against what is there, drawn in
   the quiet style. Names in them are painted, never markup. */
"use strict";
(function () {
  const POINT = 1, LINE = 2, POLYGON = 3, MOST_FEATURES = 50000, text = new TextDecoder();

  /* Reads numbers of seven bits a byte, of protocol buffers and of PMTiles, one after the other; `at` is where it is. */
  vedette.varints = (bytes) => ({
    at: 0,
    next() {
      for (let value = 0, scale = 1; ; scale *= 128) {
        if (this.at >= bytes.length || scale > 2 ** 63) throw new Error(vedette.t("a number that does not end"));
        const byte = bytes[this.at++];
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    },
  });

  /* Protocol-buffer wire format: calls `take(field, value)`, where a value is a number or the bytes of a length. */
  function fields(bytes, take) {
    const numbers = vedette.varints(bytes);
    while (numbers.at < bytes.length) {
      const key = numbers.next(), kind = key & 7, field = Math.floor(key / 8);
      if (kind === 0) { take(field, numbers.next()); continue; }
      if (kind !== 1 && kind !== 2 && kind !== 5) throw new Error(vedette.t("no such wire type"));
      const length = kind === 2 ? numbers.next() : kind === 1 ? 8 : 4, end = numbers.at + length;
      if (end > bytes.length) throw new Error(vedette.t("ends in the middle of a value"));
      take(field, bytes.subarray(numbers.at, end));
      numbers.at = end;
    }
  }

  function packed(bytes) {
    const numbers = vedette.varints(bytes), out = [];
    while (numbers.at < bytes.length) out.push(numbers.next());
    return out;
  }

  function valueOf(bytes) {
    let said = null;
    fields(bytes, (field, value) => { if (field === 1 && typeof value !== "number") said = text.decode(value); else if (typeof value === "number") said = value; });
    return said;
  }

  /* Parts of a geometry, as shares of the tile's side (Vector Tile Specification 2.1, 4.3). */
  function partsOf(commands, extent) {
    const parts = [], signed = (n) => (n % 2 ? -(n + 1) / 2 : n / 2);
    let x = 0, y = 0;
    for (let at = 0; at < commands.length;) {
      const command = commands[at] & 7, count = commands[at++] >>> 3;
      if (command === 7) continue;
      if ((command !== 1 && command !== 2) || at + 2 * count > commands.length) throw new Error(vedette.t("ends in the middle of a value"));
      for (let k = 0; k < count; k++, at += 2) {
        x += signed(commands[at]); y += signed(commands[at + 1]);
        if (command === 1 && !k) parts.push([]);
        if (parts.length) parts[parts.length - 1].push([x / extent, y / extent]);
      }
    }
    return parts;
  }

  function featureOf(bytes, keys, values, extent) {
    let kind = 0, tags = [], shape = [];
    fields(bytes, (field, value) => { if (field === 3) kind = value; else if (field === 2) tags = packed(value); else if (field === 4) shape = packed(value); });
    const said = new Map();
    for (let k = 0; k + 1 < tags.length; k += 2) if (tags[k] < keys.length && tags[k + 1] < values.length) said.set(keys[tags[k]], values[tags[k + 1]]);
    return { kind: kind, tags: said, parts: partsOf(shape, extent) };
  }

  function layersOf(bytes) {
    const layers = new Map();
    let count = 0;
    fields(bytes, (field, layer) => {
      if (field !== 3 || typeof layer === "number") return;
      const keys = [], values = [], raw = [];
      let name = "", extent = 4096;
      fields(layer, (part, value) => {
        if (part === 5) extent = value;
        else if (part === 1) name = text.decode(value);
        else if (part === 2) raw.push(value);
        else if (part === 3) keys.push(text.decode(value));
        else if (part === 4) values.push(valueOf(value));
      });
      count += raw.length;
      if (!(extent > 0 && extent <= 1048576) || count > MOST_FEATURES) throw new Error(vedette.t("a tile of too many features"));
      layers.set(name, (layers.get(name) || []).concat(raw.map((one) => featureOf(one, keys, values, extent))));
    });
    return layers;
  }

  /* Draws a tile's bytes on a canvas of the style's size. */
  function draw(bytes, canvas) {
    const style = vedette.quietStyle, side = style.side_px, layers = layersOf(bytes), pen = canvas.getContext("2d");
    const of = (group, shape) => style.layers[group].flatMap((name) => (layers.get(name) || []).filter((one) => one.kind === shape));
    const kindOf = (one) => String(style.kind_tags.map((tag) => one.tags.get(tag)).find(Boolean) || ""), is = (kind, name) => style.kinds[name].includes(kind);
    canvas.width = canvas.height = side;
    pen.fillStyle = style.ground;
    pen.fillRect(0, 0, side, side);
    const trace = (one, closed) => { pen.beginPath(); for (const part of one.parts) { part.forEach(([x, y], k) => (k ? pen.lineTo(x * side, y * side) : pen.moveTo(x * side, y * side))); if (closed) pen.closePath(); } };
    const areas = { wooded: [], green: [], built: [], water: of("waters", POLYGON), building: of("buildings", POLYGON) };
    for (const one of of("grounds", POLYGON)) { const name = ["wooded", "green", "built"].find((each) => is(kindOf(one), each)); if (name) areas[name].push(one); }
    for (const [name, colour] of Object.entries(style.fills)) for (const one of areas[name]) { trace(one, true); pen.fillStyle = colour; pen.fill("evenodd"); }
    const line = (one, name) => { const { colour, px, dash_px } = style.strokes[name]; pen.strokeStyle = colour; pen.lineWidth = px; pen.setLineDash(dash_px ? [dash_px, 0.7 * dash_px] : []); pen.lineJoin = "round"; trace(one, false); pen.stroke(); };
    for (const one of of("waterways", LINE)) line(one, is(kindOf(one), "river") ? "river" : "stream");
    const ways = of("ways", LINE);
    for (const name of "wide middle".split(" ")) for (const one of ways) if (is(kindOf(one), name)) line(one, name + "_edge");
    for (const one of ways) { const name = ["rail", "wide", "middle", "not_drawn"].find((each) => is(kindOf(one), each)) || "path"; if (name !== "not_drawn") line(one, name); }
    for (const one of of("bounds", LINE)) line(one, "bound");
    pen.setLineDash([]);
    names(pen, of("places", POINT), style);
  }

  /* Names of places, the larger first, whole within the tile and none over another. */
  function names(pen, features, style) {
    const side = style.side_px, taken = [], rank = (one) => Math.min(...style.place_tags.map((tag) => style.places.indexOf(String(one.tags.get(tag)))).filter((k) => k >= 0), style.places.length);
    pen.textAlign = "center"; pen.textBaseline = "middle"; pen.lineJoin = "round"; pen.lineWidth = 6; pen.strokeStyle = style.halo; pen.fillStyle = style.text;
    for (const one of features.sort((a, b) => rank(a) - rank(b))) {
      const at = one.parts[0] && one.parts[0][0], name = String(one.tags.get("name:en") || one.tags.get("name") || "").slice(0, 40);
      if (rank(one) === style.places.length || !at || !name || !(at[0] >= 0 && at[0] < 1 && at[1] >= 0 && at[1] < 1)) continue;
      pen.font = style.place_px[rank(one)] + "px system-ui, sans-serif";
      const wide = pen.measureText(name).width / 2 + 4, high = 14, x = Math.min(Math.max(at[0] * side, wide), side - wide), y = Math.min(Math.max(at[1] * side, high), side - high);
      if (2 * wide > side || taken.some(([px, py, w]) => Math.abs(px - x) < w + wide && Math.abs(py - y) < 2 * high)) continue;
      taken.push([x, y, wide]);
      pen.strokeText(name, x, y); pen.fillText(name, x, y);
    }
  }

  Object.assign(window.vedette, { drawVectorTile: draw });
})();
