/* Everything by the keyboard, the page's theme, and paper. */
"use strict";
(function () {
  const KEYS = [
    ["J  K", "next, previous"], ["Enter", "read the card of what is selected"], ["Esc", "close the card, end a tool"], ["O", "whole frame"], ["C", "copy the place (MGRS)"], ["Z", "go to what is selected"],
    ["L  G  F  Y", "list, pictures, filters, legend"], ["R", "show everything again"], ["P", "play the time"], ["D", "draw an area"], ["M", "measure"], ["Home", "fit everything"],
    ["arrows, + −", "move the map, when it has the focus"], ["T", "dark or light"], ["?", "these keys"],
  ];

  function help(own) {
    const dialog = vedette.element("dialog", "vedette-help"), list = vedette.element("dl", ""), close = vedette.element("button", "", vedette.t("Close (Esc)"));
    dialog.setAttribute("aria-label", vedette.t("Keys"));
    for (const [keys, text] of [...own.help, ...KEYS.filter(([keys]) => !(own.taken || []).includes(keys))]) list.append(vedette.element("dt", "mono", keys), vedette.element("dd", "", vedette.t(text)));
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    dialog.append(vedette.element("h2", "", vedette.t("Keys")), list, close);
    dialog.addEventListener("close", () => dialog.remove());
    document.body.appendChild(dialog);
    dialog.showModal();
  }

  /* Keys of letters act unless somebody types or a dialog is open; `act` maps them to what they do. A page with keys of its own
     gives them with their `help`, and takes over those letters that both have. */
  function keys(map, desk, { tabs, time, card, list }, own) {
    const place = () => { const item = desk.selected === null ? null : desk.op.item(desk.selected); return item && item.place ? item : null; };
    const open = (name) => () => { tabs.open(name); if (name === "list") list.node.focus(); };
    const act = {
      j: () => desk.step(1), k: () => desk.step(-1), l: open("list"), g: open("gallery"), f: open("filters"), y: open("layers"), r: () => desk.reset(), p: () => time.toggle(), t: () => toggleTheme(),
      m: () => vedette.measure(map), d: () => vedette.drawArea(map, desk), "?": () => help(own),
      o: () => { const b = card.querySelector("button.frame"); if (b) b.click(); }, c: () => { const b = card.querySelector(".copyable button"); if (b) b.click(); },
      z: () => { const item = place(); if (item) map.setView(item.place, Math.max(map.getZoom(), 17), { animate: false }); },
      Enter: () => { if (!card.hidden) card.focus(); }, Escape: () => { if (desk.selected !== null) desk.select(null); }, Home: () => vedette.fit(map, vedette.data),
      ...own.act,
    };
    document.addEventListener("keydown", (event) => {
      const target = event.target, typing = target.closest && (target.closest("input:not([type=checkbox]):not([type=range]), select, textarea") || document.querySelector("dialog[open]"));
      if (event.ctrlKey || event.metaKey || event.altKey || typing || vedette.picking) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (key === "Enter" && target.closest && target.closest("button, a, summary, [role=tab]")) return;
      if (key === "Home" && target.closest && target.closest("input, [role=tablist]")) return;
      if (own.first && own.first(key)) { event.preventDefault(); return; }
      if (key.startsWith("Arrow") && target.closest && target.closest(".leaflet-container, [role=tablist], input")) return;
      if (act[key]) { act[key](); event.preventDefault(); }
    });
    return { help: () => help(own) };
  }

  function theme() {
    const set = document.documentElement.dataset.theme;
    return set || (window.matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  }
  function toggleTheme() {
    document.documentElement.dataset.theme = theme() === "dark" ? "light" : "dark";
    window.dispatchEvent(new Event("vedette-theme"));
  }

  /* What is cleared on a canvas in the frame that is printed is white on paper, over all that lies beneath. So copies are printed. */
  function copiesOf(map) {
    return Array.from(map.getPanes().overlayPane.querySelectorAll("canvas"), (canvas) => {
      const copy = canvas.cloneNode();
      if (canvas.width && canvas.height) copy.getContext("2d").drawImage(canvas, 0, 0);
      canvas.after(copy);
      canvas.hidden = true;
      return () => { copy.remove(); canvas.hidden = false; };
    });
  }

  /* Paper: a sheet behind the map, laid out as it is printed; the map is fitted anew to the sheet and back. */
  function onPaper(map, main, lay) {
    const sheet = vedette.element("section", "vedette-paper");
    sheet.setAttribute("aria-hidden", "true");
    main.after(sheet);
    let before = null;
    const begin = () => {
      if (before) return;
      before = { centre: map.getCenter(), zoom: map.getZoom(), theme: document.documentElement.dataset.theme };
      document.documentElement.dataset.theme = "light";
      lay(sheet);
      const bounds = map.getBounds();
      document.body.classList.add("vedette-printing");
      map.invalidateSize({ animate: false });
      map.fitBounds(bounds, { animate: false });
      vedette.redraw(true);
      before.copies = copiesOf(map);
    };
    const end = () => {
      if (!before) return;
      document.body.classList.remove("vedette-printing");
      for (const remove of before.copies) remove();
      if (before.theme) document.documentElement.dataset.theme = before.theme; else delete document.documentElement.dataset.theme;
      map.invalidateSize({ animate: false });
      map.setView(before.centre, before.zoom, { animate: false });
      before = null;
      vedette.redraw(true);
    };
    window.addEventListener("beforeprint", begin);
    window.addEventListener("afterprint", end);
    window.matchMedia("print").addEventListener("change", (event) => (event.matches ? begin() : end()));
  }

  function legendOn(sheet, rows, data) {
    const legend = vedette.element("div", "legend");
    for (const entry of data.legend || []) rows.push(vedette.legendRow(vedette.legendKey(entry), entry.text));
    legend.append(...rows);
    sheet.appendChild(legend);
  }

  /* A plan on paper: what it says of itself, and the legend. */
  function printedPlan(map, data) {
    onPaper(map, map.getContainer(), (sheet) => {
      sheet.replaceChildren();
      if (data.summary) { vedette.summary(sheet, data); sheet.firstChild.open = true; }
      else sheet.append(vedette.element("h1", "", data.title), vedette.element("p", "", data.subtitle || ""));
      legendOn(sheet, [], data);
      for (const line of data.notes || []) sheet.appendChild(vedette.element("p", "note", line));
    });
  }

  /* An operation on paper: title block, legend and a table of what is shown. */
  function printed(map, desk, data, main) {
    const shown = 150;
    onPaper(map, main, (sheet) => {
      const table = vedette.element("table"), head = vedette.element("tr"), keys = Array.from(desk.shown.keys.subarray(0, shown));
      for (const name of ["", vedette.t("assessed as"), vedette.t("sure"), vedette.t("local time"), vedette.t("place"), "CE90", vedette.t("decided"), vedette.t("recording")]) head.appendChild(vedette.element("th", "", name));
      table.appendChild(head);
      keys.forEach((key, k) => {
        const item = desk.op.item(key), row = vedette.element("tr");
        for (const text of [String(k + 1), item.className, vedette.sureText(item), vedette.timeText(desk.op, item), vedette.placeText(item), item.ce90 === null ? "" : item.ce90.toFixed(0) + " m", item.decided ? vedette.t(item.decision) : vedette.t("nobody"), item.recording ? item.recording.name : ""]) row.appendChild(vedette.element("td", "", text));
        table.appendChild(row);
      });
      const active = desk.active();
      sheet.replaceChildren(vedette.element("p", "", vedette.countsText(desk) + (active.length ? ". " + vedette.t("Filters: %(names)s.", { names: active.join(", ") }) : ". " + vedette.t("No filters."))));
      legendOn(sheet, desk.op.data.classes.map((c) => { const key = vedette.element("span", "vedette-key"); key.style.backgroundColor = c.colour; return vedette.legendRow(key, c.name); }), data);
      sheet.appendChild(table);
      if (desk.shown.keys.length > shown) sheet.appendChild(vedette.element("p", "", vedette.t("and %(n)s more", { n: desk.shown.keys.length - shown })));
      for (const line of data.notes || []) sheet.appendChild(vedette.element("p", "note", line));
    });
  }

  Object.assign(window.vedette, { keys: keys, theme: theme, toggleTheme: toggleTheme, printed: printed, printedPlan: printedPlan });
})();
