/* What is on the screen: the things of the queue, which one is looked at, which are picked, and what waits to be given. */
"use strict";
(function (review) {
  const heard = {};
  const desk = {
    me: null, table: null, items: [], at: new Map(), selected: null, picked: new Set(), pending: null, cursor: "", generation: null,
    undo: [], gone: new Set(), card: null, filters: {},
    on(what, act) { (heard[what] = heard[what] || []).push(act); },
    tell(what, detail) { for (const act of heard[what] || []) act(detail); },
  };
  review.desk = desk;

  desk.keyOf = (item) => item.source + "/" + item.run + "/" + item.id;
  desk.nameOf = (item) => ({ source: item.source, run: item.run, id: item.id });
  desk.item = (key) => desk.items[desk.at.get(key)] || null;
  desk.current = () => (desk.selected === null ? null : desk.item(desk.selected));
  desk.open = (item) => !desk.gone.has(desk.keyOf(item)) && (item.second || item.standing.decision === "" || item.standing.decision === "conflict");
  desk.mine = (item) => item.standing.given.some((one) => one.by === desk.me.name && !one.proposal);
  desk.left = () => desk.items.filter((item) => !desk.mine(item) && desk.open(item)).length;

  desk.query = function () {
    const words = new URLSearchParams();
    for (const [name, value] of Object.entries(desk.filters)) if (value !== "" && value !== false && value !== null) words.append(name, value);
    return words.toString();
  };

  desk.load = async function () {
    const told = await review.get("/api/queue?" + desk.query());
    desk.items = told.items;
    desk.total = told.total;
    desk.singlesLeft = told.single_hits_left;
    desk.cursor = told.cursor;
    desk.at = new Map(told.items.map((item, row) => [desk.keyOf(item), row]));
    for (const key of Array.from(desk.picked)) if (!desk.at.has(key)) desk.picked.delete(key);
    if (desk.selected !== null && !desk.at.has(desk.selected)) { desk.selected = null; desk.card = null; }
    desk.tell("items");
    if (desk.selected === null) desk.step(1, true);
    else if (desk.card === null) desk.select(desk.selected);
    else desk.tell("select");
  };

  let looking = 0;
  desk.select = async function (key) {
    desk.selected = key;
    desk.pending = null;
    desk.card = null;
    desk.tell("select");
    const item = desk.current(), ours = ++looking;
    if (!item) return;
    try {
      const card = await review.get("/api/thing?" + new URLSearchParams(desk.nameOf(item)));
      if (ours !== looking) return;
      desk.card = card;
      desk.take(card);
      desk.tell("card");
    } catch (error) {
      if (ours === looking) review.say(error.message);
    }
  };

  /* The next or previous thing; `open` passes over those that need nobody any more. */
  desk.step = function (by, open) {
    if (!desk.items.length) return;
    let row = desk.selected === null ? (by > 0 ? -1 : desk.items.length) : desk.at.get(desk.selected);
    for (let tried = 0; tried < desk.items.length; tried++) {
      row += by;
      if (row < 0 || row >= desk.items.length) {
        if (!open) return;
        row = (row + desk.items.length) % desk.items.length;
      }
      if (!open || (desk.open(desk.items[row]) && !desk.mine(desk.items[row]))) { desk.select(desk.keyOf(desk.items[row])); return; }
    }
    if (open) { review.say(review.t("Everything here is decided.")); if (desk.selected === null) desk.select(desk.keyOf(desk.items[0])); }
  };

  /* Takes in what the server says of a thing now. */
  desk.take = function (told) {
    const row = desk.at.get(desk.keyOf(told));
    if (row === undefined) return;
    Object.assign(desk.items[row], { rank: told.rank, standing: told.standing, second: told.second });
    if (desk.card && desk.keyOf(desk.card) === desk.keyOf(told)) Object.assign(desk.card, { standing: told.standing, second: told.second });
  };

  desk.chosen = function () {
    if (desk.picked.size) return Array.from(desk.picked).map(desk.item).filter(Boolean);
    return desk.current() ? [desk.current()] : [];
  };

  desk.pick = function (key) {
    if (key === null) return;
    if (!desk.picked.delete(key)) desk.picked.add(key);
    desk.tell("picked");
  };

  desk.poll = async function () {
    try {
      const told = await review.send("GET", "/api/changes?after=" + encodeURIComponent(desk.cursor), undefined, true);
      desk.cursor = told.cursor;
      for (const thing of told.things) desk.take(thing);
      if (told.things.length) desk.tell("standing", told.things.map(desk.keyOf));
      if (desk.generation !== null && desk.generation !== told.generation) desk.tell("grown");
      desk.generation = told.generation;
      desk.tell("heard", true);
    } catch (error) {
      desk.tell("heard", false);
      if (error.status === 401) { location.assign("/login?next=" + encodeURIComponent(location.pathname)); return; }
    }
    setTimeout(desk.poll, 500);
  };
})(window.review);
