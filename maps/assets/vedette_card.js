/* The card of what is selected: picture, times, place, border, recording, and the machine's word beside the person's. */
"use strict";
(function () {
  const CHIP_PX = 192;

  function clock(ms) {
    const s = ms / 1000, two = (v) => String(Math.floor(v)).padStart(2, "0");
    return Math.floor(s / 3600) + ":" + two(s / 60 % 60) + ":" + two(s % 60) + "." + Math.floor(ms % 1000 / 100);
  }

  async function copied(text, button) {
    let done = false;
    try { await navigator.clipboard.writeText(text); done = true; } catch (error) { done = false; }
    if (!done) {
      const area = vedette.element("textarea");
      area.value = text; area.style.position = "fixed"; area.style.top = "0"; area.style.opacity = "0";
      document.body.appendChild(area); area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    const was = button.textContent;
    button.textContent = done ? vedette.t("copied") : vedette.t("select it by hand");
    setTimeout(() => { button.textContent = was; }, 1500);
  }

  function copyable(list, name, text) {
    list.appendChild(vedette.element("dt", "", vedette.t(name)));
    const value = vedette.element("dd", "copyable"), button = vedette.element("button", "small", vedette.t("copy"));
    button.type = "button";
    button.setAttribute("aria-label", vedette.t("copy %(name)s", { name: name }));
    button.addEventListener("click", () => copied(text, button));
    value.append(vedette.element("span", "mono", text), button);
    list.appendChild(value);
  }

  function add(list, name, value) {
    if (value === null || value === undefined || value === "") return;
    list.append(vedette.element("dt", "", vedette.t(name)), vedette.element("dd", "", value));
  }

  function shot(desk, item) {
    const figure = vedette.element("figure", ""), frames = desk.op.data.frames || {}, frame = frames[item.hitRow], close = frame && frame.close && vedette.jpegText(frame.close) ? frame.close : null, chip = close || vedette.chipOf(desk.op, item);
    if (!chip || !vedette.jpegText(chip)) {
      figure.appendChild(vedette.element("div", "vedette-nochip large", chip === undefined ? vedette.t("loading") : vedette.t("no picture is kept of it")));
      return figure;
    }
    const img = vedette.element("img", close ? "close" : "chip");
    img.alt = vedette.t("picture cut around the %(name)s", { name: item.className });
    img.width = img.height = CHIP_PX;
    img.src = "data:image/jpeg;base64," + chip;
    figure.appendChild(img);
    if (frame && frame.whole && vedette.jpegText(frame.whole)) {
      const open = vedette.element("button", "frame", vedette.t("Whole frame (O)"));
      open.type = "button";
      open.addEventListener("click", () => wholeFrame(item, frame));
      figure.appendChild(open);
    }
    return figure;
  }

  function wholeFrame(item, frame) {
    const dialog = vedette.element("dialog", "vedette-frame"), close = vedette.element("button", "", vedette.t("Close (Esc)")), img = vedette.element("img"), stage = vedette.element("div", "stage"), box = vedette.element("div", "box");
    dialog.setAttribute("aria-label", vedette.t("whole frame"));
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    img.alt = vedette.t("the whole frame with the %(name)s marked", { name: item.className });
    img.src = "data:image/jpeg;base64," + frame.whole;
    box.style.left = 100 * frame.box[0] + "%"; box.style.top = 100 * frame.box[1] + "%"; box.style.width = 100 * (frame.box[2] - frame.box[0]) + "%"; box.style.height = 100 * (frame.box[3] - frame.box[1]) + "%";
    stage.append(img, box);
    dialog.append(close, stage, vedette.element("p", "quiet", item.recording ? vedette.t("%(name)s, frame %(n)s", { name: item.recording.name, n: item.frame }) : ""));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.appendChild(dialog);
    dialog.showModal();
  }

  function facts(desk, item) {
    const op = desk.op, list = vedette.element("dl", ""), moment = op.isThing(item.key) ? item.shownT : item.t, utc = op.utc(moment);
    add(list, "UTC", utc === null ? vedette.t("not known") : utc.toISOString().replace("T", " ").replace("Z", " UTC"));
    if (vedette.units.time !== "utc") add(list, "local", op.local(moment));
    if (item.first !== item.last) add(list, "seen", op.local(item.first).slice(11, 19) + " – " + op.local(item.last).slice(11, 19) + ", " + vedette.t("%(s)s s, %(n)s hits", { s: Math.round((item.last - item.first) / 1000), n: item.hits }));
    if (item.place) {
      const grid = vedette.mgrsText(item.place[0], item.place[1]);
      if (grid) copyable(list, "MGRS", grid);
      copyable(list, "position", vedette.degrees(item.place[0], item.place[1]));
      add(list, "CE90", item.ce90 === null ? vedette.t("not known") : vedette.units.length === "metric" ? item.ce90.toFixed(1) + " m" : vedette.metresText(item.ce90));
    } else add(list, "place", vedette.t("none: %(why)s", { why: item.reason || vedette.t("not known") }));
    if (item.border !== null) add(list, "border", vedette.metresText(item.border) + (item.bearing === null ? "" : " " + vedette.t("towards %(bearing)s", { bearing: vedette.bearingText(item.bearing) })));
    if (item.closest !== null) add(list, "nearest to it", vedette.metresText(item.closest) + (Number.isNaN(item.closestT) ? "" : " " + vedette.t("at %(t)s", { t: op.local(item.closestT).slice(11, 19) })));
    if (item.speed !== null) add(list, "moved", vedette.speedText(item.speed) + (item.heading === null || item.speed < 0.3 ? "" : " " + vedette.t("towards %(bearing)s", { bearing: vedette.bearingText(item.heading) })));
    if (item.recording) add(list, "recording", item.recording.name);
    if (item.frame !== null) add(list, "in it", item.mediaT === null ? vedette.t("frame %(n)s", { n: item.frame }) : clock(item.mediaT) + ", " + vedette.t("frame %(n)s", { n: item.frame }));
    if (item.recording && new Set(op.data.recordings.map((r) => r.operation_id)).size > 1) add(list, "operation", item.recording.operation);
    return list;
  }

  /* What the machine says on one side, what a person decided on the other: neither is taken for the other. */
  function judged(desk, item) {
    const box = vedette.element("div", "vedette-judged"), machine = vedette.element("div", "machine"), person = vedette.element("div", "people" + (item.decided ? " decided " + item.decision : ""));
    const sure = item.existence === null ? "" : vedette.t("there was something: P %(p)s", { p: item.existence.toFixed(2) }), score = item.score === null ? "" : vedette.t(item.calibrated ? "of this class: P %(p)s" : "detector's own number: %(p)s", { p: item.score.toFixed(2) });
    machine.append(vedette.element("h3", "", vedette.t("Machine assessment")), vedette.element("b", "", item.className), vedette.element("div", "quiet", sure), vedette.element("div", "quiet", score));
    person.append(vedette.element("h3", "", vedette.t("A person decided")), vedette.element("b", "", item.decided ? vedette.t(item.decision) : vedette.t("nobody has yet")));
    box.append(machine, person);
    if (desk.judged) desk.judged(item, machine, person);
    return box;
  }

  function eventsOf(desk, item) {
    const events = desk.op.events.filter((e) => e.things.includes(item.track));
    if (!events.length) return null;
    const box = vedette.element("div"), list = vedette.element("ul", "vedette-events");
    box.append(vedette.element("h3", "", vedette.t("What it did, perhaps")), list);
    for (const event of events) {
      const where = event.details && event.details.zone ? " (" + event.details.zone + ")" : "";
      list.appendChild(vedette.element("li", "", (vedette.minorEvent(event.kind) ? "" : vedette.signOf(event.kind) + " ") + event.kind + where + (event.probability === null ? "" : ", P " + event.probability.toFixed(2)) + ", " + (desk.op.local(event.t) || "").slice(11, 19)));
    }
    return box;
  }

  const heading = (desk, item) => vedette.element("h2", "", item.className), name = (desk, item) => vedette.element("div", "quiet mono", vedette.t(item.kind) + " " + item.id);
  const closing = () => vedette.element("p", "quiet", vedette.t("Machine assessment; a person decides."));
  /* Parts of the card from its head down, each made from the desk and the item; null where there is nothing to say. */
  const PARTS = [heading, name, shot, judged, eventsOf, facts, closing];

  /* A panel with what is selected, and next and previous. */
  function cardPanel(desk) {
    const panel = vedette.element("section", "vedette-card-panel");
    panel.setAttribute("aria-label", vedette.t("what is selected"));
    panel.tabIndex = -1;
    panel.hidden = true;
    const show = () => {
      panel.replaceChildren();
      panel.hidden = desk.selected === null;
      document.body.classList.toggle("vedette-card-open", !panel.hidden);
      if (panel.hidden) return;
      const item = desk.op.item(desk.selected), keys = desk.shown.keys, at = keys.indexOf(desk.selected), bar = vedette.element("div", "bar");
      const step = (text, places, name) => { const b = vedette.element("button", "", text); b.type = "button"; b.disabled = at + places < 0 || at + places >= keys.length; b.setAttribute("aria-label", name); b.addEventListener("click", () => desk.step(places)); return b; };
      const close = vedette.element("button", "close", "×");
      close.type = "button"; close.setAttribute("aria-label", vedette.t("close the card")); close.addEventListener("click", () => desk.select(null));
      bar.append(step("‹", -1, vedette.t("previous")), vedette.element("span", "quiet", at < 0 ? vedette.t("not in the list") : vedette.t("%(n)s of %(all)s", { n: at + 1, all: keys.length })), step("›", 1, vedette.t("next")), vedette.element("span", "grow"), close);
      panel.append(bar, ...[...PARTS, ...(desk.parts || [])].map((part) => part(desk, item)).filter(Boolean));
    };
    desk.on("select", show);
    desk.on("filter", show);
    const renew = (_, keys) => { if (keys === true || keys.includes(desk.selected)) show(); };
    desk.on("rows", renew); desk.on("pictures", renew);
    return panel;
  }

  Object.assign(window.vedette, { cardPanel: cardPanel, copyText: copied, wholeFrame: wholeFrame, clockText: clock });
})();
