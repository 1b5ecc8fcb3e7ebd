/* The queue over what the page shows: in which order things come, what was decided, which are picked, and what waits to be given. */
"use strict";
(function (review) {
  const heard = {}, KEPT_PICTURES = 400, AT_ONCE = 60, AHEAD = 12, WAIT_MS = 120, REST_MS = 200, AGED_MS = 5000, GROWING_MS = 600000;
  const desk = {
    me: null, table: null, view: null, bench: null, items: [], at: new Map(), keys: new Map(), picked: new Set(), pending: null, cursor: "", generation: null,
    undo: [], gone: new Set(), card: null,
    get selected() { return this.view === null || this.view.selected === null ? null : this.view.op.nameOf(this.view.selected); },
    on(what, act) { (heard[what] = heard[what] || []).push(act); },
    tell(what, detail) { for (const act of heard[what] || []) act(detail); },
  };
  review.desk = desk;

  desk.keyOf = (item) => item.source + "/" + item.run + "/" + item.id;
  desk.can = () => desk.me && desk.me.role !== "viewer";
  desk.nameOf = (item) => ({ source: item.source, run: item.run, id: item.id });
  desk.item = (name) => desk.items[desk.at.get(name)] || null;
  desk.current = () => (desk.selected === null ? null : desk.item(desk.selected));
  desk.open = (item) => !desk.gone.has(desk.keyOf(item)) && (item.second || item.standing.decision === "" || item.standing.decision === "conflict");
  desk.mine = (item) => item.standing.given.some((one) => one.by === desk.me.name && !one.proposal);
  desk.shown = () => Array.from(desk.view.shown.keys, (key) => desk.item(desk.view.op.nameOf(key))).filter(Boolean);
  desk.left = () => desk.shown().filter((item) => !desk.mine(item) && desk.open(item)).length;

  /* What the queue names and the map does not know (a known item among the others; a single hit of very many): as columns. */
  function columnsOf(op, items) {
    const data = op.data, out = { count: items.length };
    const place = (table, fits, made) => { const at = table.findIndex(fits); return at >= 0 ? at : table.push(made) - 1; };
    const ms = (utc) => (utc ? Date.parse(utc) - data.epoch_ms : NaN), known = (value) => (value === null || value === undefined ? NaN : value);
    const values = {
      class: (one) => place(data.classes, (c) => c.name === one.assessed_class, { name: one.assessed_class, colour: "#455a64" }),
      reason: (one) => (one.no_place_because ? place(data.reasons, (r) => r === one.no_place_because, one.no_place_because) : 0),
      recording: (one) => place(data.recordings, (r) => r.source === one.source && r.run === one.run && r.name === one.recording, { source: one.source, run: one.run, name: one.recording || "", operation: one.operation, operation_id: one.operation, media: "", model: "" }),
      hits: (one) => one.hits, calibrated: (one) => (one.probability === null ? 0 : 1), frame: (one) => one.frame || 0,
      first: (one) => ms(one.first_utc), last: (one) => ms(one.last_utc), t: (one) => ms(one.utc), shown_t: (one) => ms(one.utc), closest_t: (one) => ms(one.closest_utc),
      lat: (one) => known(one.lat_deg), lon: (one) => known(one.lon_deg), ce90: (one) => known(one.ce90_m), existence: (one) => known(one.probability), score: (one) => known(one.score),
      border: (one) => known(one.border_m), bearing: (one) => known(one.border_bearing_deg), closest: (one) => known(one.closest_to_border_m), speed: (one) => known(one.speed_mps), heading: (one) => known(one.course_deg),
    };
    for (const [name, value] of Object.entries(values)) out[name] = Float64Array.from(items, value);
    return out;
  }

  function decided(op, item) {
    const key = desk.keys.get(desk.keyOf(item)), said = item.second ? "second reading" : item.standing.decision, code = said ? op.data.decisions.indexOf(said) : 0;
    if (op.isThing(key)) op.things.decision[key] = code; else op.hits.decision[key - op.count] = code;
  }

  /* Puts a queue over what was found. */
  function arrange(op, told) {
    if (!op.data.decisions.includes("second reading")) op.data.decisions = [...op.data.decisions, "second reading"];
    desk.keys = op.keysByName();
    desk.items = told.items.filter((item) => item.kind || desk.keys.has(desk.keyOf(item))); /* a track that came just now comes with the next `grow` */
    desk.total = told.total;
    desk.singlesLeft = told.single_hits_left;
    desk.cursor = told.cursor;
    desk.at = new Map(desk.items.map((item, row) => [desk.keyOf(item), row]));
    const unknown = desk.items.filter((item) => !desk.keys.has(desk.keyOf(item)));
    if (unknown.length) { op.adopt(columnsOf(op, unknown), unknown.map((item) => item.id)); desk.keys = op.keysByName(); }
    op.queue = Uint32Array.from(desk.items, (item) => desk.keys.get(desk.keyOf(item)));
    op.chipOf = (item) => pictures.get(op.nameOf(item.key));
    for (const item of desk.items) decided(op, item);
    for (const name of Array.from(desk.picked)) if (!desk.at.has(name)) desk.picked.delete(name);
    ringAlerts();
  }

  const asked = () => review.get("/api/queue" + (desk.view && desk.view.filters.singles ? "?singles=true" : ""));

  /* The desk that the page's views share, over the queue as it is now. */
  desk.prepare = function (op, told) {
    arrange(op, told);
    const view = vedette.desk(op, { sort: "queue", singles: false });
    let singles = false;
    view.on("select", looked);
    view.on("filter", () => { if (view.filters.singles !== singles) { singles = view.filters.singles; desk.load().catch((error) => review.say(error.message)); } });
    view.wanted = wanted;
    view.clicked = (key, event) => { if (!(event.ctrlKey || event.metaKey || event.shiftKey)) return false; desk.pick(op.nameOf(key)); return true; };
    desk.view = view;
    return view;
  };

  /* Alerts that were not there before are told in the ways the reader chose. */
  let alerts = null;
  function ringAlerts() {
    const now = new Set(desk.items.filter((item) => item.rank.band === "alert" && desk.open(item)).map(desk.keyOf)), fresh = alerts ? [...now].filter((name) => !alerts.has(name)) : [];
    if (fresh.length) review.ring(review.t("New alerts: %(n)s", { n: fresh.length }), review.t("Machine assessment; a person decides."), fresh[0]);
    alerts = now;
  }

  /* The queue anew, over the same things. */
  desk.load = async function () {
    const told = await asked(), was = desk.selected;
    arrange(desk.view.op, told);
    if (was !== null && desk.keys.has(was)) desk.view.selected = desk.keys.get(was);
    desk.view.set({});
    desk.view.tell("rows", true);
    desk.tell("items");
  };

  /* What was found and the queue anew: an operation has grown, or a run took another's place. */
  desk.renew = async function () {
    const [data, told] = await Promise.all([review.get("/api/found", true), asked()]), op = await vedette.operation(data.found);
    arrange(op, told);
    desk.view.replace(op);
    const ground = desk.ground();
    if (ground && data.found.coverage) await ground.renew(data.found.coverage);
    desk.tell("items");
  };
  desk.ground = () => { const one = desk.bench && desk.bench.layers.find((each) => each.layer.cells); return one ? one.layer : null; };

  /* While an operation grows its ground grows older before one's eyes, cell by cell; when nothing came for long, the night is over. */
  let growing = null, grown = -Infinity;
  function aged() {
    const ground = desk.ground();
    if (ground && performance.now() - grown < GROWING_MS) ground.paint(Math.max(1, (Date.now() - ground.spec.end_ms) / 1000));
  }
  setInterval(aged, AGED_MS);

  desk.grow = function () {
    growing = growing || (async () => {
      const began = performance.now();
      try { await desk.renew(); grown = performance.now(); aged(); } catch (error) { review.say(error.message); }
      await new Promise((done) => setTimeout(done, 3 * (performance.now() - began)));
    })().finally(() => { growing = null; });
    return growing;
  };

  /* Small pictures of what is in the list and of what comes next in it, asked for together when scrolling rests. */
  const pictures = new Map();
  let waiting = 0;
  function lacking(from, to) {
    const op = desk.view.op, names = Array.from(desk.view.shown.keys.subarray(from, to), (key) => op.nameOf(key));
    return [...new Set(names)].filter((name) => !pictures.has(name));
  }
  function wanted(from, to) {
    clearTimeout(waiting);
    waiting = setTimeout(async () => {
      if (!lacking(from, to + AHEAD).length) return;
      const words = new URLSearchParams();
      for (const name of lacking(from, to + AT_ONCE).slice(0, AT_ONCE)) words.append("thing", name);
      try { keep((await review.get("/api/chips?" + words, true)).chips); } catch (error) { review.say(error.message); }
    }, WAIT_MS);
  }
  function keep(chips) {
    for (const [name, chip] of Object.entries(chips)) pictures.set(name, chip);
    while (pictures.size > KEPT_PICTURES) pictures.delete(pictures.keys().next().value);
    desk.view.tell("pictures", Object.keys(chips).map((name) => desk.keys.get(name)));
  }

  let looking = 0;
  async function looked() {
    desk.pending = null;
    desk.card = null;
    desk.tell("select");
    const name = desk.selected, ours = ++looking;
    if (name === null) return;
    const [source, run, ...id] = name.split("/"), words = new URLSearchParams({ source: source, run: run, id: id.join("/") });
    try {
      const card = await review.get("/api/thing?" + words);
      if (ours !== looking) return;
      desk.card = card;
      const known = desk.item(name), before = known && JSON.stringify([known.standing, known.second]);
      if (!known) { desk.at.set(name, desk.items.push(card) - 1); decided(desk.view.op, card); } else desk.take(card);
      if (before !== JSON.stringify([card.standing, card.second])) desk.view.tell("rows", []);
      keep({ [name]: card.chip });
      desk.tell("card", name);
      await new Promise((done) => setTimeout(done, REST_MS));
      if (ours === looking && desk.view.op.data.whole === false && desk.view.op.things.points[desk.keys.get(name)]) {
        const told = await vedette.columns((await review.get("/api/hits?" + words)).hits);
        if (ours === looking) desk.view.lend(told);
      }
    } catch (error) {
      if (ours === looking) review.say(error.message);
    }
  }
  desk.select = (name) => desk.view.select(desk.keys.get(name));

  /* The next or previous thing of the list; `open` passes over those that need nobody any more. */
  desk.step = function (by, open) {
    const view = desk.view, keys = view.shown.keys;
    if (!open) { view.step(by); return; }
    const at = view.selected === null ? -1 : keys.indexOf(view.selected);
    for (let tried = 1; tried <= keys.length; tried++) {
      const key = keys[(Math.max(at, at < 0 ? -1 : at) + by * tried + keys.length) % keys.length], item = desk.item(view.op.nameOf(key));
      if (item && desk.open(item) && !desk.mine(item)) { view.select(key); return; }
    }
    review.say(review.t("Everything here is decided."));
    if (view.selected === null && keys.length) view.select(keys[0]);
  };

  /* Takes in what the server says of a thing now. */
  desk.take = function (told) {
    const name = desk.keyOf(told), row = desk.at.get(name);
    if (row === undefined) return;
    Object.assign(desk.items[row], { rank: told.rank, standing: told.standing, second: told.second });
    if (desk.card && desk.keyOf(desk.card) === name) Object.assign(desk.card, { standing: told.standing, second: told.second });
    decided(desk.view.op, desk.items[row]);
  };
  desk.on("standing", (names) => desk.view.tell("rows", names.map((name) => desk.keys.get(name)).filter((key) => key !== undefined)));

  desk.chosen = function () {
    if (desk.picked.size) return Array.from(desk.picked).map(desk.item).filter(Boolean);
    return desk.current() ? [desk.current()] : [];
  };

  desk.pick = function (name) {
    if (name === null) return;
    if (!desk.picked.delete(name)) desk.picked.add(name);
    desk.tell("picked");
  };
  desk.on("picked", () => {
    desk.view.marked = new Set(Array.from(desk.picked, (name) => desk.keys.get(name)));
    desk.view.tell("rows", []);
  });

  desk.poll = async function () {
    try {
      const told = await review.send("GET", "/api/changes?after=" + encodeURIComponent(desk.cursor), undefined, true);
      desk.cursor = told.cursor;
      for (const thing of told.things) desk.take(thing);
      if (told.things.length) desk.tell("standing", told.things.map(desk.keyOf));
      if (desk.generation !== null && desk.generation !== told.generation) desk.grow();
      desk.generation = told.generation;
      desk.tell("heard", true);
    } catch (error) {
      desk.tell("heard", false);
      if (error.status === 401) { location.assign("/login?next=" + encodeURIComponent(location.pathname)); return; }
    }
    setTimeout(desk.poll, 500);
  };
})(window.review);
