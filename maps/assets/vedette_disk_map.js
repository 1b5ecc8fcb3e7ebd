/* A base map that is too large for the page: a PMTiles file (version 3) chosen by the reader, of which only the ranges that are looked at are
   read from the disk. Nothing of it is run or asked for; what is broken in it is said on the page, and the rest goes on. */
"use strict";
(function () {
  const HEADER = 127, MOST_DIRECTORY = 500000, MOST_TILE = 500000, MOST_GROWN = 8000000, LEAVES = 64, DEEPEST = 22;
  const KINDS = { 2: "image/png", 3: "image/jpeg", 4: "image/webp" }, VECTOR = 1, PLAIN = 1, GZIP = 2;

  async function bytesAt(file, offset, length, most) {
    if (!(offset >= 0 && length > 0 && length <= most && offset + length <= file.size)) throw new Error(vedette.t("a part lies beyond the end of the file, or is too large"));
    return new Uint8Array(await file.slice(offset, offset + length).arrayBuffer());
  }

  /* Inflates up to a size: a small part of a hostile file may grow without end. */
  async function grown(bytes, compression, most) {
    if (compression <= PLAIN) return bytes;
    if (compression !== GZIP) throw new Error(vedette.t("it is compressed in a way that is not read here"));
    const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader(), parts = [];
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      size += value.length;
      if (size > most) { await reader.cancel(); throw new Error(vedette.t("a part grows too large")); }
      parts.push(value);
    }
    const whole = new Uint8Array(size);
    let at = 0;
    for (const part of parts) { whole.set(part, at); at += part.length; }
    return whole;
  }

  /* Entries of a directory: first tile, how many follow (0 where it is a directory below), place and length. */
  function entriesOf(bytes) {
    const numbers = vedette.varints(bytes), count = numbers.next();
    if (count > bytes.length) throw new Error(vedette.t("a directory that ends in the middle"));
    const entries = Array.from({ length: count }, () => ({})), column = (name, each) => { for (let k = 0; k < count; k++) entries[k][name] = each(numbers.next(), k); };
    let last = 0;
    column("id", (step) => (last += step));
    column("run", (n) => n);
    column("length", (n) => n);
    column("offset", (n, k) => (n === 0 && k ? entries[k - 1].offset + entries[k - 1].length : n - 1));
    return entries;
  }

  /* A tile's number: those of all zooms above, and its place on the Hilbert curve of its own (PMTiles 3, 4.1). */
  function tileId(z, x, y) {
    let id = (4 ** z - 1) / 3;
    for (let side = 2 ** (z - 1); side >= 1; side /= 2) {
      const right = Math.floor(x / side) % 2, down = Math.floor(y / side) % 2;
      id += side * side * ((3 * right) ^ down);
      if (!down) {
        if (right) { x = side - 1 - (x % side); y = side - 1 - (y % side); }
        [x, y] = [y % side, x % side];
      } else { x %= side; y %= side; }
    }
    return id;
  }

  class DiskMap {
    static async of(file) {
      const map = new DiskMap();
      const bytes = file.size < HEADER ? new Uint8Array(HEADER) : await bytesAt(file, 0, HEADER, HEADER), view = new DataView(bytes.buffer), long = (at) => Number(view.getBigUint64(at, true));
      if (new TextDecoder().decode(bytes.subarray(0, 7)) !== "PMTiles" || bytes[7] !== 3) throw new Error(vedette.t("it is no PMTiles file of version 3"));
      Object.assign(map, { file: file, leaves: new Map(), leafAt: long(40), dataAt: long(56), inner: bytes[97], outer: bytes[98], type: bytes[99], shallowest: bytes[100], deepest: Math.min(bytes[101], DEEPEST) });
      if (map.type !== VECTOR && !KINDS[map.type]) throw new Error(vedette.t("it holds neither pictures nor vector tiles"));
      map.root = await map.directory(long(8), long(16));
      try { const told = JSON.parse(new TextDecoder().decode(await grown(await bytesAt(file, long(24), long(32), MOST_DIRECTORY), map.inner, MOST_GROWN))); map.attribution = String(told.attribution || ""); } catch (error) { map.attribution = ""; }
      return map;
    }
    async directory(offset, length) { return entriesOf(await grown(await bytesAt(this.file, offset, length, MOST_DIRECTORY), this.inner, MOST_GROWN)); }
    leaf(entry) {
      if (!this.leaves.has(entry.offset)) {
        if (this.leaves.size >= LEAVES) this.leaves.delete(this.leaves.keys().next().value);
        this.leaves.set(entry.offset, this.directory(this.leafAt + entry.offset, entry.length));
      }
      return this.leaves.get(entry.offset);
    }
    /* Where a tile lies, or null where there is none. */
    async place(id) {
      let entries = this.root;
      for (let depth = 0; depth < 4; depth++) {
        let low = 0, high = entries.length;
        while (low < high) { const middle = (low + high) >> 1; if (entries[middle].id <= id) low = middle + 1; else high = middle; }
        const entry = entries[low - 1];
        if (!entry) return null;
        if (entry.run) return id < entry.id + entry.run ? entry : null;
        entries = await this.leaf(entry);
      }
      throw new Error(vedette.t("a directory that leads nowhere"));
    }
    async draw(z, x, y, node) {
      const entry = await this.place(tileId(z, x, y));
      if (!entry) return;
      const bytes = await bytesAt(this.file, this.dataAt + entry.offset, entry.length, MOST_TILE);
      if (this.type === VECTOR) { vedette.drawVectorTile(await grown(bytes, this.outer, MOST_GROWN), node); return; }
      const picture = await createImageBitmap(new Blob([await grown(bytes, this.outer, MOST_GROWN)], { type: KINDS[this.type] }));
      node.width = picture.width; node.height = picture.height;
      node.getContext("2d").drawImage(picture, 0, 0);
      picture.close();
    }
  }

  const DiskLayer = L.GridLayer.extend({
    createTile: function (at, done) {
      const node = vedette.element("canvas"), { source, broken } = this.options;
      source.draw(at.z, at.x, at.y, node).catch((error) => broken(vedette.t("tile %(z)s/%(x)s/%(y)s is damaged: %(why)s", { z: at.z, x: at.x, y: at.y, why: error.message }))).finally(() => done(null, node));
      return node;
    },
  });

  /* The field in which the file is chosen; what is wrong with one stands beneath it. */
  function chooser(map) {
    const label = vedette.element("label", "vedette-disk", vedette.t("Base map from a file (PMTiles), read from the disk as you look") + " "), input = vedette.element("input"), said = vedette.element("div", "note", "");
    let layer = null;
    input.type = "file"; input.accept = ".pmtiles";
    said.setAttribute("role", "status");
    label.append(input);
    input.addEventListener("change", async () => {
      const file = input.files[0], tell = (why) => { said.textContent = file.name + ": " + why; };
      if (layer) { layer.remove(); layer = null; }
      said.textContent = "";
      if (!file) return;
      try {
        const source = await DiskMap.of(file), shown = vedette.element("span", "", source.attribution).innerHTML;
        layer = new DiskLayer({ source: source, broken: tell, minZoom: source.shallowest, maxNativeZoom: source.deepest, zIndex: 2, className: "vedette-basemap", attribution: shown });
        layer.addTo(map);
        tell(vedette.t("zooms %(from)s to %(to)s", { from: source.shallowest, to: source.deepest }));
      } catch (error) { tell(vedette.t("%(why)s. Choose another; the page goes on without it.", { why: error.message })); }
    });
    const box = vedette.element("div");
    box.append(label, said);
    return box;
  }

  Object.assign(window.vedette, { diskMapChooser: chooser, tileId: tileId });
})();
