/* Handing on: one key opens the ways out, one more takes one. And what the patrol found comes back. */
"use strict";
(function (review) {
  const desk = review.desk;

  function download(name, answer) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(answer);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  /* Says what left, and saves a file that came back. */
  review.handed = function (told) {
    if (!told.file) {
      review.say(review.t("%(n)s events sent to %(address)s. Machine assessments; a person decides.", { n: told.events, address: told.address }));
      return;
    }
    const bytes = Uint8Array.from(atob(told.data), (c) => c.charCodeAt(0));
    download(told.file, new Blob([bytes], { type: told.type }));
    review.say(review.t("%(n)s things in %(file)s. Machine assessments; a person decides.", { n: told.things, file: told.file }));
  };

  async function hand(form, items) {
    review.say(review.t("handing on …"));
    try {
      const told = await review.post("/api/hand", { items: items.map(desk.nameOf), form: form });
      if (told.waiting) review.say(review.t("Two people are needed: it waits for a supervisor, then you find it in Settings."));
      else review.handed(told);
    } catch (error) { review.say(error.message); }
  }

  review.handOn = function () {
    const items = desk.chosen();
    if (!items.length) { review.say(review.t("Nothing is picked.")); return; }
    review.dialog(items.length === 1 ? review.t("Hand this thing on") : review.t("Hand on %(n)s things", { n: items.length }), (form, close) => {
      const ways = desk.table.ways, box = review.element("div", "ways");
      for (const way of ways) {
        const node = review.button(review.t(way.text), way.key.toUpperCase(), () => { close(); hand(way.form, items); }, way === ways[0] ? "main" : "");
        node.disabled = !way.can;
        if (!way.can) node.title = review.t(way.why);
        box.append(node);
      }
      form.append(box, review.element("p", "quiet", review.t("The log keeps what was handed on, to whom, for which case.")));
      form.addEventListener("keydown", (event) => {
        const way = ways.find((one) => one.key === event.key.toLowerCase() && one.can);
        if (way && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); close(); hand(way.form, items); }
      });
    });
  };

  review.outcome = function () {
    const item = desk.current();
    if (!item || desk.me.role === "viewer") return;
    review.dialog(review.t("What did the patrol find?"), (form, close) => {
      const note = review.field(form, review.t("note"), "", { maxLength: 2000 }), box = review.element("div", "ways");
      desk.table.outcomes.forEach((found, k) => box.append(review.button(review.t(found), String(k + 1), () => told(found))));
      async function told(found) {
        try {
          await review.post("/api/outcomes", { items: [desk.nameOf(item)], found: found, note: note.value });
          close();
          review.say(review.t("In the record."));
          desk.select(desk.selected);
        } catch (error) { close(); review.say(error.message); }
      }
      form.append(box);
      form.addEventListener("keydown", (event) => {
        const found = event.target === note ? null : desk.table.outcomes[Number(event.key) - 1];
        if (found) { event.preventDefault(); told(found); }
      });
    });
  };
})(window.review);
