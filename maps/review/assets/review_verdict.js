/* Deciding: one key for the verdict, one for the reason, and the next thing comes by itself. */
"use strict";
(function (review) {
  const desk = review.desk;
  const VERDICTS = [["c", "confirmed", "Confirm"], ["d", "dismissed", "Dismiss"], ["u", "undecided", "Unsure"]];
  let note = "", settle = false;

  function start(decision) {
    if (!desk.can() || !desk.chosen().length) return;
    desk.pending = decision;
    bar();
  }

  function cancel() {
    desk.pending = null;
    note = "";
    settle = false;
    bar();
  }

  /* What was given counts here at once, and the next thing is on its way before the log has it; should the log not
     take it, it is open again and that is said. */
  async function give(reason) {
    const items = desk.chosen(), decision = desk.pending, several = desk.picked.size > 0;
    if (!decision || !items.length) return;
    const body = { items: items.map(desk.nameOf), decision: decision, reason: reason || "", note: note, settle: settle };
    const before = items.map((item) => ({ source: item.source, run: item.run, id: item.id, rank: item.rank, standing: item.standing, second: item.second }));
    const own = { by: desk.me.name, utc: null, decision: decision, reason: body.reason, note: note, proposal: false };
    for (const item of items) desk.take({ source: item.source, run: item.run, id: item.id, rank: item.rank, second: false, standing: { decision: decision, by: [desk.me.name], given: item.standing.given.filter((one) => one.by !== desk.me.name).concat(own) } });
    desk.picked.clear();
    cancel();
    desk.tell("standing", items.map(desk.keyOf));
    desk.tell("picked");
    if (!several || !desk.current() || !desk.open(desk.current())) desk.step(1, true);
    try {
      const told = await review.post("/api/verdicts", body);
      for (const thing of told.things) desk.take(thing);
      desk.undo.push(() => takeBack(body.items));
      review.say(revealed(told));
      desk.tell("standing", told.things.map(desk.keyOf));
    } catch (error) {
      for (const was of before) desk.take(was);
      review.say(error.message);
      desk.tell("standing", before.map(desk.keyOf));
    }
  }

  /* What a reader learns right after a verdict: that somebody else decided differently, or that this one was planted. */
  function revealed(told) {
    if (told.planted.length) {
      const one = told.planted[0];
      for (const each of told.planted) desk.gone.add(desk.keyOf(each));
      return one.truth === one.said ? review.t("This one was planted, and you were right: it was known to be %(truth)s.", { truth: review.t(one.truth) }) : review.t("This one was planted: it was known to be %(truth)s. It stays outside the case.", { truth: review.t(one.truth) });
    }
    const conflict = told.things.filter((thing) => thing.standing.decision === "conflict");
    if (!conflict.length) return "";
    const others = conflict[0].standing.given.filter((one) => one.by !== desk.me.name).map((one) => one.by + ": " + one.decision);
    return review.t("Decided differently by %(who)s. Both stand until a supervisor settles it.", { who: others.join(", ") });
  }

  async function takeBack(items) {
    const told = await review.post("/api/verdicts/undo", { items: items });
    for (const thing of told.things) desk.take(thing);
    desk.tell("standing", told.things.map(desk.keyOf));
    const key = desk.keyOf(items[0]);
    if (desk.at.has(key)) desk.select(key);
  }

  async function undo() {
    const back = desk.undo.pop();
    if (!back) { review.say(review.t("Nothing to take back.")); return; }
    try {
      await back();
      review.say(review.t("Taken back; the log keeps both."));
    } catch (error) { review.say(error.message); }
  }

  /* Takes what is picked for one thing; what is one already comes apart. */
  async function join() {
    const items = desk.chosen();
    if (!desk.can() || !items.length) return;
    const apart = items.length === 1 && items[0].joined.length;
    try {
      await review.post(apart ? "/api/part" : "/api/join", { items: items.map(desk.nameOf) });
      desk.picked.clear();
      await desk.load();
      review.say(apart ? review.t("Set apart again.") : review.t("Taken for one thing; M sets it apart again."));
    } catch (error) { review.say(error.message); }
  }

  function reasons() { return Object.entries(desk.table.reasons[desk.pending] || {}); }

  function bar() {
    const box = document.getElementById("verdict");
    box.hidden = !desk.can();
    box.classList.toggle("asking", Boolean(desk.pending));
    if (review.splitBar(box)) return;
    if (!desk.pending) {
      const count = desk.picked.size;
      box.replaceChildren(...VERDICTS.map(([key, name, text]) => review.button(review.t(text) + (count ? " (" + count + ")" : ""), key.toUpperCase(), () => start(name), name)));
      box.append(review.button(review.t("Next"), "N", () => desk.step(1)), review.button(review.t("Take back"), "Z", undo));
      return;
    }
    const words = { confirmed: "Confirmed, because", dismissed: "Dismissed, because", undecided: "Unsure, because" };
    box.replaceChildren(review.element("b", "", review.t(words[desk.pending])));
    reasons().forEach(([code, text], k) => box.append(review.button(review.t(text), String(k + 1), () => give(code), "reason")));
    const field = review.element("input", "note");
    field.placeholder = review.t("note (T)");
    field.setAttribute("aria-label", review.t("note"));
    field.maxLength = 2000;
    field.value = note;
    field.addEventListener("input", () => { note = field.value; });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); field.blur(); }
      if (event.key === "Escape") { event.stopPropagation(); field.blur(); }
    });
    box.append(field);
    const conflict = desk.chosen().some((item) => item.standing.decision === "conflict");
    if (conflict && (desk.me.role === "supervisor" || desk.me.role === "admin")) {
      const label = review.element("label", "check"), tick = review.element("input");
      tick.type = "checkbox";
      tick.addEventListener("change", () => { settle = tick.checked; });
      label.append(tick, review.t("settle the conflict"));
      box.append(label);
    }
    box.append(review.button(review.t("without a reason"), "Enter", () => give("")), review.button(review.t("Cancel"), "Esc", cancel));
  }

  review.verdictKey = function (key) {
    if (desk.pending) {
      const n = Number(key), list = reasons();
      if (n >= 1 && n <= list.length) { give(list[n - 1][0]); return true; }
      if (key === "Enter" || key === "n") { give(""); return true; }
      if (key === "Escape") { cancel(); return true; }
      if (key === "t") { document.querySelector("#verdict .note").focus(); return true; }
    }
    for (const [letter, name] of VERDICTS) if (key === letter) { start(name); return true; }
    if (key === "z") { undo(); return true; }
    if (key === "m") { join(); return true; }
    return false;
  };

  review.startVerdict = function () {
    for (const what of ["select", "picked", "items", "bar"]) desk.on(what, bar);
    bar();
  };
})(window.review);
