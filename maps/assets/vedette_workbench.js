/* The page an analyst works on: list, pictures, filters and layers beside the map, time below, the card of what is selected. */
"use strict";
(function () {
  const SORTS = [["queue", "as they are to be looked at"], ["last", "newest first"], ["first", "oldest first"], ["probability", "most probable first"], ["border", "nearest the border first"], ["class", "by class"]];

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
      this.bar.setAttribute("aria-label", vedette.t("beside the map"));
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
    const label = vedette.element("label", "sort", vedette.t("Sorted") + " "), select = vedette.element("select");
    for (const [value, text] of SORTS) {
      if ((value === "border" && !desk.op.data.has_border) || (value === "queue" && !desk.op.queue)) continue;
      const option = vedette.element("option", "", vedette.t(text));
      option.value = value;
      select.appendChild(option);
    }
    select.value = desk.filters.sort;
    select.addEventListener("change", () => desk.set({ sort: select.value }));
    desk.on("filter", () => { select.value = desk.filters.sort; });
    label.appendChild(select);
    return label;
  }

  /* One and many are two texts: languages differ in more than an s. */
  function plural(n, one, many) { return vedette.t(n === 1 ? one : many, { n: n }); }

  /* What is shown and what is not, in one line that is read out when it changes. */
  function countsText(desk) {
    const { counts } = desk.shown, told = [plural(counts.tracks, "%(n)s track", "%(n)s tracks"), plural(counts.hits, "%(n)s hit", "%(n)s hits")], lost = Object.values(counts.unplaced).reduce((a, b) => a + b, 0);
    if (desk.op.data.whole === false) told.pop();
    if (counts.singles) told[1] += " (" + vedette.t("%(n)s single", { n: counts.singles }) + ")";
    if (counts.events) told.push(plural(counts.events, "%(n)s event", "%(n)s events"));
    if (lost) told.push(vedette.t("%(n)s without a place", { n: lost }));
    if (counts.unlikely) told.push(vedette.t("%(n)s improbable hidden", { n: counts.unlikely }));
    return told.join(" · ");
  }

  function header(desk, data, tools, own) {
    const head = vedette.element("header", "vedette-head"), words = vedette.element("div", "words"), counts = vedette.element("div", "counts", "");
    counts.setAttribute("role", "status");
    const more = button("", vedette.t("Show what improbable tracks are hidden"), () => desk.set({ existence: 0 }), "small more");
    const tell = () => { counts.textContent = countsText(desk); more.hidden = !desk.shown.counts.unlikely; more.textContent = vedette.t("show"); };
    words.append(vedette.element("h1", "", data.title), vedette.element("div", "quiet", data.subtitle || ""));
    const bar = vedette.element("div", "tools");
    bar.append(...tools);
    const told = vedette.element("div", "told");
    told.append(counts, more, ...(own.told || []));
    head.append(words, told, bar);
    desk.on("filter", tell);
    tell();
    return head;
  }

  function emptyNote(desk) {
    const note = vedette.element("p", "vedette-empty quiet", "");
    const tell = () => { note.hidden = desk.shown.keys.length > 0; note.textContent = desk.op.hits.count || desk.op.count ? vedette.t("Nothing fits the filters. Reset them to see everything again.") : vedette.t("Nothing was found in these recordings."); };
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

  function areaText(m2) { return m2 < 1e6 ? (m2 / 1e4).toFixed(m2 < 1e5 ? 1 : 0) + " ha" : (m2 / 1e6).toFixed(2) + " km²"; }

  /* What the colours of a layer of ages say; anew when time has gone by. */
  function coverageLegend(layer) {
    const box = vedette.element("div", "vedette-ages");
    layer.told = () => {
      const { spec, since } = layer, end = new Date(spec.end_ms).toISOString().slice(11, 16) + " UTC", hatch = vedette.element("span", "key area hatch");
      box.replaceChildren();
      for (let k = 0; k <= 4; k++) {
        const key = vedette.element("span", "key area"), [r, g, b] = vedette.ageColour(k / 4), age = vedette.ageText((spec.oldest_s + since) * k / 4);
        key.style.backgroundColor = "rgba(" + r + "," + g + "," + b + ",.55)";
        box.appendChild(legendRow(key, since ? vedette.t("last seen %(age)s ago", { age: age }) : vedette.t("last seen %(age)s before the end (%(end)s)", { age: age, end: end })));
      }
      box.appendChild(legendRow(hatch, vedette.t("swept between two samples, most likely seen")));
      box.appendChild(vedette.element("div", "note", vedette.t("Seen: %(seen)s, between samples: %(between)s (%(n)s footprints, cells of %(cell)s m). Ground without colour was not seen.", { seen: areaText(spec.seen_m2), between: areaText(spec.between_m2), n: spec.footprints, cell: spec.cell_m })));
    };
    layer.told();
    return box;
  }

  function layersPanel(map, desk, data, layers) {
    const panel = vedette.element("div", "vedette-layers"), keys = vedette.element("div", "");
    const tell = () => {
      keys.replaceChildren(...desk.op.data.classes.map((c, code) => legendRow(classKey(code, c.colour), vedette.t("%(name)s: track (arrow: direction), and hits nearer by", { name: c.name }))));
      keys.append(legendRow(vedette.element("span", "key bunch", "7"), vedette.t("tracks that lie too close to tell apart: click to go nearer")));
      for (const kind of [...new Set(desk.op.events.map((e) => e.kind))].filter((k) => !vedette.minorEvent(k))) {
        const sign = vedette.element("span", "key sign" + (/crossing|entering/.test(kind) ? " grave" : ""), vedette.signOf(kind));
        keys.appendChild(legendRow(sign, vedette.t("event: %(kind)s", { kind: kind })));
      }
      keys.append(legendRow(vedette.element("span", "key ellipse"), vedette.t("95 % ellipse of a place (of what is selected)")));
    };
    tell();
    desk.on("op", tell);
    panel.append(vedette.element("h2", "", vedette.t("Legend")), keys, vedette.element("h2", "", vedette.t("Layers")));
    for (const { name, layer, on, legend, more } of layers) {
      const label = vedette.checkLabel(name, on, (show) => { if (show) layer.addTo(map); else layer.remove(); }), key = legend && vedette.legendKey(legend);
      if (key) label.insertBefore(key, label.lastChild);
      panel.appendChild(label);
      if (more) panel.appendChild(more);
    }
    panel.appendChild(vedette.diskMapChooser(map));
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

  /* `own` is what a page has beside what all have: `above` the list, `told` in the head, `tools`, and keys with their `help`. */
  function workbench(map, data, desk, layers, own) {
    const list = vedette.list(desk), gallery = vedette.gallery(desk), container = map.getContainer();
    const filters = vedette.filterPanel(desk, () => vedette.drawArea(map, desk)), listed = vedette.element("div", "vedette-listed"), pictures = vedette.element("div", "vedette-listed");
    listed.append(...(own.above || []), sorted(desk), emptyNote(desk), list.node);
    pictures.append(sorted(desk), emptyNote(desk), gallery.node);
    const panels = { map: { label: vedette.t("Map"), node: null }, list: { label: vedette.t("List"), key: "L", node: listed }, gallery: { label: vedette.t("Pictures"), key: "G", node: pictures }, filters: { label: vedette.t("Filters"), key: "F", node: filters }, layers: { label: vedette.t("Legend"), key: "Y", node: layersPanel(map, desk, data, layers) } };
    const tabs = new Tabs(panels), side = vedette.element("aside", "vedette-side"), body = document.body, card = vedette.cardPanel(desk), time = vedette.timeStrip(desk);
    side.setAttribute("aria-label", vedette.t("what was found"));
    side.append(...Object.values(panels).map((p) => p.node).filter(Boolean));
    const keys = vedette.keys(map, desk, { tabs: tabs, time: time, card: card, list: list }, own);
    const tools = [button(vedette.t("Fit"), vedette.t("Fit everything (Home)"), () => vedette.fit(map, data)), button(vedette.t("Measure"), vedette.t("Measure"), () => vedette.measure(map)), button(vedette.t("Theme"), vedette.t("Theme: dark or light (T)"), () => vedette.toggleTheme()), button(vedette.t("Print"), vedette.t("Print (Ctrl+P)"), () => window.print()), button(vedette.t("Keys"), vedette.t("Keys (?)"), () => keys.help()), ...(own.tools || [])];
    body.classList.add("vedette-work");
    const main = vedette.element("main", "vedette-main");
    container.parentNode.insertBefore(main, container);
    body.prepend(header(desk, data, tools, own));
    main.append(tabs.bar, side, container, card, time.node);
    vedette.printed(map, desk, data, main);
    const narrow = window.matchMedia("(max-width: 720px)");
    tabs.open(narrow.matches ? "map" : "list");
    narrow.addEventListener("change", () => tabs.open(narrow.matches ? "map" : "list"));
    desk.on("select", () => { if (narrow.matches && desk.selected !== null) tabs.open("map"); showSelected(map, desk); });
    new ResizeObserver(() => map.invalidateSize({ animate: false })).observe(container);
    map.invalidateSize({ animate: false });
    return { tabs: tabs, time: time, card: card, list: list };
  }

  Object.assign(window.vedette, { workbench: workbench, pickingOf: picking, countsText: countsText, coverageLegend: coverageLegend, legendRow: legendRow });
})();
