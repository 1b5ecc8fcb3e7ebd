/* The state of the page in its address (after the #), so that a view can be kept and handed on. Numbers alone are read from it. */
"use strict";
(function () {
  const NUMBERS = ["from", "to", "score", "ce90", "near", "existence"], LISTS = ["classes", "decisions", "recordings"], SWITCHES = ["tracks", "singles", "unplaced"], SORTS = ["queue", "last", "first", "probability", "border", "class"];

  function written(map, desk) {
    const at = map.getCenter().wrap(), words = new URLSearchParams(), { filters, open } = desk;
    words.set("at", at.lat.toFixed(6) + "," + at.lng.toFixed(6) + "," + map.getZoom());
    for (const name of NUMBERS) if (filters[name] !== open[name]) words.set(name, filters[name] === null ? "none" : String(filters[name]));
    for (const name of LISTS) if (filters[name].length) words.set(name, filters[name].join("."));
    for (const name of SWITCHES) if (filters[name] !== open[name]) words.set(name, filters[name] ? "1" : "0");
    if (filters.sort !== open.sort) words.set("sort", filters.sort);
    if (filters.area) words.set("area", filters.area.map((p) => p.join(",")).join("_"));
    if (desk.selected !== null) words.set("show", desk.op.queue ? desk.op.nameOf(desk.selected) : String(desk.selected));
    return words.toString().replace(/%2C/g, ",").replace(/%2F/g, "/");
  }

  function numbers(text, separator) {
    const read = text.split(separator).map(Number);
    return read.every(Number.isFinite) ? read : null;
  }

  /* What an address says, as changes to the filters, a view and a selection; whatever it does not say is as at first. */
  function read(hash, desk) {
    const words = new URLSearchParams(hash.replace(/^#/, "")), filters = Object.assign({}, desk.open), out = { filters: filters, view: null, selected: null };
    for (const name of NUMBERS) if (words.has(name)) { const text = words.get(name), value = Number(text); if (text === "none" && desk.open[name] === null) filters[name] = null; else if (text !== "" && Number.isFinite(value)) filters[name] = value; }
    for (const name of LISTS) if (words.has(name)) { const codes = numbers(words.get(name), "."); if (codes) filters[name] = codes.filter((c) => Number.isInteger(c) && c >= 0 && c < 65536); }
    for (const name of SWITCHES) if (words.has(name)) filters[name] = words.get(name) === "1";
    if (SORTS.includes(words.get("sort")) && (words.get("sort") !== "queue" || desk.op.queue)) filters.sort = words.get("sort");
    if (words.has("area")) {
      const area = words.get("area").split("_").map((p) => numbers(p, ","));
      if (area.length > 2 && area.length <= 200 && area.every((p) => p && p.length === 2 && Math.abs(p[0]) < 85 && Math.abs(p[1]) <= 180)) filters.area = area;
    }
    const at = words.has("at") ? numbers(words.get("at"), ",") : null;
    if (at && at.length === 3 && Math.abs(at[0]) < 85 && Math.abs(at[1]) <= 180 && at[2] >= 0 && at[2] <= 24) out.view = at;
    const shown = words.get("show") || "", key = shown.includes("/") ? desk.op.keysByName().get(shown) : shown ? Number(shown) : NaN;
    if (Number.isInteger(key) && key >= 0 && key < desk.op.count + desk.op.hits.count) out.selected = key;
    return out;
  }

  function follow(map, desk) {
    let ours = null, waiting = 0;
    const enter = () => {
      if (location.hash.replace(/^#/, "") === ours) return;
      const said = read(location.hash, desk);
      desk.set(said.filters);
      if (said.view) map.setView([said.view[0], said.view[1]], said.view[2], { animate: false });
      if (said.selected !== desk.selected) desk.select(said.selected);
    };
    const write = () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { ours = written(map, desk); history.replaceState(null, "", "#" + ours); }, 150);
    };
    if (location.hash.length > 1) enter();
    map.on("moveend", write);
    desk.on("filter", write);
    desk.on("select", write);
    window.addEventListener("hashchange", enter);
  }

  Object.assign(window.vedette, { followAddress: follow, writtenAddress: written, readAddress: read });
})();
