/* The list and the pictures beside the map: rows are made for what is on the screen, however many there are. */
"use strict";
(function () {
  const ROW_PX = 76, TILE_PX = 200, JPEG = /^[A-Za-z0-9+/=]+$/;

  function chipOf(op, item) {
    if (op.chipOf) return op.chipOf(item);
    if (!op.whole) return undefined;
    const chips = op.data.chips || {}, text = item.hitRow >= 0 ? chips[item.hitRow] : undefined;
    if (text) return text;
    if (item.track === item.key) for (const row of op.hitsOf(item.row)) if (chips[row]) return chips[row];
    return null;
  }

  function picture(op, item, px) {
    const chip = chipOf(op, item);
    if (!chip || !JPEG.test(chip)) return vedette.element("span", "vedette-nochip", chip === undefined ? "" : vedette.t("no picture"));
    const img = vedette.element("img");
    img.alt = "";
    img.width = img.height = px;
    img.src = "data:image/jpeg;base64," + chip;
    return img;
  }

  /* How sure it is that there was something, said as what it is. */
  function sureText(item) {
    if (item.existence !== null) return "P " + item.existence.toFixed(2);
    return item.score === null ? "" : vedette.t(item.calibrated ? "P %(p)s" : "score %(p)s", { p: item.score.toFixed(2) });
  }

  function placeText(item) {
    if (!item.place) return vedette.t("no place: %(why)s", { why: item.reason || vedette.t("not known") });
    const parts = [vedette.mgrsText(item.place[0], item.place[1]) || vedette.degrees(item.place[0], item.place[1])];
    if (item.closest !== null) parts.push(vedette.t("%(far)s from the border", { far: vedette.metresText(item.closest) }));
    else if (item.border !== null) parts.push(vedette.t("%(far)s from the border", { far: vedette.metresText(item.border) }));
    return parts.join(" · ");
  }

  function timeText(op, item) {
    const first = op.local(item.first), last = op.local(item.last);
    if (first === null) return vedette.t("no date");
    return first === last ? first.slice(0, 19) : first.slice(0, 19) + " – " + last.slice(11, 19);
  }

  function dot(item) {
    const key = vedette.element("span", "vedette-key");
    key.style.backgroundColor = item.colour;
    return key;
  }

  /* What an item did that is worth a word, as far as it is known. */
  function didText(op, item) {
    return [...new Set(op.events.filter((e) => e.things.includes(item.track) && !vedette.minorEvent(e.kind)).map((e) => e.kind))].join(", ");
  }

  /* That, and what a page says of an item beside. */
  function saidOf(desk, item) {
    return [item.key === item.track ? didText(desk.op, item) : "", desk.beside ? desk.beside(item) : ""].filter(Boolean).join(" · ");
  }

  function row(desk, key) {
    const item = desk.op.item(key), box = vedette.element("div", "vedette-row"), did = saidOf(desk, item);
    box.appendChild(picture(desk.op, item, 60));
    const text = vedette.element("div", "text"), head = vedette.element("div", "head");
    head.append(dot(item), vedette.element("b", "", item.className), vedette.element("span", "sure", sureText(item)));
    if (item.decided) head.appendChild(vedette.element("span", "verdict-tag " + item.decision, vedette.t(item.decision)));
    if (did) head.appendChild(vedette.element("span", "did", did));
    text.append(head, vedette.element("div", "", timeText(desk.op, item)), vedette.element("div", item.place ? "where" : "where lost", placeText(item)));
    box.appendChild(text);
    if (desk.dress) desk.dress(item, box);
    return box;
  }

  function tile(desk, key) {
    const item = desk.op.item(key), box = vedette.element("div", "vedette-tile");
    box.appendChild(picture(desk.op, item, 148));
    const head = vedette.element("div", "head");
    head.append(dot(item), vedette.element("b", "", item.className), vedette.element("span", "sure", sureText(item)));
    box.append(head, vedette.element("div", "quiet", (desk.op.local(item.first) || vedette.t("no date")).slice(11, 19)));
    return box;
  }

  /* A listbox that holds elements for what can be seen alone. `make` builds one; `across` says how many stand in a row. */
  class Roll {
    constructor(desk, name, make, heightPx, minWidthPx) {
      Object.assign(this, { desk: desk, make: make, heightPx: heightPx, minWidthPx: minWidthPx, made: new Map() });
      this.node = vedette.element("div", "vedette-roll");
      this.node.tabIndex = 0;
      this.node.setAttribute("role", "listbox");
      this.node.setAttribute("aria-label", name);
      this.inner = vedette.element("div", "inner");
      this.inner.setAttribute("role", "presentation");
      this.node.appendChild(this.inner);
      this.node.addEventListener("scroll", () => this.fill());
      this.node.addEventListener("keydown", (event) => this.key(event));
      this.inner.addEventListener("click", (event) => {
        const box = event.target.closest("[role=option]");
        if (box && !(desk.clicked && desk.clicked(Number(box.dataset.key), event))) desk.select(Number(box.dataset.key));
      });
      desk.on("filter", () => this.renew());
      desk.on("op", () => this.renew(true));
      desk.on("rows", (_, keys) => this.renew(keys));
      desk.on("pictures", (_, keys) => this.renew(keys));
      desk.on("select", () => this.follow());
      new ResizeObserver(() => this.fill()).observe(this.node);
    }
    get across() { return this.minWidthPx ? Math.max(1, Math.floor(this.node.clientWidth / this.minWidthPx)) : 1; }
    /* Rows that show the same as before stay; `stale` names keys whose row says something else now, or is true for all. */
    renew(stale) {
      const keys = this.desk.shown.keys;
      for (const [at, box] of this.made) {
        const key = Number(box.dataset.key);
        if (stale === true || keys[at] !== key || (stale && stale.includes(key))) { box.remove(); this.made.delete(at); }
        else box.setAttribute("aria-setsize", String(keys.length));
      }
      this.fill();
    }
    fill() {
      const keys = this.desk.shown.keys, high = this.node.clientHeight, across = this.across, wide = 100 / across;
      if (!high) return;
      if (across !== this.wasAcross) { for (const box of this.made.values()) box.remove(); this.made.clear(); this.wasAcross = across; }
      this.inner.style.height = Math.ceil(keys.length / across) * this.heightPx + "px";
      const from = Math.max(0, Math.floor(this.node.scrollTop / this.heightPx) - 2) * across, to = Math.min(keys.length, (Math.ceil((this.node.scrollTop + high) / this.heightPx) + 2) * across);
      for (const [at, box] of this.made) if (at < from || at >= to) { box.remove(); this.made.delete(at); }
      for (let at = from; at < to; at++) {
        if (this.made.has(at)) continue;
        const box = this.make(this.desk, keys[at]);
        box.setAttribute("role", "option");
        box.setAttribute("aria-setsize", String(keys.length));
        box.setAttribute("aria-posinset", String(at + 1));
        box.id = this.node.className.replace(/\W/g, "") + this.heightPx + "-" + at;
        box.dataset.key = keys[at];
        box.style.top = Math.floor(at / across) * this.heightPx + "px";
        box.style.left = (at % across) * wide + "%";
        box.style.width = wide + "%";
        box.style.height = this.heightPx + "px";
        this.made.set(at, box);
        this.inner.appendChild(box);
      }
      this.mark();
      if (this.desk.wanted && to > from) this.desk.wanted(from, to);
    }
    mark() {
      this.node.removeAttribute("aria-activedescendant");
      for (const box of this.made.values()) {
        const chosen = Number(box.dataset.key) === this.desk.selected;
        box.setAttribute("aria-selected", String(chosen));
        box.classList.toggle("marked", this.desk.marked.has(Number(box.dataset.key)));
        if (chosen) this.node.setAttribute("aria-activedescendant", box.id);
      }
    }
    follow() {
      const at = this.desk.selected === null ? -1 : this.desk.shown.keys.indexOf(this.desk.selected);
      if (at >= 0 && this.node.clientHeight) {
        const top = Math.floor(at / this.across) * this.heightPx;
        if (top < this.node.scrollTop) this.node.scrollTop = top;
        else if (top + this.heightPx > this.node.scrollTop + this.node.clientHeight) this.node.scrollTop = top + this.heightPx - this.node.clientHeight;
      }
      this.fill();
    }
    key(event) {
      const page = Math.max(1, Math.floor(this.node.clientHeight / this.heightPx)) * this.across, steps = { ArrowDown: this.across, ArrowUp: -this.across, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
      if (this.across > 1) Object.assign(steps, { ArrowRight: 1, ArrowLeft: -1 });
      if (event.key in steps) { this.desk.step(steps[event.key]); event.preventDefault(); event.stopPropagation(); }
    }
  }

  Object.assign(window.vedette, {
    list: (desk) => new Roll(desk, vedette.t("Things found"), row, ROW_PX, 0), gallery: (desk) => new Roll(desk, vedette.t("Pictures of things found"), tile, TILE_PX, 160),
    chipOf: chipOf, sureText: sureText, timeText: timeText, placeText: placeText, jpegText: (text) => JPEG.test(text),
  });
})();
