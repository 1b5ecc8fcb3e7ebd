/* One state decides what every view shows: the map, the list, the pictures, the events, the counts. */
"use strict";
(function () {
  /* What nobody has chosen. Lists hold codes that are hidden; null sets no limit; times are milliseconds from the first. */
  function openFilters(data) {
    return {
      classes: [], decisions: [], recordings: [], from: null, to: null, score: 0, ce90: null, near: null, area: null,
      existence: data.existence_shown, tracks: true, singles: true, unplaced: true, sort: "last",
    };
  }

  function hiddenTable(codes) {
    const hidden = new Uint8Array(65536);
    for (const code of codes) hidden[code] = 1;
    return hidden;
  }

  /* Whether projected places lie in a drawn area: an odd number of edges crosses the ray to the east (Shimrat, CACM Algorithm 112, 1962). */
  function areaTest(area, seam) {
    if (!area || area.length < 3) return null;
    const xs = [], ys = [];
    for (const [lat, lon] of area) {
      const s = Math.sin(lat * Math.PI / 180);
      xs.push(128 * ((seam && lon < 0 ? lon + 360 : lon) / 180 + 1));
      ys.push(128 * (1 - Math.log((1 + s) / (1 - s)) / (2 * Math.PI)));
    }
    const west = Math.min(...xs), east = Math.max(...xs), north = Math.min(...ys), south = Math.max(...ys), n = xs.length;
    return (x, y) => {
      if (!(x >= west && x <= east && y >= north && y <= south)) return false;
      let inside = false;
      for (let i = 0, j = n - 1; i < n; j = i++) {
        if ((ys[i] > y) !== (ys[j] > y) && x < (xs[j] - xs[i]) * (y - ys[i]) / (ys[j] - ys[i]) + xs[i]) inside = !inside;
      }
      return inside;
    };
  }

  function pointIn(op, i, from, to, inside) {
    const { t, x, y } = op.points;
    for (let k = op.start[i]; k < op.start[i + 1]; k++) if (t[k] >= from && t[k] <= to && (!inside || inside(x[k], y[k]))) return true;
    return false;
  }

  function thingsShown(op, state, inside, hidden, counts) {
    const { things } = op, shown = new Uint8Array(op.count), timed = state.from !== null || state.to !== null || inside;
    const from = state.from === null ? -Infinity : state.from, to = state.to === null ? Infinity : state.to;
    for (let i = 0; i < op.count; i++) {
      const placed = things.reason[i] === 0;
      if (!state.tracks || hidden.class[things.class[i]] || hidden.decision[things.decision[i]] || hidden.recording[things.recording[i]]) continue;
      if (things.score[i] < state.score || (!placed && !state.unplaced)) continue;
      if (state.ce90 !== null && !(things.ce90[i] <= state.ce90)) continue;
      if (state.near !== null && !(things.closest[i] <= state.near)) continue;
      if (timed && !pointIn(op, i, from, to, inside)) continue;
      if (things.existence[i] < state.existence && things.decision[i] === 0) { counts.unlikely++; continue; }
      shown[i] = 1;
      counts.tracks++;
    }
    return shown;
  }

  function hitsShown(op, state, inside, hidden, things, always, counts, bins) {
    const { hits } = op, n = hits.count, shown = new Uint8Array(n), border = hits.border;
    const from = state.from === null ? -Infinity : state.from, to = state.to === null ? Infinity : state.to, timed = state.from !== null || state.to !== null;
    const perBin = bins.counts.length / Math.max(bins.span, 1), last = bins.counts.length - 1;
    for (let i = 0; i < n; i++) {
      const thing = hits.thing[i];
      if (thing >= 0 ? !always[thing] : !state.singles) continue;
      if (hidden.class[hits.class[i]] || hidden.decision[hits.decision[i]] || hidden.recording[hits.recording[i]]) continue;
      if (hits.score[i] + 1e-9 < state.score) continue;
      if (hits.reason[i]) { if (!state.unplaced || state.ce90 !== null || state.near !== null || inside) continue; }
      else {
        if (state.ce90 !== null && !(hits.ce90[i] <= state.ce90)) continue;
        if (state.near !== null && !(border && border[i] <= state.near)) continue;
        if (inside && !inside(hits.x[i], hits.y[i])) continue;
      }
      const t = hits.t[i];
      if (t >= 0) bins.counts[Math.min(last, Math.floor(t * perBin))]++;
      if (timed && !(t >= from && t <= to)) continue;
      if (thing >= 0 && !things[thing]) continue;
      shown[i] = 1;
      counts.hits++;
      if (thing < 0) counts.singles++;
      if (hits.reason[i]) counts.unplaced[hits.reason[i]] = (counts.unplaced[hits.reason[i]] || 0) + 1;
    }
    return shown;
  }

  const SORTS = {
    last: (op) => op.things.last.map((t) => -t),
    first: (op) => op.things.first,
    probability: (op) => op.things.existence.map((p, i) => -(Number.isNaN(p) ? op.things.score[i] : p)),
    border: (op) => op.things.closest,
    class: (op) => Float64Array.from(op.things.class),
  };

  /* Keys in the order of the list: as a queue gives them; else tracks as they are sorted, then single hits in order of time. */
  function listed(op, state, things, hits, counts) {
    if (state.sort === "queue") return op.queue.filter((key) => (op.isThing(key) ? things[key] : hits[key - op.count]));
    const keys = new Uint32Array(counts.tracks + counts.singles), rank = (SORTS[state.sort] || SORTS.last)(op);
    const rows = [];
    for (let i = 0; i < op.count; i++) if (things[i]) rows.push(i);
    const of = (i) => Number.isNaN(rank[i]) ? Infinity : rank[i];
    rows.sort((a, b) => (of(a) === of(b) ? a - b : of(a) - of(b)));
    keys.set(rows);
    let at = rows.length;
    for (let i = 0; i < op.hits.count; i++) if (hits[i] && op.hits.thing[i] < 0) keys[at++] = op.keyOfHit(i);
    return keys;
  }

  const BINS = 120;

  /* Where hits are not all there, the points of tracks stand for them. */
  function pointsBinned(op, things, bins) {
    const perBin = bins.counts.length / Math.max(bins.span, 1), last = bins.counts.length - 1, t = op.points.t;
    for (let i = 0; i < op.count; i++) if (things[i]) for (let k = op.start[i]; k < op.start[i + 1]; k++) if (t[k] >= 0) bins.counts[Math.min(last, Math.floor(t[k] * perBin))]++;
  }

  /* Applies a state to everything: masks by row, the keys of the list, counts, and hits over time without the time filter. */
  function applied(op, state) {
    const inside = areaTest(state.area, op.seam);
    const hidden = { class: hiddenTable(state.classes), decision: hiddenTable(state.decisions), recording: hiddenTable(state.recordings) };
    const counts = { tracks: 0, hits: 0, singles: 0, events: 0, unlikely: 0, unplaced: {} };
    const bins = { counts: new Float64Array(BINS), span: Math.max(op.data.end_ms - op.data.epoch_ms, 1) };
    const things = thingsShown(op, state, inside, hidden, counts);
    const whenever = Object.assign({}, state, { from: null, to: null });
    const always = state.from === null && state.to === null ? things : thingsShown(op, whenever, inside, hidden, { tracks: 0, unlikely: 0 });
    const hits = hitsShown(op, state, inside, hidden, things, always, counts, bins);
    if (op.data.whole === false) { bins.counts.fill(0); pointsBinned(op, always, bins); }
    const from = state.from === null ? -Infinity : state.from, to = state.to === null ? Infinity : state.to;
    const events = Uint8Array.from(op.events, (e) => e.things.some((i) => things[i]) && e.t <= to && (e.to === null ? e.t : e.to) >= from ? 1 : 0);
    for (const one of events) counts.events += one;
    return { things: things, hits: hits, events: events, counts: counts, bins: bins, keys: listed(op, state, things, hits, counts) };
  }

  /* The page's shared state: filters, what they leave, and what is selected. Views listen for "filter" and "select"; "rows" says
     that things are told otherwise than before, "pictures" that their pictures came. */
  class Desk {
    constructor(op, opening) {
      this.op = op;
      this.open = Object.assign(openFilters(op.data), opening);
      this.filters = Object.assign({}, this.open);
      this.selected = null;
      this.marked = new Set();
      this.views = { filter: [], select: [], rows: [], pictures: [], op: [], lent: [] };
      this.shown = applied(op, this.filters);
    }
    on(what, view) { this.views[what].push(view); }
    tell(what, detail) { for (const view of this.views[what]) view(this, detail); }
    /* Another state of the same operations: what was selected is looked for by its name. */
    replace(op) {
      const name = this.selected === null ? null : this.op.nameOf(this.selected);
      this.op = op;
      this.shown = applied(op, this.filters);
      const key = name === null ? undefined : op.keysByName().get(name);
      this.selected = key === undefined ? null : key;
      this.tell("op");
      this.tell("filter");
    }
    /* Hits that come with what is selected; lists and counts stay as they are. */
    lend(table) {
      this.op.lend(table);
      this.shown.hits = applied(this.op, this.filters).hits;
      this.tell("lent");
    }
    set(changes) {
      Object.assign(this.filters, changes);
      this.shown = applied(this.op, this.filters);
      this.tell("filter");
    }
    reset() { this.set(Object.assign({}, this.open, { sort: this.filters.sort })); }
    /* Names of the filters that leave something out. */
    active() { return Object.keys(this.open).filter((name) => name !== "sort" && JSON.stringify(this.filters[name]) !== JSON.stringify(this.open[name])); }
    select(key) {
      this.selected = key;
      this.tell("select");
    }
    /* Select the item that stands so many places further in the list. */
    step(places) {
      const keys = this.shown.keys;
      if (!keys.length) return;
      const at = this.selected === null ? -1 : keys.indexOf(this.selected);
      this.select(keys[at < 0 ? (places > 0 ? 0 : keys.length - 1) : Math.min(keys.length - 1, Math.max(0, at + places))]);
    }
  }

  Object.assign(window.vedette, { desk: (op, opening) => new Desk(op, opening), applied: applied, openFilters: openFilters });
})();
