/* Opens the console: who is there, for which case, and the keys. */
"use strict";
(function (review) {
  const desk = review.desk;

  function option(select, value, text) {
    const node = review.element("option", "", text);
    node.value = value;
    select.append(node);
  }

  /* Filters stand in the page's address, so that a view can be kept and handed on: whoever opens it logs in themselves. */
  const FIELDS = ["assessed", "near_border_m", "verdict", "since", "until", "singles"];
  function readAddress() {
    const words = new URLSearchParams(location.hash.slice(1));
    for (const name of FIELDS) if (words.has(name)) desk.filters[name] = name === "singles" ? words.get(name) === "1" : words.get(name).slice(0, 100);
    const show = words.get("show");
    if (show) desk.selected = show.slice(0, 300);
  }
  function writeAddress() {
    const words = new URLSearchParams();
    for (const name of FIELDS) if (desk.filters[name]) words.set(name, desk.filters[name] === true ? "1" : desk.filters[name]);
    if (desk.selected) words.set("show", desk.selected);
    history.replaceState(null, "", "#" + words);
  }

  function fillFilters() {
    const near = document.getElementById("f-near"), verdict = document.getElementById("f-verdict");
    near.replaceChildren();
    option(near, "", review.t("any distance"));
    for (const far of [100, 300, 1000, 3000]) option(near, String(far), review.t("within %(far)s", { far: review.metres(far) }));
    near.disabled = !desk.table.border.length;
    verdict.replaceChildren();
    for (const [value, text] of [["", "everything"], ["none", "nobody yet"], ["confirmed", "confirmed"], ["dismissed", "dismissed"], ["undecided", "unsure"]]) option(verdict, value, review.t(text));
    for (const name of FIELDS) {
      const field = document.querySelector('#filters [name="' + name + '"]'), value = desk.filters[name];
      if (field.type === "checkbox") field.checked = Boolean(value);
      else if (value !== undefined && name !== "assessed") field.value = field.type === "datetime-local" ? value.replace("Z", "") : value;
    }
  }

  function fillClasses() {
    const select = document.getElementById("f-assessed"), names = new Set(desk.items.map((item) => item.assessed_class));
    if (desk.filters.assessed) names.add(desk.filters.assessed);
    if (select.options.length > names.size + 1) return;
    select.replaceChildren();
    option(select, "", review.t("anything"));
    for (const name of Array.from(names).sort()) option(select, name, name);
    select.value = desk.filters.assessed || "";
  }

  async function changed() {
    for (const field of document.querySelectorAll("#filters [name]")) {
      const value = field.type === "checkbox" ? field.checked : field.value;
      desk.filters[field.name] = field.type === "datetime-local" && value ? value + (value.length === 16 ? ":00Z" : "Z") : value;
    }
    await reload();
  }

  async function reload() {
    try { review.say(""); await desk.load(); writeAddress(); } catch (error) {
      if (error.why === "WithoutPurposeError") review.askCase(true, reload);
      else review.say(error.message);
    }
  }

  function pickAlike() {
    const like = desk.current();
    if (!like) return;
    for (const item of desk.items) if (item.assessed_class === like.assessed_class && item.rank.kind === like.rank.kind && desk.open(item) && !desk.mine(item)) desk.picked.add(desk.keyOf(item));
    desk.tell("picked");
  }

  const act = {
    n: () => desk.step(1), j: () => desk.step(1), ArrowDown: () => desk.step(1), k: () => desk.step(-1), ArrowUp: () => desk.step(-1),
    x: () => desk.pick(desk.selected), a: pickAlike, f: () => document.getElementById("f-assessed").focus(), "?": () => review.help(), h: () => review.handOn(), o: () => review.outcome(),
    Home: () => review.fitMap(), r: () => review.measure(), Escape: () => { desk.picked.clear(); desk.tell("picked"); review.say(""); },
    b: () => { const near = document.getElementById("f-near"); if (near.disabled) review.say(review.t("No border was given when the console was started.")); else { near.value = near.value === "300" ? "" : "300"; changed(); } },
  };

  function keys(event) {
    const typing = event.target.closest("input:not([type=checkbox]), select, textarea") || document.querySelector("dialog[open]");
    if (event.ctrlKey || event.metaKey || event.altKey || typing || vedette.picking) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "Enter" && event.target.closest("button, a")) return;
    if (event.target.closest(".leaflet-container") && key.startsWith("Arrow")) return;
    if (review.verdictKey(key)) { event.preventDefault(); return; }
    if (act[key]) { act[key](); event.preventDefault(); }
  }

  function words() {
    for (const node of document.querySelectorAll("[data-words]")) {
      node.textContent = review.t(node.dataset.words);
      if (node.dataset.key) node.append(" ", review.element("kbd", "", node.dataset.key.toUpperCase()));
    }
  }

  function heard(live) {
    const said = document.getElementById("live");
    said.textContent = live ? review.t("connected") : review.t("connection lost, trying again");
    said.classList.toggle("lost", !live);
  }

  function buttons() {
    document.getElementById("help").addEventListener("click", review.help);
    document.getElementById("settings").addEventListener("click", review.settings);
    document.getElementById("hand").addEventListener("click", () => review.handOn());
    document.getElementById("case").addEventListener("click", () => review.askCase(false, reload));
    document.getElementById("out").addEventListener("click", async () => { await review.post("/api/logout"); location.assign("/login"); });
    document.getElementById("filters").addEventListener("change", changed);
    document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());
    for (const tab of document.querySelectorAll("#tabs button")) tab.addEventListener("click", () => { document.body.dataset.show = tab.dataset.part; });
    document.addEventListener("keydown", keys);
  }

  async function open() {
    desk.me = await review.get("/api/me");
    review.token = desk.me.token;
    review.words = (await review.get("/api/words?language=" + encodeURIComponent(navigator.language.slice(0, 20)))).words;
    desk.table = await review.get("/api/table");
    words();
    readAddress();
    fillFilters();
    review.startList();
    review.startMap();
    review.startCard();
    review.startVerdict();
    buttons();
    document.getElementById("operations").textContent = desk.table.operations.map((one) => one.name).join(", ");
    if (desk.table.problems.length) review.say(desk.table.problems.join(" "));
    desk.on("items", fillClasses);
    desk.on("select", writeAddress);
    desk.on("heard", heard);
    desk.on("units", () => { fillFilters(); desk.tell("picked"); });
    desk.on("grown", reload);
    if (review.tellCase(await review.get("/api/case"))) await reload();
    else review.askCase(true, reload);
    desk.poll();
    document.body.dataset.ready = "1";
  }

  open().catch((error) => review.say(error.message));
})(window.review);
