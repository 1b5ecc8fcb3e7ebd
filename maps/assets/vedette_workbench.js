/* The page an analyst works on: list, pictures, filters and layers beside the map, time below, the card of what is selected. */
"use strict";
(function () {
  const SORTS = [["last", "newest first"], ["first", "oldest first"], ["probability", "most probable first"], ["border", "nearest the border first"], ["class", "by class"]];

  function button(text, title, act, className) {
    const b = vedette.element("button", className || "", text);
    b.type = "button"; b.title = title; b.setAttribute("aria-label", title.replace(/ \(.*\)$/, ""));
    b.addEventListener("click", act);
    return b;
  }

  /* Panels of which one is open, with their tabs. */
  class Tabs {
    constructor(panels) {
      this.panels = panels;
      this.bar = vedette.element("div", "vedette-tabs");
      this.bar.setAttribute("role", "tablist");
      this.bar.setAttribute("aria-label", "beside the map");
      this.buttons = {};
      for (const [name, { label, key, node }] of Object.entries(panels)) {
        const tab = button(label, label + (key ? " (" + key + ")" : ""), () => this.open(name));
        tab.setAttribute("role", "tab"); tab.id = "vedette-tab-" + name;
        if (node) { tab.setAttribute("aria-controls", "vedette-panel-" + name); node.id = "vedette-panel-" + name; node.setAttribute("role", "tabpanel"); node.setAttribute("aria-labelledby", tab.id); }
        this.buttons[name] = tab;
        this.bar.appendChild(tab);
      }
      this.bar.addEventListener("keydown", (event) => {
        const names = Object.keys(panels).filter((n) => this.buttons[n].offsetParent), at = names.indexOf(this.name), to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: names.length - 1 }[event.key];
        if (to === undefined) return;
        event.preventDefault(); event.stopPropagation();
        const name = names[(to + names.length) % names.length];
        this.open(name); this.buttons[name].focus();
      });
    }
    open(name) {
      this.name = name;
      document.body.dataset.panel = name;
      for (const [other, { node }] of Object.entries(this.panels)) {
        if (node) node.hidden = other !== name;
        this.buttons[other].setAttribute("aria-selected", String(other === name));
        this.buttons[other].tabIndex = other === name ? 0 : -1;
      }
      window.dispatchEvent(new Event("resize"));
    }
  }

  function sorted(desk) {
    const label = vedette.element("label", "sort", "Sorted "), select = vedette.element("select");
    for (const [value, text] of SORTS) {
      if (value === "border" && !desk.op.data.has_border) continue;
      const option = vedette.element("option", "", text);
      option.value = value;
      select.appendChild(option);
    }
    select.addEventListener("change", () => desk.set({ sort: select.value }));
    desk.on("filter", () => { select.value = desk.filters.sort; });
    label.appendChild(select);
    return label;
  }

  function plural(n, word) { return n + " " + word + (n === 1 ? "" : "s"); }

  /* What is shown and what is not, in one line that is read out when it changes. */
  function countsText(desk) {
    const { counts } = desk.shown, told = [plural(counts.tracks, "track"), plural(counts.hits, "hit")], lost = Object.values(counts.unplaced).reduce((a, b) => a + b, 0);
    if (counts.singles) told[1] += " (" + counts.singles + " single)";
    if (counts.events) told.push(plural(counts.events, "event"));
    if (lost) told.push(lost + " without a place");
    if (counts.unlikely) told.push(counts.unlikely + " improbable hidden");
    return told.join(" · ");
  }

  function header(desk, data, tools) {
    const head = vedette.element("header", "vedette-head"), words = vedette.element("div", "words"), counts = vedette.element("div", "counts", "");
    counts.setAttribute("role", "status");
    const more = button("", "Show what improbable tracks are hidden", () => desk.set({ existence: 0 }), "small more");
    const tell = () => { counts.textContent = countsText(desk); more.hidden = !desk.shown.counts.unlikely; more.textContent = "show"; };
    words.append(vedette.element("h1", "", data.title), vedette.element("div", "quiet", data.subtitle || ""));
    const bar = vedette.element("div", "tools");
    bar.append(...tools);
    const told = vedette.element("div", "told");
    told.append(counts, more);
    head.append(words, told, bar);
    desk.on("filter", tell);
    tell();
    return head;
  }

  function emptyNote(desk) {
    const note = vedette.element("p", "vedette-empty quiet", "");
    const tell = () => { note.hidden = desk.shown.keys.length > 0; note.textContent = desk.op.hits.count || desk.op.count ? "Nothing fits the filters. R shows everything again." : "Nothing was found in these recordings."; };
    desk.on("filter", tell);
    tell();
    return note;
  }

  /* The legend's drawing of a class: its symbol in its colour. */
  function classKey(code, colour) {
    const canvas = vedette.element("canvas", "key-symbol"), pen = canvas.getContext("2d");
    canvas.width = canvas.height = 36;
    pen.scale(2, 2);
    vedette.symbolPath(pen, code, 9, 9, 6);
    pen.fillStyle = colour; pen.fill(); pen.lineWidth = 1.5; pen.strokeStyle = "#fff"; pen.stroke();
    return canvas;
  }

  function legendRow(key, text) {
    const row = vedette.element("div", "row");
    row.append(key, vedette.element("span", "", text));
    return row;
  }

  function ageText(seconds) { return seconds < 90 ? Math.round(seconds) + " s" : seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h"; }

  function areaText(m2) { return m2 < 1e6 ? (m2 / 1e4).toFixed(m2 < 1e5 ? 1 : 0) + " ha" : (m2 / 1e6).toFixed(2) + " km²"; }

  function coverageLegend(coverage) {
    const box = vedette.element("div", "vedette-ages"), end = new Date(coverage.end_ms).toISOString().slice(11, 16) + " UTC";
    for (let k = 0; k <= 4; k++) {
      const key = vedette.element("span", "key area"), [r, g, b] = vedette.ageColour(k / 4);
      key.style.backgroundColor = "rgba(" + r + "," + g + "," + b + ",.55)";
      box.appendChild(legendRow(key, "last seen " + ageText(coverage.oldest_s * k / 4) + " before the end (" + end + ")"));
    }
    const hatch = vedette.element("span", "key area hatch");
    box.appendChild(legendRow(hatch, "swept between two samples, most likely seen"));
    box.appendChild(vedette.element("div", "note", "Seen: " + areaText(coverage.seen_m2) + ", between samples: " + areaText(coverage.between_m2) + " (" + coverage.footprints + " footprints, cells of " + coverage.cell_m + " m). Ground without colour was not seen."));
    return box;
  }

  function layersPanel(map, desk, data, layers) {
    const panel = vedette.element("div", "vedette-layers"), keys = vedette.element("div", "");
    desk.op.data.classes.forEach((c, code) => keys.appendChild(legendRow(classKey(code, c.colour), c.name + ": track (arrow: direction), and hits nearer by")));
    const bunch = vedette.element("span", "key bunch", "7");
    keys.append(legendRow(bunch, "tracks that lie too close to tell apart: click to go nearer"));
    for (const kind of [...new Set(desk.op.events.map((e) => e.kind))].filter((k) => !vedette.minorEvent(k))) {
      const sign = vedette.element("span", "key sign" + (/crossing|entering/.test(kind) ? " grave" : ""), vedette.signOf(kind));
      keys.appendChild(legendRow(sign, "event: " + kind));
    }
    keys.append(legendRow(vedette.element("span", "key ellipse"), "95 % ellipse of a place (of what is selected)"));
    panel.append(vedette.element("h2", "", "Legend"), keys, vedette.element("h2", "", "Layers"));
    for (const { name, layer, on, legend, more } of layers) {
      const label = vedette.checkLabel(name, on, (show) => { if (show) layer.addTo(map); else layer.remove(); }), key = legend && vedette.legendKey(legend);
      if (key) label.insertBefore(key, label.lastChild);
      panel.appendChild(label);
      if (more) panel.appendChild(more);
    }
    for (const entry of data.legend || []) if (!layers.some((l) => l.legend === entry)) panel.appendChild(legendRow(vedette.legendKey(entry), entry.text));
    for (const line of data.notes || []) panel.appendChild(vedette.element("div", "note", line));
    return panel;
  }

  /* What a click on the map means; true where it meant something of ours. */
  function picking(map, desk, things, hits) {
    return (point, latlng) => {
      if (vedette.picking) return true;
      const under = things.under(point), hit = hits.nearest(point, 9);
      if (under && under.bunch) {
        const bounds = L.latLngBounds(under.bunch.map((i) => desk.op.place(desk.op.things, i)).filter(Boolean));
        map.fitBounds(bounds.pad(0.3), { maxZoom: Math.max(map.getZoom() + 2, 17) });
        return true;
      }
      if (under && under.event) { const first = under.event.things.find((i) => desk.shown.things[i]); if (first !== undefined) desk.select(first); return true; }
      if (hit >= 0 && hits.near && desk.op.hits.thing[hit] >= 0 && !(under && latlng === null)) { desk.select(desk.op.keyOfHit(hit)); return true; }
      if (under) { desk.select(under.key); return true; }
      if (hit >= 0) { desk.select(desk.op.keyOfHit(hit)); return true; }
      return false;
    };
  }

  /* Brings what was selected into view, without moving a map that shows it already; on a phone the card lies over its lower part. */
  function showSelected(map, desk) {
    if (desk.selected === null) return;
    const item = desk.op.item(desk.selected);
    if (!item.place) return;
    const card = document.querySelector(".vedette-card-panel").getBoundingClientRect(), box = map.getContainer().getBoundingClientRect();
    const covered = card.left < box.right && card.right > box.left ? Math.max(0, box.bottom - Math.max(card.top, box.top)) : 0;
    const p = map.latLngToContainerPoint(item.place), free = box.height - covered;
    if (p.x > 30 && p.y > 30 && p.x < box.width - 30 && p.y < free - 30) return;
    const zoom = Math.max(map.getZoom(), 15), middle = map.project(item.place, zoom).add([0, covered / 2]);
    map.setView(map.unproject(middle, zoom), zoom, { animate: false });
  }

  function workbench(map, data, desk, layers) {
    const list = vedette.list(desk), gallery = vedette.gallery(desk), container = map.getContainer();
    const filters = vedette.filterPanel(desk, () => vedette.drawArea(map, desk)), listed = vedette.element("div", "vedette-listed"), pictures = vedette.element("div", "vedette-listed");
    listed.append(sorted(desk), emptyNote(desk), list.node);
    pictures.append(sorted(desk), emptyNote(desk), gallery.node);
    const panels = { map: { label: "Map", node: null }, list: { label: "List", key: "L", node: listed }, gallery: { label: "Pictures", key: "G", node: pictures }, filters: { label: "Filters", key: "F", node: filters }, layers: { label: "Legend", key: "Y", node: layersPanel(map, desk, data, layers) } };
    const tabs = new Tabs(panels), side = vedette.element("aside", "vedette-side"), body = document.body, card = vedette.cardPanel(desk), time = vedette.timeStrip(desk);
    side.setAttribute("aria-label", "what was found");
    side.append(...Object.values(panels).map((p) => p.node).filter(Boolean));
    const keys = vedette.keys(map, desk, { tabs: tabs, time: time, card: card, list: list });
    const tools = [button("Fit", "Fit everything (Home)", () => vedette.fit(map, data)), button("Measure", "Measure (M)", () => vedette.measure(map)), button("Theme", "Theme: dark or light (T)", () => vedette.toggleTheme()), button("Print", "Print (Ctrl+P)", () => window.print()), button("Keys", "Keys (?)", () => keys.help())];
    body.classList.add("vedette-work");
    const main = vedette.element("main", "vedette-main");
    container.parentNode.insertBefore(main, container);
    body.prepend(header(desk, data, tools));
    main.append(tabs.bar, side, container, card, time.node);
    vedette.printed(map, desk, data, main);
    const narrow = window.matchMedia("(max-width: 720px)");
    tabs.open(narrow.matches ? "map" : "list");
    narrow.addEventListener("change", () => tabs.open(narrow.matches ? "map" : "list"));
    desk.on("select", () => { if (narrow.matches && desk.selected !== null) tabs.open("map"); showSelected(map, desk); });
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(container);
    map.invalidateSize({ animate: false });
    return { tabs: tabs, time: time, card: card };
  }

  Object.assign(window.vedette, { workbench: workbench, pickingOf: picking, countsText: countsText, coverageLegend: coverageLegend, legendRow: legendRow });
})();
