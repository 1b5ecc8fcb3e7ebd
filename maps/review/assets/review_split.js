/* Splitting a track that followed two things: a moment on its way is chosen by keys, and from there on it is another thing. */
"use strict";
(function (review) {
  const desk = review.desk;
  let cut = null, mark = null;

  const wholeOf = (name) => (name.lastIndexOf("~") > 0 ? name.slice(0, name.lastIndexOf("~")) : name);

  /* Where a track is split now, in milliseconds: where its pieces but the first begin. */
  function cutsOf(name) {
    const op = desk.view.op, whole = wholeOf(name), begins = [];
    for (const [other, key] of desk.keys) if (other !== whole && wholeOf(other) === whole) begins.push(op.data.epoch_ms + op.points.t[op.start[key]]);
    return begins.sort((a, b) => a - b).slice(1);
  }

  /* Where between two points it jumped furthest: there it most likely went on to another thing. */
  function furthestStep(op, from, to) {
    let best = from + 1, most = -1;
    for (let k = from + 1; k < to; k++) {
      const far = Math.hypot(op.points.x[k] - op.points.x[k - 1], op.points.y[k] - op.points.y[k - 1]);
      if (op.points.t[k] > op.points.t[from] && far > most) { most = far; best = k; }
    }
    return best;
  }

  function start() {
    const key = desk.view.selected, item = desk.current(), op = desk.view.op;
    if (!desk.can() || !item) return;
    const from = op.isThing(key) ? op.start[key] : 0, to = op.isThing(key) ? op.start[key + 1] : 0;
    if (item.joined && item.joined.length) { review.say(review.t("These are several tracks taken for one thing: M sets them apart first.")); return; }
    if (!(op.points.t[to - 1] > op.points.t[from])) { review.say(review.t("There is no moment at which this could be split.")); return; }
    cut = { name: desk.selected, from: from, to: to, at: furthestStep(op, from, to) };
    show();
  }

  function end() {
    cut = null;
    if (mark) mark.remove();
    mark = null;
    desk.tell("bar");
  }

  function show() {
    const op = desk.view.op, { points } = op, place = op.place(points, cut.at);
    if (mark) mark.remove();
    mark = place ? L.circleMarker(place, { radius: 10, weight: 4, color: "#8e24aa", fillOpacity: 0.2, interactive: false }).addTo(review.map) : null;
    if (place && !review.map.getBounds().contains(place)) review.map.panTo(place, { animate: false });
    desk.tell("bar");
  }

  function move(to) {
    const { t } = desk.view.op.points;
    cut.at = Math.min(cut.to - 1, Math.max(cut.from + 1, to));
    while (cut.at < cut.to - 1 && !(t[cut.at] > t[cut.from])) cut.at++;
    show();
  }

  /* Splits a track at moments, none of which makes it whole; what it was called before is looked for by its new name. */
  async function set(name, moments, chosen) {
    const [source, run, ...id] = name.split("/"), at = moments.map((ms) => new Date(ms).toISOString());
    await review.post("/api/split", { thing: { source: Number(source), run: run, id: id.join("/") }, at: at });
    await desk.renew();
    const piece = moments.length ? wholeOf(name) + "~" + (moments.indexOf(chosen) + 2) : wholeOf(name);
    if (desk.keys.has(piece)) desk.select(piece);
  }

  async function give(moments, chosen, said) {
    const { name } = cut, before = cutsOf(name);
    end();
    try {
      await set(name, moments, chosen);
      desk.undo.push(() => set(name, before, before[0]));
      review.say(said);
    } catch (error) { review.say(error.message); }
  }

  function split() {
    const op = desk.view.op, chosen = op.data.epoch_ms + op.points.t[cut.at];
    return give([...cutsOf(cut.name), chosen].sort((a, b) => a - b), chosen, review.t("Split: each piece is a thing of its own. Z makes it as it was."));
  }

  const whole = () => give([], null, review.t("Whole again."));

  /* What the bar holds while a moment is chosen. */
  review.splitBar = function (box) {
    if (!cut) return false;
    const op = desk.view.op, at = { at: cut.at - cut.from + 1, all: cut.to - cut.from, t: (op.local(op.points.t[cut.at]) || "").slice(11, 19) };
    box.replaceChildren(review.element("b", "", review.t("Another thing from point %(at)s of %(all)s on (%(t)s)", at)));
    box.append(review.button(review.t("Earlier"), "←", () => move(cut.at - 1)), review.button(review.t("Later"), "→", () => move(cut.at + 1)), review.button(review.t("Split"), "Enter", split));
    if (wholeOf(cut.name) !== cut.name) box.append(review.button(review.t("Whole again"), "W", whole));
    box.append(review.button(review.t("Cancel"), "Esc", end));
    return true;
  };

  review.splitKey = function (key) {
    if (!cut) { if (key === "s") start(); return key === "s"; }
    const moves = { ArrowLeft: cut.at - 1, ArrowRight: cut.at + 1, Home: cut.from, End: cut.to };
    if (key in moves) move(moves[key]);
    else if (key === "Enter") split();
    else if (key === "w" && wholeOf(cut.name) !== cut.name) whole();
    else if (key === "Escape") end();
    else { end(); return false; }
    return true;
  };

  desk.on("select", () => { if (cut) end(); });
})(window.review);
