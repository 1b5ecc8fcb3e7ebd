/* Dialogs: the case, and the settings. */
"use strict";
(function (review) {
  const desk = review.desk;
  review.dialog = function (title, build, options) {
    const box = document.createElement("dialog"), form = review.element("form", "");
    form.method = "dialog";
    form.append(review.element("h2", "", title));
    box.append(form);
    const close = () => { box.close(); box.remove(); };
    build(form, close);
    if (!options || !options.must) form.append(review.button(review.t("Close"), "Esc", close));
    box.addEventListener("cancel", (event) => { if (options && options.must) event.preventDefault(); else box.remove(); });
    document.body.append(box);
    box.showModal();
    return box;
  };

  review.field = function (form, label, value, options) {
    const text = review.element("label", "", label), input = document.createElement((options && options.tag) || "input");
    input.value = value || "";
    if (options && options.required) input.required = true;
    if (options && options.maxLength) input.maxLength = options.maxLength;
    text.append(input);
    form.append(text);
    return input;
  };

  review.askCase = function (must, then) {
    review.dialog(review.t("For which case, and why?"), (form, close) => {
      form.append(review.element("p", "quiet", review.t("Every look and every decision carries both into the log.")));
      const number = review.field(form, review.t("Number of the case"), "", { required: true, maxLength: 500 });
      const reason = review.field(form, review.t("Reason"), "", { required: true, maxLength: 500 });
      const said = review.element("p", "");
      said.setAttribute("role", "alert");
      const open = review.element("button", "", review.t("Open the case"));
      open.type = "submit";
      form.append(open, said);
      form.addEventListener("submit", async (event) => {
        event.preventDefault();
        try {
          tellCase(await review.post("/api/case", { case: number.value, reason: reason.value }));
          close();
          then();
        } catch (error) { said.textContent = error.message; }
      });
      number.focus();
    }, { must: must });
  };

  function tellCase(told) {
    const open = told.operations.map((one) => one.open).filter(Boolean)[0];
    const said = document.getElementById("case");
    if (said) said.textContent = open ? review.t("case %(case)s", { case: open.case }) : review.t("no case open");
    return Boolean(told.operations.length && told.operations.every((one) => one.open));
  }
  review.tellCase = tellCase;

  function choice(form, label, values, chosen, act) {
    const text = review.element("label", "", review.t(label)), select = document.createElement("select");
    for (const [value, name] of values) { const option = review.element("option", "", review.t(name)); option.value = value; select.append(option); }
    select.value = chosen;
    select.addEventListener("change", () => act(select.value));
    text.append(select);
    form.append(text);
  }

  function weights(form) {
    const told = desk.table.weights, supervisor = desk.me.role === "supervisor" || desk.me.role === "admin", fields = {};
    form.append(review.element("h3", "", review.t("What counts how much in the queue")));
    form.append(review.element("p", "quiet", review.t("Weights of what things did. They order the queue; they are no score of anybody.")));
    const grid = review.element("div", "weights");
    for (const [kind, value] of Object.entries(told.kinds)) {
      const label = review.element("label", "", kind), input = review.element("input");
      Object.assign(input, { type: "number", min: "0", max: "10", step: "0.1", value: String(value), disabled: !supervisor });
      fields[kind] = input;
      label.append(input);
      grid.append(label);
    }
    form.append(grid);
    if (!supervisor) return;
    const said = review.element("p", "quiet");
    form.append(review.button(review.t("Set for everybody"), "", async () => {
      try {
        const kinds = Object.fromEntries(Object.entries(fields).map(([kind, input]) => [kind, Number(input.value)]));
        desk.table.weights = (await review.post("/api/weights", { kinds: kinds, alert_from: told.alert_from, detection_from: told.detection_from })).weights;
        said.textContent = review.t("Set; the log has it.");
        desk.load();
      } catch (error) { said.textContent = error.message; }
    }), said);
  }

  async function agreement(form) {
    if (desk.me.role !== "supervisor" && desk.me.role !== "admin") return;
    const box = review.element("section", "");
    form.append(box);
    const told = await review.get("/api/agreement");
    box.append(review.element("h3", "", review.t("Reading twice")));
    const kappa = told.kappa === null ? review.t("nothing to tell yet") : review.t("Cohen's kappa %(k)s", { k: told.kappa.toFixed(2) });
    for (const [who, one] of Object.entries(told.planted)) box.append(review.element("p", "", review.t("%(who)s: of %(read)s planted items %(missed)s missed, %(mistaken)s taken for something", Object.assign({ who: who }, one))));
    if (told.planting.there) {
      box.append(review.button(told.planting.on ? review.t("Plant no more known items") : review.t("Plant known items, two in a hundred"), "", async () => {
        told.planting = await review.post("/api/planting", { on: !told.planting.on });
        review.say(told.planting.on ? review.t("Known items are planted from the next queue on.") : review.t("No more known items are planted."));
      }));
    }
    box.append(review.element("p", "", review.t("%(n)s things read by two people: ", { n: told.read_twice }) + kappa));
  }

  function bell(form, name, text) {
    const label = review.element("label", "check"), box = review.element("input");
    box.type = "checkbox";
    review.bellChoice(name, box);
    label.append(box, review.t(text));
    form.append(label);
  }

  function units(chosen) {
    review.setUnits(chosen);
    desk.view.set({});
    desk.view.tell("rows", true);
  }

  review.settings = function () {
    review.dialog(review.t("Settings"), (form) => {
      choice(form, "Lengths and speeds", [["metric", "metres, m/s"], ["nautical", "feet, knots"]], vedette.units.length, (value) => units({ length: value }));
      choice(form, "Times", [["utc", "UTC"], ["local", "local time"]], vedette.units.time, (value) => units({ time: value }));
      bell(form, "sound", "A sound for new alerts and alarms");
      bell(form, "notify", "A desktop notification for new alerts and alarms");
      weights(form);
      agreement(form).then(() => review.people(form)).catch((error) => review.say(error.message));
    });
  };
})(window.review);
