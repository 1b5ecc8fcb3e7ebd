/* Hits over time, with a window to brush and to play. The sliders are the same window for the keyboard and for who sees no bars. */
"use strict";
(function () {
  const HIGH_PX = 46, TICK_MS = 120, STEPS = 1000;

  class TimeStrip {
    constructor(desk) {
      this.desk = desk;
      this.node = vedette.element("section", "vedette-time");
      this.node.setAttribute("aria-label", vedette.t("time"));
      this.canvas = vedette.element("canvas", "");
      this.canvas.setAttribute("aria-hidden", "true");
      this.play = vedette.element("button", "play", "▶");
      this.play.type = "button"; this.play.title = vedette.t("Play (P)"); this.play.setAttribute("aria-label", vedette.t("play the time window"));
      this.play.addEventListener("click", () => this.toggle());
      this.said = vedette.element("span", "said", "");
      this.all = vedette.element("button", "small", vedette.t("all times"));
      this.all.type = "button";
      this.all.addEventListener("click", () => { this.stop(); desk.set({ from: null, to: null }); });
      const bar = vedette.element("div", "bar");
      this.from = this.slider(vedette.t("time from"));
      this.to = this.slider(vedette.t("time to"));
      bar.append(this.play, this.said, this.all);
      const well = vedette.element("div", "well"), sliders = vedette.element("div", "sliders");
      sliders.append(this.from, this.to);
      well.append(this.canvas, sliders);
      this.node.append(bar, well);
      this.brush();
      desk.on("filter", () => this.draw());
      new ResizeObserver(() => this.draw()).observe(this.canvas);
    }
    get span() { return Math.max(this.desk.op.data.end_ms - this.desk.op.data.epoch_ms, 1); }
    slider(name) {
      const input = vedette.element("input");
      input.type = "range"; input.min = 0; input.max = STEPS; input.step = 1;
      input.setAttribute("aria-label", name);
      input.addEventListener("input", () => {
        const a = Number(this.from.value), b = Number(this.to.value);
        if (a > b) { if (input === this.from) this.to.value = a; else this.from.value = b; }
        this.window(Number(this.from.value) / STEPS * this.span, Number(this.to.value) / STEPS * this.span);
      });
      return input;
    }
    window(from, to) {
      const whole = from <= 0 && to >= this.span;
      this.desk.set({ from: whole ? null : Math.max(0, Math.round(from)), to: whole ? null : Math.min(this.span, Math.round(to)) });
    }
    brush() {
      let start = null;
      const at = (event) => { const box = this.canvas.getBoundingClientRect(); return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * this.span; };
      this.canvas.addEventListener("pointerdown", (event) => { start = at(event); this.canvas.setPointerCapture(event.pointerId); this.stop(); });
      this.canvas.addEventListener("pointermove", (event) => {
        if (start === null) return;
        const now = at(event);
        if (Math.abs(now - start) > this.span / 200) this.window(Math.min(start, now), Math.max(start, now));
      });
      this.canvas.addEventListener("pointerup", (event) => { if (start !== null && Math.abs(at(event) - start) <= this.span / 200) this.desk.set({ from: null, to: null }); start = null; });
    }
    toggle() { if (this.timer) this.stop(); else this.run(); }
    /* The window walks on by an eighth of itself; without one it is a twentieth of all the time. */
    run() {
      const { from, to } = this.desk.filters, wide = from === null || to === null ? this.span / 20 : to - from;
      let at = from === null || to === null || to >= this.span ? 0 : from;
      this.play.textContent = "❚❚"; this.play.setAttribute("aria-label", vedette.t("stop")); this.node.classList.add("playing");
      this.timer = setInterval(() => {
        this.desk.set({ from: Math.round(at), to: Math.round(Math.min(at + wide, this.span)) });
        if (at + wide >= this.span) this.stop(); else at += wide / 8;
      }, TICK_MS);
    }
    stop() {
      clearInterval(this.timer);
      this.timer = 0;
      this.play.textContent = "▶"; this.play.setAttribute("aria-label", vedette.t("play the time window")); this.node.classList.remove("playing");
    }
    draw() {
      const { from, to } = this.desk.filters, bins = this.desk.shown.bins.counts, wide = this.canvas.clientWidth, ratio = window.devicePixelRatio || 1;
      const low = from === null ? 0 : from, high = to === null ? this.span : to, op = this.desk.op;
      this.from.value = low / this.span * STEPS; this.to.value = high / this.span * STEPS;
      for (const [input, t] of [[this.from, low], [this.to, high]]) input.setAttribute("aria-valuetext", op.local(t) || "");
      const clock = (t) => (op.local(t) || "").slice(11, 19);
      this.said.textContent = op.hits.count || op.count ? clock(low) + " – " + clock(high) + " " + (vedette.units.time === "utc" ? "UTC" : vedette.t("local (UTC%(off)s)", { off: (op.local(low) || "").slice(20) })) : vedette.t("nothing was found");
      this.all.hidden = from === null && to === null;
      if (!wide) return;
      this.canvas.width = wide * ratio; this.canvas.height = HIGH_PX * ratio;
      const pen = this.canvas.getContext("2d"), most = Math.max(1, ...bins), w = wide / bins.length, style = getComputedStyle(document.body);
      pen.scale(ratio, ratio);
      const chosen = style.getPropertyValue("--accent"), rest = style.getPropertyValue("--bars");
      bins.forEach((count, k) => {
        const t = (k + 0.5) / bins.length * this.span, h = count ? 3 + (HIGH_PX - 5) * Math.sqrt(count / most) : 0;
        pen.fillStyle = t >= low && t <= high ? chosen : rest;
        pen.fillRect(k * w, HIGH_PX - h, Math.max(1, w - 1), h);
      });
      if (from !== null) { pen.fillStyle = chosen; pen.globalAlpha = 0.14; pen.fillRect(low / this.span * wide, 0, (high - low) / this.span * wide, HIGH_PX); pen.globalAlpha = 1; }
    }
  }

  Object.assign(window.vedette, { timeStrip: (desk) => new TimeStrip(desk) });
})();
