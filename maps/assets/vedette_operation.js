/* What was found, as the scripts read it (maps/operation_data.py): typed arrays, and one plain object for what a person looks at.
   An item's key is its row among tracks, or the number of tracks plus its row among hits. */
"use strict";
(function () {
  function project(table, seam) {
    const n = table.count;
    table.x = new Float64Array(n);
    table.y = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const lon = seam && table.lon[i] < 0 ? table.lon[i] + 360 : table.lon[i], s = Math.sin(table.lat[i] * Math.PI / 180);
      table.x[i] = 128 * (lon / 180 + 1);
      table.y[i] = 128 * (1 - Math.log((1 + s) / (1 - s)) / (2 * Math.PI));
    }
  }

  function acrossTheSeam(tables) {
    let west = Infinity, east = -Infinity;
    for (const table of tables) for (let i = 0; i < table.count; i++) {
      if (table.lon[i] < west) west = table.lon[i];
      if (table.lon[i] > east) east = table.lon[i];
    }
    return east - west > 180;
  }

  function starts(lengths) {
    const start = new Uint32Array(lengths.length + 1);
    for (let i = 0; i < lengths.length; i++) start[i + 1] = start[i] + lengths[i];
    return start;
  }

  /* Rows of the hits of each track, one track after another; `from` says where each begins. */
  function byThing(thing, things) {
    const from = new Uint32Array(things + 1);
    for (let i = 0; i < thing.length; i++) if (thing[i] >= 0) from[thing[i] + 1]++;
    for (let i = 0; i < things; i++) from[i + 1] += from[i];
    const rows = new Uint32Array(from[things]), next = from.slice();
    for (let i = 0; i < thing.length; i++) if (thing[i] >= 0) rows[next[thing[i]]++] = i;
    return { from: from, rows: rows };
  }

  /* A table with more rows, given as columns: what they do not say is not known, and a code of 0. */
  const CODES = new Set(["class", "decision", "reason", "recording", "hits", "points", "calibrated", "frame", "stream"]);
  function longer(table, more) {
    const out = { count: table.count + more.count };
    for (const [name, column] of Object.entries(table)) {
      if (name === "count") continue;
      out[name] = new Float64Array(out.count).fill(CODES.has(name) ? 0 : NaN, table.count);
      out[name].set(column);
      if (more[name]) out[name].set(more[name], table.count);
    }
    return out;
  }

  class Operation {
    constructor(data, things, points, hits) {
      Object.assign(this, { data: data, things: things, points: points, hits: hits, events: data.events });
      this.start = starts(things.points);
      this.seam = acrossTheSeam([hits, points]);
      for (const table of [things, points, hits]) project(table, this.seam);
      this.ofThing = byThing(hits.thing, things.count);
      this.detailed = data.details !== undefined;
      this.singleRank = null;
      this.idBytes = null;
      this.delivered = hits;
    }

    /* Take in things that are told one by one, as columns and their ids; they have no points. */
    adopt(columns, ids) {
      this.things = longer(this.things, columns);
      project(this.things, this.seam);
      this.start = starts(this.things.points);
      this.data.ids = this.data.ids.concat(ids);
      this.ofThing = byThing(this.hits.thing, this.things.count);
    }

    /* Hits that come later than the rest, in the place of those that came so before. */
    lend(table) {
      this.hits = longer(this.delivered, table);
      project(this.hits, this.seam);
      this.ofThing = byThing(this.hits.thing, this.things.count);
    }

    /* What a track or single hit is called where there are several operations: number of its own, run, id. A hit of a track
       goes by the track's name. */
    nameOf(key) {
      if (!this.isThing(key) && this.hits.thing[key - this.count] >= 0) return this.nameOf(this.hits.thing[key - this.count]);
      const thing = this.isThing(key), i = thing ? key : key - this.things.count, of = this.data.recordings[(thing ? this.things : this.hits).recording[i]];
      return of.source + "/" + of.run + "/" + (thing ? this.data.ids[i] : this.idOfHit(i));
    }

    /* Keys of all tracks and single hits by that name. */
    keysByName() {
      const keys = new Map();
      for (let i = 0; i < this.count; i++) keys.set(this.nameOf(i), i);
      for (let i = 0; i < this.delivered.count; i++) if (this.hits.thing[i] < 0) keys.set(this.nameOf(this.keyOfHit(i)), this.keyOfHit(i));
      return keys;
    }

    get count() { return this.things.count; }
    isThing(key) { return key < this.things.count; }
    keyOfHit(row) { return this.things.count + row; }
    place(table, i) { return Number.isNaN(table.lat[i]) ? null : [table.lat[i], this.seam && table.lon[i] < 0 ? table.lon[i] + 360 : table.lon[i]]; }

    /* Hits of a track in order of time. */
    hitsOf(i) { return this.ofThing.rows.subarray(this.ofThing.from[i], this.ofThing.from[i + 1]); }

    /* The hit of a track that shows it best: that of its moment and frame. */
    bestHit(i) {
      let best = -1;
      for (const row of this.hitsOf(i)) {
        if (row === undefined) continue;
        if (this.hits.frame[row] === this.things.frame[i] && this.hits.recording[row] === this.things.recording[i]) return row;
        if (best < 0 || this.hits.score[row] > this.hits.score[best]) best = row;
      }
      return best;
    }

    /* Which of the single hits a row is: their ids stand one after another. */
    rankOf(row) {
      if (!this.singleRank || this.singleRank.length !== this.delivered.count) {
        const { thing } = this.delivered, rank = new Uint32Array(thing.length);
        for (let i = 0, k = 0; i < thing.length; i++) { rank[i] = k; if (thing[i] < 0) k++; }
        this.singleRank = rank;
      }
      return this.singleRank[row];
    }

    idOfHit(row) {
      const ids = this.data.hit_ids, unnamed = "hit " + (row + 1);
      if (!ids || row >= this.delivered.count || this.hits.thing[row] >= 0) return unnamed;
      if (typeof ids === "string") { if (!this.idTexts) this.idTexts = ids.split(" "); return this.idTexts[this.rankOf(row)] || unnamed; }
      if (!this.idBytes) return unnamed;
      const wide = ids.hex / 2, at = this.rankOf(row) * wide;
      return Array.from(this.idBytes.subarray(at, at + wide), (byte) => byte.toString(16).padStart(2, "0")).join("");
    }

    /* What of the page comes after its first picture: the rest of the card, ids and pictures. Resolves when all is there. */
    async complete() {
      const { data, delivered } = this;
      if (data.details) {
        Object.assign(delivered, await vedette.columns(data.details), { count: delivered.count });
        data.details = null;
      }
      if (data.hit_ids && data.hit_ids.hex) this.idBytes = await vedette.bytesOf(data.hit_ids.bytes);
      if (data.chips && data.chips.rows) {
        const texts = (await vedette.blockText(data.chips)).split(" "), chips = {};
        data.chips.rows.forEach((row, k) => { chips[row] = texts[k]; });
        data.chips = chips;
      }
      if (data.frames && data.frames.boxes) {
        const texts = (await vedette.blockText(data.frames)).split(" "), frames = {};
        Object.entries(data.frames.boxes).forEach(([row, box], k) => { frames[row] = { box: box, close: texts[2 * k], whole: texts[2 * k + 1] }; });
        data.frames = frames;
      }
      this.whole = true;
    }

    utc(t) { return Number.isNaN(t) ? null : new Date(this.data.epoch_ms + t); }

    /* The time of day as the page's writer reckons it, or UTC where a reader chose that, and how far it is from UTC. */
    local(t) {
      if (Number.isNaN(t)) return null;
      let minutes = vedette.units.time === "utc" ? 0 : this.data.offsets[0][1];
      if (vedette.units.time !== "utc") for (const [from, offset] of this.data.offsets) if (this.data.epoch_ms + t >= from) minutes = offset;
      const sign = minutes < 0 ? "-" : "+", size = Math.abs(minutes), two = (n) => String(n).padStart(2, "0");
      const text = new Date(this.data.epoch_ms + t + minutes * 60000).toISOString();
      return text.slice(0, 10) + " " + text.slice(11, 19) + " " + sign + two(Math.floor(size / 60)) + ":" + two(size % 60);
    }

    item(key) {
      const thing = this.isThing(key), table = thing ? this.things : this.hits, i = thing ? key : key - this.things.count;
      const cls = this.data.classes[table.class[i]] || { name: "", colour: "#333" }, known = (v) => v === undefined || Number.isNaN(v) ? null : v;
      const common = {
        key: key, row: i, kind: thing ? "track" : "single hit", className: cls.name, colour: cls.colour,
        score: known(table.score[i]), calibrated: table.calibrated[i] === 1, decision: this.data.decisions[table.decision[i]], decided: table.decision[i] > 0,
        place: this.place(table, i), ce90: known(table.ce90[i]), t: table.t[i], reason: this.data.reasons[table.reason[i]],
        recording: this.data.recordings[table.recording[i]] || null, mediaT: known(table.media_t[i]), frame: thing || this.detailed ? table.frame[i] : null,
      };
      if (!thing) {
        const track = this.hits.thing[i];
        return Object.assign(common, {
          kind: track >= 0 ? "hit of a track" : "single hit", track: track, id: track >= 0 ? "hit of " + this.data.ids[track] : this.idOfHit(i), hitRow: i,
          existence: null, first: table.t[i], last: table.t[i], hits: 1, border: known(table.border && table.border[i]), bearing: null, closest: null, speed: null, heading: null, slant: known(table.slant[i]),
        });
      }
      return Object.assign(common, {
        track: i, id: this.data.ids[i], hitRow: this.bestHit(i), existence: known(table.existence[i]), first: table.first[i], last: table.last[i], hits: table.hits[i],
        border: known(table.border[i]), bearing: known(table.bearing[i]), closest: known(table.closest[i]), closestT: table.closest_t[i], speed: known(table.speed[i]), heading: known(table.heading[i]), shownT: table.shown_t[i],
      });
    }

    /* The half axes and azimuth of the ellipse that holds a hit's true place in 95 %; null where the covariance is not known. */
    ellipse(row) {
      const { major, minor, azimuth } = this.hits;
      return row < 0 || Number.isNaN(major[row]) || Number.isNaN(this.hits.lat[row]) ? null : { at: this.place(this.hits, row), major: major[row], minor: minor[row], azimuth: azimuth[row] };
    }
  }

  /* Until they come, and where they never do, what only a card tells of hits is not known. */
  const DETAILS = ["stream", "frame", "media_t", "slant", "major", "minor", "azimuth"];
  function lacking(hits, data) {
    const unknown = new Float64Array(hits.count).fill(NaN), none = new Uint8Array(hits.count);
    for (const name of data.has_border ? [...DETAILS, "border"] : DETAILS) hits[name] = CODES.has(name) ? none : unknown;
  }

  async function operation(data) {
    const tables = await Promise.all([data.things, data.points, data.hits].map(vedette.columns));
    const embedded = data.details && typeof data.details.bytes !== "string";
    if (embedded || !data.details) lacking(tables[2], data);
    const op = new Operation(data, ...tables);
    if (!embedded) await op.complete();
    return op;
  }

  Object.assign(window.vedette, { operation: operation });
})();
