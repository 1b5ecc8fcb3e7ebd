/* Opens the console: who is there, for which case, then the page of what was found with the queue over it, and the keys. */
"use strict";
(function (review) {
  const desk = review.desk;
  const KEYS = [
    ["N J ↓  K ↑", "next in the queue, the one before"], ["C D U", "confirm, dismiss, unsure"], ["1 to 9", "the reason, and on to the next"], ["Enter", "give it without a reason"], ["T", "note"],
    ["Z", "take the last verdict back"], ["M", "take what is picked for one thing; or set it apart again"], ["S", "split a track that followed two things; arrows choose where"], ["X", "pick or unpick, for several at once"], ["A", "pick everything like this one: same kind, not decided"],
    ["Esc", "cancel; unpick"], ["H", "hand on; then a letter for how"], ["O", "what the patrol found"], ["B", "only what came within 300 m of the border"], ["R", "measure on the map"], ["V", "whole frame or film"],
  ];

  function pickAlike() {
    const like = desk.current(), op = desk.view.op, classOf = (item) => op.item(desk.keys.get(desk.keyOf(item))).className;
    if (!like) return;
    for (const item of desk.shown()) if (classOf(item) === classOf(like) && item.rank.kind === like.rank.kind && desk.open(item) && !desk.mine(item)) desk.picked.add(desk.keyOf(item));
    desk.tell("picked");
  }

  function nearTheBorder(view) {
    if (!view.op.data.has_border) { review.say(review.t("No border was given when the console was started.")); return; }
    view.set({ near: view.filters.near === 300 ? null : 300 });
  }

  function keysOf(view, map) {
    const next = () => desk.step(1), before = () => desk.step(-1);
    return {
      n: next, j: next, ArrowDown: next, k: before, ArrowUp: before, x: () => desk.pick(desk.selected), a: pickAlike, h: () => review.handOn(), o: () => review.outcome(),
      r: () => vedette.measure(map()), b: () => nearTheBorder(view), v: () => { const film = document.querySelector("#card a.film"); if (film) film.click(); },
      Escape: () => { desk.picked.clear(); desk.tell("picked"); review.say(""); },
    };
  }

  let was = null;
  function heard(live) {
    if (live === was) return;
    was = live;
    const said = document.getElementById("live");
    said.textContent = live ? review.t("connected") : review.t("connection lost, trying again");
    said.classList.toggle("lost", !live);
  }

  function tool(id, text, act) {
    const node = review.button(review.t(text), "", act);
    node.id = id;
    return node;
  }

  /* What the console has in its head beside the page's own. */
  function head() {
    const live = review.element("span", "quiet"), footage = review.element("a", "", review.t("Footage"));
    live.id = "live";
    live.setAttribute("role", "status");
    footage.href = "/footage";
    const out = tool("out", "Log out", async () => { await review.post("/api/logout"); location.assign("/login"); });
    return { told: [live], tools: [footage, tool("case", "no case open", () => review.askCase(false, () => desk.load())), tool("hand", "Hand on", () => review.handOn()), tool("settings", "Settings", () => review.settings()), out] };
  }

  async function begin() {
    const [data, told] = await Promise.all([review.get("/api/found"), review.get("/api/queue")]);
    const map = L.map("map", { preferCanvas: true, zoomControl: false, zoomSnap: 0.25 }).setView([0, 0], 2), parts = head();
    L.control.zoom({ position: "topright" }).addTo(map);
    vedette.labelled(map, data.title);
    const own = {
      ...parts, help: KEYS, taken: ["J  K", "Enter", "Esc", "O", "C", "Z", "R", "D", "M"], above: [], first: (key) => review.splitKey(key) || review.verdictKey(key),
      prepare: (op) => {
        const view = desk.prepare(op, told);
        review.startCard(view);
        own.act = keysOf(view, () => map);
        own.above = [review.countLine()];
        return view;
      },
    };
    desk.bench = await vedette.openFound(map, data, own);
    desk.bench.list.node.id = "list";
    desk.bench.list.inner.id = "rows";
    desk.bench.card.id = "card";
    review.map = map;
    review.startVerdict();
    desk.on("heard", heard);
    review.tellCase(await review.get("/api/case"));
    if (desk.table.problems.length) review.say(desk.table.problems.join(" "));
    if (desk.view.selected === null) desk.step(1, true);
    else desk.view.tell("select");
    desk.poll();
    document.body.dataset.ready = "1";
  }

  const opened = () => begin().catch((error) => { if (error.why === "WithoutPurposeError") review.askCase(true, opened); else review.say(error.message); });

  async function open() {
    desk.me = await review.get("/api/me");
    review.token = desk.me.token;
    await review.speak();
    desk.table = await review.get("/api/table");
    if (review.tellCase(await review.get("/api/case"))) await opened();
    else review.askCase(true, opened);
  }

  open().catch((error) => review.say(error.message));
})(window.review);
