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
    button.textContent = done ? "copied" : "select it by hand";
    setTimeout(() => { button.textContent = was; }, 1500);
  }

  function copyable(list, name, text) {
    list.appendChild(vedette.element("dt", "", name));
    const value = vedette.element("dd", "copyable"), button = vedette.element("button", "small", "copy");
    button.type = "button";
    button.setAttribute("aria-label", "copy " + name);
    button.addEventListener("click", () => copied(text, button));
    value.append(vedette.element("span", "mono", text), button);
    list.appendChild(value);
  }

  function add(list, name, value) {
    if (value === null || value === undefined || value === "") return;
    list.append(vedette.element("dt", "", name), vedette.element("dd", "", value));
  }

  function shot(desk, item) {
    const figure = vedette.element("figure", ""), frames = desk.op.data.frames || {}, frame = frames[item.hitRow], close = frame && vedette.jpegText(frame.close) ? frame.close : null, chip = close || vedette.chipOf(desk.op, item);
    if (!chip || !vedette.jpegText(chip)) {
      figure.appendChild(vedette.element("div", "vedette-nochip large", "no picture is kept of it"));
      return figure;
    }
    const img = vedette.element("img", close ? "close" : "chip");
    img.alt = "picture cut around the " + item.className;
    img.width = img.height = CHIP_PX;
    img.src = "data:image/jpeg;base64," + chip;
    figure.appendChild(img);
    if (frame && frame.whole && vedette.jpegText(frame.whole)) {
      const open = vedette.element("button", "frame", "Whole frame (O)");
      open.type = "button";
      open.addEventListener("click", () => wholeFrame(item, frame));
      figure.appendChild(open);
    }
    return figure;
  }

  function wholeFrame(item, frame) {
    const dialog = vedette.element("dialog", "vedette-frame"), close = vedette.element("button", "", "Close (Esc)"), img = vedette.element("img"), stage = vedette.element("div", "stage"), box = vedette.element("div", "box");
    dialog.setAttribute("aria-label", "whole frame");
    close.type = "button";
    close.addEventListener("click", () => dialog.close());
    img.alt = "the whole frame with the " + item.className + " marked";
    img.src = "data:image/jpeg;base64," + frame.whole;
    box.style.left = 100 * frame.box[0] + "%"; box.style.top = 100 * frame.box[1] + "%"; box.style.width = 100 * (frame.box[2] - frame.box[0]) + "%"; box.style.height = 100 * (frame.box[3] - frame.box[1]) + "%";
    stage.append(img, box);
    dialog.append(close, stage, vedette.element("p", "quiet", item.recording ? item.recording.name + ", frame " + item.frame : ""));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.appendChild(dialog);
    dialog.showModal();
  }

  function facts(desk, item) {
    const op = desk.op, list = vedette.element("dl", ""), moment = op.isThing(item.key) ? item.shownT : item.t, utc = op.utc(moment);
    add(list, "UTC", utc === null ? "not known" : utc.toISOString().replace("T", " ").replace("Z", " UTC"));
    add(list, "local", op.local(moment));
    if (item.first !== item.last) add(list, "seen", op.local(item.first).slice(11, 19) + " to " + op.local(item.last).slice(11, 19) + ", " + Math.round((item.last - item.first) / 1000) + " s, " + item.hits + " hits");
    if (item.place) {
      const grid = vedette.mgrsText(item.place[0], item.place[1]);
      if (grid) copyable(list, "MGRS", grid);
      copyable(list, "position", vedette.degrees(item.place[0], item.place[1]));
      add(list, "CE90", item.ce90 === null ? "not known" : item.ce90.toFixed(1) + " m");
    } else add(list, "place", "none: " + (item.reason || "not known"));
    if (item.border !== null) add(list, "border", vedette.metresText(item.border) + (item.bearing === null ? "" : " towards " + vedette.bearingText(item.bearing)));
    if (item.closest !== null) add(list, "nearest to it", vedette.metresText(item.closest) + (Number.isNaN(item.closestT) ? "" : " at " + op.local(item.closestT).slice(11, 19)));
    if (item.speed !== null) add(list, "moved", item.speed.toFixed(1) + " m/s" + (item.heading === null || item.speed < 0.3 ? "" : " towards " + vedette.bearingText(item.heading)));
    if (item.recording) add(list, "recording", item.recording.name);
    add(list, "in it", item.mediaT === null ? "frame " + item.frame : clock(item.mediaT) + ", frame " + item.frame);
    if (item.recording && new Set(op.data.recordings.map((r) => r.operation_id)).size > 1) add(list, "operation", item.recording.operation);
    return list;
  }

  /* What the machine says on one side, what a person decided on the other: neither is taken for the other. */
  function judged(item) {
    const box = vedette.element("div", "vedette-judged"), machine = vedette.element("div", ""), person = vedette.element("div", item.decided ? "decided " + item.decision : "");
    const sure = item.existence === null ? "" : "there was something: P " + item.existence.toFixed(2), score = item.score === null ? "" : (item.calibrated ? "of this class: P " : "detector's own number: ") + item.score.toFixed(2);
    machine.append(vedette.element("h3", "", "Machine assessment"), vedette.element("b", "", item.className), vedette.element("div", "quiet", sure), vedette.element("div", "quiet", score));
    person.append(vedette.element("h3", "", "A person decided"), vedette.element("b", "", item.decided ? item.decision : "nobody has yet"));
    box.append(machine, person);
    return box;
  }

  function eventsOf(desk, item) {
    const events = desk.op.events.filter((e) => e.things.includes(item.track));
    if (!events.length) return null;
    const list = vedette.element("ul", "vedette-events");
    for (const event of events) {
      const where = event.details && event.details.zone ? " (" + event.details.zone + ")" : "";
      list.appendChild(vedette.element("li", "", vedette.signOf(event.kind) + " " + event.kind + where + (event.probability === null ? "" : ", P " + event.probability.toFixed(2)) + ", " + (desk.op.local(event.t) || "").slice(11, 19)));
    }
    return list;
  }

  /* Fills a panel with what is selected; `steps` are next and previous. Returns the panel. */
  function cardPanel(desk) {
    const panel = vedette.element("section", "vedette-card-panel");
    panel.setAttribute("aria-label", "what is selected");
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
      close.type = "button"; close.setAttribute("aria-label", "close the card"); close.addEventListener("click", () => desk.select(null));
      bar.append(step("‹", -1, "previous"), vedette.element("span", "quiet", at < 0 ? "not in the list" : at + 1 + " of " + keys.length), step("›", 1, "next"), vedette.element("span", "grow"), close);
      const head = vedette.element("h2", "", item.className), id = vedette.element("div", "quiet mono", item.kind + " " + item.id);
      panel.append(bar, head, id, shot(desk, item), judged(item), facts(desk, item));
      const events = eventsOf(desk, item);
      if (events) panel.append(vedette.element("h3", "", "What it did, perhaps"), events);
      panel.append(vedette.element("p", "quiet", "Machine assessment; a person decides."));
    };
    desk.on("select", show);
    desk.on("filter", show);
    return panel;
  }

  Object.assign(window.vedette, { cardPanel: cardPanel, copyText: copied, wholeFrame: wholeFrame, clockText: clock });
})();
