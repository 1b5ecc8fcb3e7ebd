/* What comes in while an operation grows: new tracks, how old each link's news is, a sound and a notification by choice. */
"use strict";
(function (review) {
  const MOST = 200;
  let links = [], heard = performance.now(), source = null;

  function track(told) {
    const list = document.getElementById("news"), item = review.element("li");
    const text = review.moment(told.utc) + "  " + told.assessed + " " + told.probability.toFixed(2) + "  " + told.id;
    item.dataset.track = told.id;
    item.append(review.button(text, "", () => review.footageMap.setView(told.place, 18, { animate: false })));
    list.prepend(item);
    while (list.children.length > MOST) list.lastChild.remove();
    const spot = review.liveSpot(told.place, told.assessed);
    if (!review.fitted) { review.footageMap.setView(told.place, 16, { animate: false }); review.fitted = true; }
    review.liveSpots = [...(review.liveSpots || []), spot];
    while (review.liveSpots.length > MOST) review.liveSpots.shift().remove();
    review.ring(review.t("New track: %(name)s", { name: told.assessed }), review.t("Machine assessment, %(p)s. Look before anything is done.", { p: told.probability.toFixed(2) }), told.id);
  }

  /* Ticks by itself: between two messages the age goes on, so that silence is never taken for news. */
  function tick() {
    const since = (performance.now() - heard) / 1000, said = document.getElementById("links");
    said.replaceChildren();
    if (source && since > 8) said.append(review.element("span", "stale", review.t("the console is not heard for %(age)s", { age: vedette.ageText(since) })));
    for (const link of links) {
      const old = link.age_s + since, stale = old > 6;
      said.append(review.element("span", stale ? "stale" : "fresh", review.t(stale ? "stale: %(source)s, last rows %(age)s ago" : "live: %(source)s, last rows %(age)s ago", { source: link.source, age: vedette.ageText(old) })), " ");
    }
    const seen = document.getElementById("seen-title");
    if (review.seenText) seen.textContent = review.seenText + (review.lastSeen ? "; " + review.t("last %(age)s ago", { age: vedette.ageText(Math.max(0, (Date.now() - Date.parse(review.lastSeen)) / 1000)) }) : "");
    aged();
  }

  /* While a stream is watched the ground grows older cell by cell; what was seen since is asked for now and then. */
  const AGED_MS = 5000, RENEWED_MS = 15000;
  let painted = 0, renewed = performance.now(), seen = false;
  function aged() {
    const now = performance.now();
    if (!review.ages || !links.length || now - painted < AGED_MS) return;
    painted = now;
    review.ages.paint(Math.max(1, (Date.now() - review.ages.spec.end_ms) / 1000));
    if (seen && now - renewed > RENEWED_MS) {
      seen = false;
      renewed = now;
      review.get("/api/found", true).then((data) => (data.found.coverage ? review.ages.renew(data.found.coverage) : null)).catch((error) => review.say(error.message));
    }
  }

  function took(event) {
    const told = JSON.parse(event.data);
    heard = performance.now();
    if (told.what === "track") track(told);
    else if (told.what === "links") links = told.links;
    else if (told.what === "seen") seen = true;
    else if (told.what === "run" || told.what === "grown") review.reloadFilms();
    else if (told.what === "over") { source.close(); location.assign("/login?next=/footage"); }
  }

  review.startLive = function () {
    review.bellChoice("sound", document.getElementById("sound"));
    review.bellChoice("notify", document.getElementById("notify"));
    source = new EventSource("/api/live");
    source.onmessage = took;
    source.onopen = () => { document.body.dataset.live = "1"; };
    source.onerror = () => { document.body.dataset.live = "0"; };
    setInterval(tick, 500);
  };
})(window.review);
