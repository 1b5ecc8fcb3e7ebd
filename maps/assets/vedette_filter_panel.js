/* What can be left out, as switches and sliders that act on everything at once, with counts of what is there. */
"use strict";
(function () {
  let serial = 0;

  function section(name) {
    const box = vedette.element("fieldset", "vedette-filter");
    box.appendChild(vedette.element("legend", "", name));
    return box;
  }

  function check(text, on, change, colour, count) {
    const label = vedette.element("label", "check"), input = vedette.element("input");
    input.type = "checkbox"; input.checked = on;
    input.addEventListener("change", () => change(input.checked));
    label.appendChild(input);
    if (colour) { const key = vedette.element("span", "vedette-key"); key.style.backgroundColor = colour; label.appendChild(key); }
    label.appendChild(vedette.element("span", "name", text));
    if (count !== undefined) label.appendChild(vedette.element("span", "count", String(count)));
    return label;
  }

  /* A row of switches over codes of a column; what is switched off is in the state's list. */
  function switches(desk, name, field, listed) {
    const box = section(name);
    let entries = [];
    const draw = () => {
      box.querySelectorAll("label").forEach((label) => label.remove());
      entries = listed();
      for (const { code, text, colour, count } of entries) {
        box.appendChild(check(text, !desk.filters[field].includes(code), (on) => {
          const rest = desk.filters[field].filter((one) => one !== code);
          desk.set({ [field]: on ? rest : [...rest, code].sort((a, b) => a - b) });
        }, colour, count));
      }
    };
    draw();
    desk.on("op", draw);
    desk.on("filter", () => { box.querySelectorAll("input").forEach((input, k) => { input.checked = !desk.filters[field].includes(entries[k].code); }); });
    return box;
  }

  /* A slider whose right (or left) end sets no limit; `range` says where it ends, and what stands for no limit, anew for other operations. */
  function slider(desk, name, field, range, said) {
    const box = section(name), input = vedette.element("input"), text = vedette.element("output", ""), id = "vedette-slider-" + (++serial);
    let none;
    input.type = "range"; input.id = id;
    input.setAttribute("aria-label", name);
    input.addEventListener("input", () => { const v = Number(input.value); desk.set({ [field]: none === undefined ? v : v >= none ? null : v }); });
    const draw = () => { const v = desk.filters[field]; input.value = v === null ? none : v; text.textContent = said(v); input.setAttribute("aria-valuetext", text.textContent); };
    const renew = () => { const at = range(desk.op); input.min = at.min; input.max = at.max; input.step = at.step; none = at.open ? at.max : undefined; draw(); };
    box.append(input, text);
    renew();
    desk.on("op", renew);
    desk.on("filter", draw);
    return box;
  }

  function tally(column, codes, rows) {
    const counts = new Array(codes).fill(0);
    for (let i = 0; i < rows; i++) counts[column[i]]++;
    return counts;
  }

  function roundUp(value) { const power = Math.pow(10, Math.floor(Math.log10(Math.max(value, 1)))); return Math.ceil(value / power * 2) / 2 * power; }

  function largest(column) { let most = 0; for (let i = 0; i < column.length; i++) if (column[i] > most) most = column[i]; return most; }

  function areaBox(desk, draw) {
    const box = section(vedette.t("In a drawn area")), begin = vedette.element("button", "", vedette.t("Draw an area (D)")), clear = vedette.element("button", "", vedette.t("Remove it"));
    begin.type = clear.type = "button";
    begin.addEventListener("click", draw);
    clear.addEventListener("click", () => desk.set({ area: null }));
    const show = () => { clear.hidden = desk.filters.area === null; };
    box.append(begin, clear);
    desk.on("filter", show);
    show();
    return box;
  }

  const share = (step) => () => ({ min: 0, max: 1, step: step });
  function widest(op) { const wide = Math.max(5, roundUp(largest(op.things.ce90)), roundUp(largest(op.hits.ce90))); return { min: 1, max: wide, step: wide > 100 ? 5 : 1, open: true }; }
  function farthest(op) { const far = Math.max(1000, roundUp(largest(op.things.closest))); return { min: 0, max: far, step: far > 2000 ? 50 : 10, open: true }; }

  /* Entries of a row of switches: of a table of names, with how many hits there are of each; of tracks, where hits come one by one. */
  function entries(desk, field, table) {
    return () => {
      const op = desk.op, of = op.data.whole === undefined ? op.hits : op.things, names = op.data[table], counts = tally(of[field], Math.max(1, names.length), of.count);
      return names.map((one, code) => ({ code: code, text: vedette.t(one.name || one), colour: one.colour, count: counts[code] }));
    };
  }

  function filterPanel(desk, draw) {
    const data = desk.op.data, panel = vedette.element("div", "vedette-filters");
    const reset = vedette.element("button", "reset", vedette.t("Show everything again (R)")), counted = vedette.element("p", "quiet", "");
    reset.type = "button";
    reset.addEventListener("click", () => desk.reset());
    const told = () => { reset.disabled = desk.active().length === 0; };
    desk.on("filter", told);
    told();
    const unlikely = () => { const k = desk.shown.counts.unlikely; counted.textContent = k ? vedette.t("%(n)s tracks are hidden as less likely than that", { n: k }) : vedette.t("no track is hidden for that"); };
    const existence = slider(desk, vedette.t("Probability that there was something"), "existence", share(0.05), (v) => (v === 0 ? vedette.t("all tracks") : vedette.t("at least %(p)s, or decided by a person", { p: v.toFixed(2) })));
    existence.appendChild(counted);
    desk.on("filter", unlikely);
    unlikely();
    panel.append(reset, existence, switches(desk, vedette.t("Assessed as"), "classes", entries(desk, "class", "classes")));
    panel.append(slider(desk, vedette.t("Best score"), "score", share(0.01), (v) => (v === 0 ? vedette.t("any") : vedette.t("at least %(p)s", { p: v.toFixed(2) }))));
    panel.append(slider(desk, vedette.t("How sure the place is (CE90)"), "ce90", widest, (v) => (v === null ? vedette.t("any") : vedette.t("at most %(far)s", { far: vedette.metresText(v) }))));
    if (data.has_border) panel.append(slider(desk, vedette.t("Distance from the border"), "near", farthest, (v) => (v === null ? vedette.t("any") : vedette.t("came within %(far)s", { far: vedette.metresText(v) }))));
    panel.append(switches(desk, vedette.t("Decided by a person"), "decisions", entries(desk, "decision", "decisions")));
    if (data.recordings.length > 1 || data.whole !== undefined) panel.append(switches(desk, vedette.t("Recording"), "recordings", entries(desk, "recording", "recordings")));
    const kinds = section(vedette.t("Also"));
    for (const [field, text] of [["tracks", vedette.t("tracks")], ["singles", vedette.t("single hits, of no track")], ["unplaced", vedette.t("what has no place")]]) {
      const label = check(text, desk.filters[field], (on) => desk.set({ [field]: on }));
      desk.on("filter", () => { label.querySelector("input").checked = desk.filters[field]; });
      kinds.appendChild(label);
    }
    panel.append(kinds, areaBox(desk, draw));
    return panel;
  }

  Object.assign(window.vedette, { filterPanel: filterPanel, checkLabel: check });
})();
