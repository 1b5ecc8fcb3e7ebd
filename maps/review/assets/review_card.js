/* What the console's list and card say beside what every page of ours says: the rank, what people decided, what the patrol found, the film. */
"use strict";
(function (review) {
  const desk = review.desk, WORDS = { confirmed: "confirmed", dismissed: "dismissed", undecided: "unsure" };
  const of = (item) => desk.item(desk.view.op.nameOf(item.key));

  function dress(item, box) {
    const one = of(item);
    if (one) box.classList.add(one.rank.band);
  }

  function beside(item) {
    const one = of(item);
    if (!one) return "";
    const left = one.rank.time_left_s === null ? "" : review.t("%(time)s to the border", { time: review.duration(one.rank.time_left_s) }), joined = one.joined && one.joined.length ? together(one) : "";
    return [joined, left].filter(Boolean).join(" · ");
  }

  function together(one) {
    const p = one.joined_probability, n = one.joined.length;
    return typeof p !== "number" ? review.t("%(n)s tracks", { n }) : review.t("%(n)s tracks, likely one thing (%(p)s)", { n, p: p.toFixed(2) });
  }

  function judged(item, machine, person) {
    const one = of(item);
    if (!one) return;
    const rank = one.rank;
    const why = review.t("%(band)s: P %(p)s × weight %(w)s (%(kind)s)", { band: review.t(rank.band), p: rank.probability.toFixed(2), w: rank.weight, kind: rank.kind || review.t("no event") });
    machine.append(review.element("div", "quiet why", why));
    person.replaceChildren(review.element("h3", "", review.t("People decided")));
    if (one.second) person.append(review.element("p", "", review.t("Read once. Yours is asked for without seeing the first.")));
    else if (one.standing.decision === "conflict") person.append(review.element("b", "conflict", review.t("conflict")));
    if (!one.standing.given.length && !one.second) person.append(review.element("b", "quiet", review.t("nobody has yet")));
    for (const given of one.standing.given) person.append(word(given));
  }

  function word(given) {
    const line = review.element("div", "given"), reasons = desk.table.reasons[given.decision] || {}, reason = given.reason ? reasons[given.reason] || given.reason : "";
    line.append(review.element("b", "", given.by), " ", given.proposal ? review.t("proposed from an earlier run") + ": " : "", review.t(WORDS[given.decision]));
    if (reason) line.append(", ", review.t(reason));
    line.append(review.element("span", "quiet", " " + (given.utc ? review.moment(given.utc, true) : "")));
    if (given.note) line.append(review.element("div", "note", given.note));
    return line;
  }

  function outcomes() {
    if (!desk.card || !desk.card.outcomes || !desk.card.outcomes.length) return null;
    const box = review.element("section", "found");
    box.append(review.element("h3", "", review.t("From the spot")));
    for (const one of desk.card.outcomes) box.append(review.element("div", "given", review.t(one.found) + (one.note ? ": " + one.note : "") + ", " + one.by + ", " + review.moment(one.utc)));
    return box;
  }

  function film() {
    const card = desk.card;
    if (!card || !card.recording_id || card.media_t_ns < 0) return null;
    const link = review.element("a", "film", review.t("film"));
    link.href = "/footage#" + new URLSearchParams({ source: card.source, media: card.recording_id, t: (card.media_t_ns / 1e9).toFixed(2) });
    return link;
  }

  /* How much there is to decide, above the list. */
  review.countLine = function () {
    const box = review.element("p", "count quiet");
    box.id = "count";
    box.setAttribute("role", "status");
    const tell = () => {
      const items = desk.shown(), alerts = items.filter((item) => item.rank.band === "alert").length, said = [review.t("%(left)s of %(all)s to decide", { left: desk.left(), all: items.length })];
      if (alerts) said.push(review.t("%(n)s alerts", { n: alerts }));
      if (desk.total > desk.items.length) said.push(review.t("the newest of %(n)s", { n: desk.total }));
      if (desk.singlesLeft) said.push(review.t("%(n)s single hits left out", { n: desk.singlesLeft }));
      if (desk.picked.size) said.push(review.t("%(n)s picked", { n: desk.picked.size }));
      box.textContent = said.join(" · ");
    };
    desk.view.on("filter", tell);
    for (const what of ["items", "picked", "standing"]) desk.on(what, tell);
    tell();
    return box;
  };

  review.startCard = function (view) { Object.assign(view, { dress: dress, beside: beside, judged: judged, parts: [outcomes, film] }); };
  desk.on("select", () => { const card = document.getElementById("card"); if (card) card.dataset.key = ""; });
  desk.on("card", (name) => { document.getElementById("card").dataset.key = name; });
})(window.review);
