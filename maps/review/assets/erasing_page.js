/* Erasing recordings: one supervisor asks, another agrees. */
"use strict";
(function (review) {
  let me = null;

  async function load() {
    const told = await review.get("/api/erasing"), listed = document.getElementById("recordings"), waiting = document.getElementById("requests");
    listed.replaceChildren(...told.recordings.map((one) => {
      const label = review.element("label", ""), box = document.createElement("input");
      box.type = "checkbox";
      box.value = one.media;
      box.dataset.source = one.source;
      box.disabled = one.held !== "";
      label.append(box, " ", one.name, one.held ? " (" + review.t("held: %(why)s", { why: one.held }) + ")" : "");
      const line = review.element("p", "");
      line.append(label);
      return line;
    }));
    waiting.replaceChildren(...told.requests.map((one) => {
      const line = review.element("li", "", review.t("%(who)s asks for %(what)s (case %(case)s: %(reason)s)", { who: one.by, what: one.recordings.join(", "), case: one.case, reason: one.reason }));
      const number = { number: one.number };
      if (one.by !== me.name) line.append(" ", review.button(review.t("Agree, and erase"), "", () => done("/api/erasing/agree", number)));
      line.append(" ", review.button(review.t("Drop"), "", () => done("/api/erasing/drop", number)));
      return line;
    }));
  }

  async function done(path, body) {
    try {
      const told = await review.post(path, body);
      await load();
      review.say(told.files_gone === undefined ? "" : review.t("%(n)s files are gone; their tombstones are in the log.", { n: told.files_gone }));
    } catch (error) { review.say(error.message); }
  }

  function ask() {
    const picked = Array.from(document.querySelectorAll("#recordings input:checked"));
    for (const source of new Set(picked.map((box) => box.dataset.source))) {
      done("/api/erasing", { source: Number(source), media: picked.filter((box) => box.dataset.source === source).map((box) => box.value) });
    }
  }

  async function open() {
    me = await review.get("/api/me");
    review.token = me.token;
    await review.speak();
    document.getElementById("ask").append(review.button(review.t("Ask for these to be erased"), "", ask));
    await load();
    document.body.dataset.ready = "1";
  }

  open().catch((error) => review.say(error.message));
})(window.review);
