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
  function switches(desk, name, field, entries) {
    const box = section(name), draw = () => {
      box.querySelectorAll("label").forEach((label) => label.remove());
      for (const { code, text, colour, count } of entries) {
        box.appendChild(check(text, !desk.filters[field].includes(code), (on) => {
          const rest = desk.filters[field].filter((one) => one !== code);
          desk.set({ [field]: on ? rest : [...rest, code].sort((a, b) => a - b) });
        }, colour, count));
      }
    };
    draw();
    desk.on("filter", () => { box.querySelectorAll("input").forEach((input, k) => { input.checked = !desk.filters[field].includes(entries[k].code); }); });
    return box;
  }

  /* A slider whose right (or left) end sets no limit. */
  function slider(desk, name, field, { min, max, step, none, said }) {
    const box = section(name), input = vedette.element("input"), text = vedette.element("output", ""), id = "vedette-slider-" + (++serial);
    input.type = "range"; input.min = min; input.max = max; input.step = step; input.id = id;
    input.setAttribute("aria-label", name);
    input.addEventListener("input", () => { const v = Number(input.value); desk.set({ [field]: none === undefined ? v : v === none ? null : v }); });
    const draw = () => { const v = desk.filters[field]; input.value = v === null ? none : v; text.textContent = said(v); input.setAttribute("aria-valuetext", text.textContent); };
    box.append(input, text);
    draw();
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
    const box = section("In a drawn area"), begin = vedette.element("button", "", "Draw an area (D)"), clear = vedette.element("button", "", "Remove it");
    begin.type = clear.type = "button";
    begin.addEventListener("click", draw);
    clear.addEventListener("click", () => desk.set({ area: null }));
    const show = () => { clear.hidden = desk.filters.area === null; };
    box.append(begin, clear);
    desk.on("filter", show);
    show();
    return box;
  }

  function filterPanel(desk, draw) {
    const op = desk.op, data = op.data, panel = vedette.element("div", "vedette-filters"), n = op.hits.count;
    const hits = tally(op.hits.class, data.classes.length, n), decided = tally(op.hits.decision, data.decisions.length, n), recorded = tally(op.hits.recording, Math.max(1, data.recordings.length), n);
    const reset = vedette.element("button", "reset", "Show everything again (R)"), counted = vedette.element("p", "quiet", "");
    reset.type = "button";
    reset.addEventListener("click", () => desk.reset());
    const told = () => { reset.disabled = desk.active().length === 0; };
    desk.on("filter", told);
    told();
    const unlikely = () => { const k = desk.shown.counts.unlikely; counted.textContent = k ? k + (k === 1 ? " track is" : " tracks are") + " hidden as less likely than that" : "no track is hidden for that"; };
    const existence = slider(desk, "Probability that there was something", "existence", { min: 0, max: 1, step: 0.05, said: (v) => v === 0 ? "all tracks" : "at least " + v.toFixed(2) + ", or decided by a person" });
    existence.appendChild(counted);
    desk.on("filter", unlikely);
    unlikely();
    panel.append(reset, existence, switches(desk, "Assessed as (hits)", "classes", data.classes.map((c, code) => ({ code: code, text: c.name, colour: c.colour, count: hits[code] }))));
    panel.append(slider(desk, "Best score", "score", { min: 0, max: 1, step: 0.01, said: (v) => v === 0 ? "any" : "at least " + v.toFixed(2) }));
    const wide = Math.max(5, roundUp(largest(op.hits.ce90)));
    panel.append(slider(desk, "How sure the place is (CE90)", "ce90", { min: 1, max: wide, step: wide > 100 ? 5 : 1, none: wide, said: (v) => v === null ? "any" : "at most " + v + " m" }));
    if (data.has_border) {
      const far = Math.max(100, roundUp(largest(op.things.closest)));
      panel.append(slider(desk, "Distance from the border", "near", { min: 0, max: far, step: far > 2000 ? 50 : 10, none: far, said: (v) => v === null ? "any" : "came within " + v + " m" }));
    }
    panel.append(switches(desk, "Decided by a person", "decisions", data.decisions.map((text, code) => ({ code: code, text: text, count: decided[code] }))));
    if (data.recordings.length > 1) panel.append(switches(desk, "Recording", "recordings", data.recordings.map((r, code) => ({ code: code, text: r.name, count: recorded[code] }))));
    const kinds = section("Also");
    for (const [field, text] of [["tracks", "tracks"], ["singles", "single hits, of no track"], ["unplaced", "what has no place"]]) {
      const label = check(text, desk.filters[field], (on) => desk.set({ [field]: on }));
      desk.on("filter", () => { label.querySelector("input").checked = desk.filters[field]; });
      kinds.appendChild(label);
    }
    panel.append(kinds, areaBox(desk, draw));
    return panel;
  }

  Object.assign(window.vedette, { filterPanel: filterPanel, checkLabel: check });
})();
