/* Alarms from outside: a card each, above everything, until somebody answers it. It releases nothing. */
"use strict";
(function (review) {
  const EVERY_MS = 2000;
  let box = null, stamp = "", known = null;

  function waits(response) {
    if (!response) return review.t("no sortie answers it yet");
    if (response.refused) return review.t("no sortie: %(why)s", { why: response.refused });
    const minutes = (response.arrives_in_s / 60).toFixed(1);
    return review.t("%(who)s would be there in %(minutes)s min; the sortie waits for a named person: %(command)s", {
      who: response.aircraft, minutes: minutes,
      command: response.airborne ? "vedette respond " + response.folder + " --release NAME" : "vedette fly " + response.folder + " --approve NAME",
    });
  }

  function card(told) {
    const node = review.element("article", "cue"), place = told.lat_deg.toFixed(5) + ", " + told.lon_deg.toFixed(5);
    node.dataset.name = told.name;
    node.append(review.element("h2", "", review.t("Alarm from outside: %(from)s", { from: told.from })));
    const near = told.ce90_m === null ? "" : " ± " + Math.round(told.ce90_m) + " m";
    node.append(review.element("p", "", [told.kind, told.utc, place + near].filter(Boolean).join(" · ")));
    if (told.text) node.append(review.element("p", "", told.text));
    node.append(review.element("p", "quiet", waits(told.response)));
    for (const [said, words] of [["acted on", review.t("Acted on")], ["nothing to do", review.t("Nothing to do")]]) {
      const button = review.element("button", "", words);
      button.type = "button";
      button.addEventListener("click", () => answered(told, said));
      node.append(button);
    }
    return node;
  }

  async function answered(told, said) {
    try {
      await review.post("/api/cues/answer", { source: told.source, name: told.name, said: said });
      await look();
    } catch (error) { review.say(error.message); }
  }

  async function look() {
    const told = await review.get("/api/cues?known=" + encodeURIComponent(stamp), true);
    stamp = told.stamp;
    if (!told.cards) return;
    box.replaceChildren(...told.cards.map(card));
    for (const one of told.cards) if (known && !known.has(one.name)) review.ring(review.t("Alarm from outside: %(from)s", { from: one.from }), review.t("Somebody's word, not ours. It waits for an answer."), one.name);
    known = new Set(told.cards.map((one) => one.name));
  }

  addEventListener("load", () => {
    if (!document.body.classList.contains("console")) return;
    box = review.element("section", "");
    box.id = "cues";
    box.setAttribute("aria-label", review.t("alarms from outside"));
    box.setAttribute("aria-live", "assertive");
    document.body.append(box);
    (async function again() {
      try { if (document.body.dataset.ready) await look(); } catch (error) { if (error.status === 401) return; }
      setTimeout(again, EVERY_MS);
    })();
  });
})(window.review);
