/* The card of what is looked at: picture, times, place, what the machine says, what people decided. */
"use strict";
(function (review) {
  const desk = review.desk, JPEG = /^[A-Za-z0-9+/=]+$/;

  function add(list, name, value) {
    if (value === null || value === undefined || value === "") return;
    list.append(review.element("dt", "", review.t(name)), review.element("dd", "", value));
  }

  function picture(card) {
    const box = review.element("figure", "");
    if (card && card.chip && JPEG.test(card.chip)) {
      const img = review.element("img", "chip");
      img.alt = review.t("picture cut around the hit");
      img.src = "data:image/jpeg;base64," + card.chip;
      box.append(img);
    } else box.append(review.element("div", "nochip", card ? review.t("no picture is kept of it") : review.t("loading")));
    if (card && card.recording_id && card.media_t_ns >= 0) {
      const film = review.element("a", "film", review.t("film"));
      film.href = "/footage#" + new URLSearchParams({ source: card.source, media: card.recording_id, t: (card.media_t_ns / 1e9).toFixed(2) });
      box.append(film);
    }
    return box;
  }

  function facts(item) {
    const list = review.element("dl", "");
    add(list, "time", review.moment(item.utc));
    add(list, "seen", item.first_utc === item.last_utc ? "" : review.moment(item.first_utc, true) + " – " + review.moment(item.last_utc, true) + ", " + review.t("%(n)s hits", { n: item.hits }));
    if (item.no_place_because) add(list, "place", review.t("none: %(why)s", { why: item.no_place_because }));
    else {
      add(list, "MGRS", item.mgrs);
      add(list, "position", item.lat_deg.toFixed(6) + ", " + item.lon_deg.toFixed(6));
      add(list, "CE90", item.ce90_m === null ? review.t("not known") : review.metres(item.ce90_m));
    }
    if (item.border_m !== null) add(list, "border", review.metres(item.border_m) + ", " + Math.round(item.border_bearing_deg) + "°");
    if (item.closest_to_border_m !== null) add(list, "closest to it", review.metres(item.closest_to_border_m));
    if (item.speed_mps !== null) add(list, "moved", review.speed(item.speed_mps) + (item.course_deg === null ? "" : ", " + Math.round(item.course_deg) + "°"));
    add(list, "recording", [item.recording, item.media_time].filter(Boolean).join(" · "));
    if (desk.table.operations.length > 1) add(list, "operation", item.operation);
    return list;
  }

  function machine(item, card) {
    const box = review.element("section", "machine"), rank = item.rank;
    box.append(review.element("h3", "", review.t("Machine assessment")), review.element("b", "", item.assessed_class));
    const score = item.probability === null ? review.t("score %(n)s", { n: item.score === null ? "?" : item.score.toFixed(2) }) : review.t("P %(n)s that there was something", { n: item.probability.toFixed(2) });
    box.append(review.element("div", "quiet", score));
    for (const event of (card && card.all_events) || []) {
      box.append(review.element("div", "", event.kind + (event.probability === null ? "" : ", P " + event.probability.toFixed(2)) + ", " + review.moment(event.utc, true)));
    }
    const why = review.t("%(band)s: P %(p)s × weight %(w)s (%(kind)s)", { band: review.t(rank.band), p: rank.probability.toFixed(2), w: rank.weight, kind: rank.kind || review.t("no event") });
    box.append(review.element("div", "quiet why", why));
    return box;
  }

  function people(item) {
    const box = review.element("section", "people"), reasons = desk.table.reasons;
    box.append(review.element("h3", "", review.t("People decided")));
    const tag = review.badge(item);
    if (tag) box.append(tag);
    if (item.second) box.append(review.element("p", "", review.t("Read once. Yours is asked for without seeing the first.")));
    if (!item.standing.given.length && !item.second) box.append(review.element("p", "quiet", review.t("nobody has yet")));
    for (const one of item.standing.given) {
      const words = { confirmed: "confirmed", dismissed: "dismissed", undecided: "unsure" }, line = review.element("div", "given");
      const reason = one.reason ? ((reasons[one.decision] || {})[one.reason] || one.reason) : "";
      line.append(review.element("b", "", one.by), " ", one.proposal ? review.t("proposed from an earlier run") + ": " : "", review.t(words[one.decision]));
      if (reason) line.append(", ", review.t(reason));
      line.append(review.element("span", "quiet", " " + review.moment(one.utc, true)));
      if (one.note) line.append(review.element("div", "note", one.note));
      box.append(line);
    }
    return box;
  }

  function outcomes(card) {
    if (!card || !card.outcomes || !card.outcomes.length) return null;
    const box = review.element("section", "people");
    box.append(review.element("h3", "", review.t("From the spot")));
    for (const one of card.outcomes) box.append(review.element("div", "given", review.t(one.found) + (one.note ? ": " + one.note : "") + ", " + one.by + ", " + review.moment(one.utc)));
    return box;
  }

  function show() {
    const panel = document.getElementById("card"), item = desk.current(), card = desk.card;
    if (!item) { panel.replaceChildren(review.element("p", "quiet", review.t("Nothing is in the queue."))); return; }
    const head = review.element("div", "cardhead");
    head.append(review.element("h2", "", item.assessed_class + "?"), review.element("span", "band " + item.rank.band, review.t(item.rank.band)), review.element("span", "quiet", item.id));
    const rest = outcomes(card), parts = [head, picture(card), machine(item, card), people(item), facts(item)];
    if (rest) parts.splice(4, 0, rest);
    panel.replaceChildren(...parts);
    panel.dataset.key = card ? desk.keyOf(card) : "";
  }

  review.startCard = function () {
    desk.on("select", show);
    desk.on("card", show);
    desk.on("units", show);
    desk.on("standing", (keys) => { if (keys.includes(desk.selected)) show(); });
  };
})(window.review);
