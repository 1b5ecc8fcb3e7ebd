/* The film: stretches of it are fetched, played, and followed picture by picture. */
"use strict";
(function (review) {
  const AHEAD_S = 25, BEFORE_S = 5, NEAR_S = 0.51;
  const film = { chosen: null, from: 0, to: 0, start: 0, rate: 30, shown: { pictures: [], boxes: [] }, at: 0, listeners: [] };
  const video = () => document.getElementById("film"), second = () => document.getElementById("film2");
  let asked = 0, urls = [];

  film.onPicture = (act) => film.listeners.push(act);
  film.address = (what, stream, from, to) => "/api/" + what + "?" + new URLSearchParams({
    source: film.chosen.source, media: film.chosen.media, stream: stream, from_s: from.toFixed(6), to_s: to.toFixed(6),
  });

  async function fetched(stream, from, to) {
    const answer = await fetch(film.address("film", stream, from, to), { credentials: "same-origin" });
    if (!answer.ok) {
      const told = (answer.headers.get("content-type") || "").startsWith("application/json") ? await answer.json() : {};
      const error = new Error(told.error || review.t("The console answered %(status)s.", { status: answer.status }));
      error.why = told.why;
      throw error;
    }
    const url = URL.createObjectURL(await answer.blob());
    urls.push(url);
    return {
      url: url, start: Number(answer.headers.get("x-vedette-start-s")),
      rate: Number(answer.headers.get("x-vedette-rate")) || 30, how: answer.headers.get("x-vedette-pictures"),
    };
  }

  /* Load the stretch around a moment of the recording, and show that moment. */
  film.goto = async function (moment, play) {
    const turn = ++asked, at = Math.max(moment, film.chosen.from_s || 0);
    if (at >= film.start && at <= film.to - 0.2 && film.loaded === film.chosen) { show(at, play); return; }
    film.loading = turn;
    const from = Math.max(at - BEFORE_S, film.chosen.from_s || 0), to = from + AHEAD_S + BEFORE_S;
    const beside = film.both ? 1 - Math.min(film.stream, 1) : -1;
    let one, other, shown;
    try {
      [one, other, shown] = await Promise.all([
        fetched(film.stream, from, to), beside < 0 ? null : fetched(beside, from, to),
        review.get(film.address("shown", film.stream, Math.max(from - 2, 0), to)),
      ]);
    } finally { if (film.loading === turn) film.loading = 0; }
    if (turn !== asked) return;
    for (const url of urls.splice(0)) if (url !== one.url && (!other || url !== other.url)) URL.revokeObjectURL(url); else urls.push(url);
    Object.assign(film, { from: from, to: to, start: one.start, rate: one.rate, shown: shown, loaded: film.chosen });
    film.second = other;
    video().src = one.url;
    if (other) second().src = other.url;
    document.getElementById("about").textContent = review.t("%(name)s: pictures %(how)s", { name: film.chosen.name, how: one.how }) + (shown.pictures.length ? "" : "; " + review.t("no picture of this stretch was analysed"));
    video().onloadedmetadata = () => show(at, play);
    film.fillThings();
  };

  function show(at, play) {
    video().currentTime = Math.max(at - film.start, 0) + 0.3 / film.rate;
    if (film.second) second().currentTime = Math.max(at - film.second.start, 0) + 0.3 / film.rate;
    if (play) film.play();
  }

  film.play = () => { video().play().catch(() => {}); if (film.second) second().play().catch(() => {}); };
  film.toggle = () => { if (video().paused) film.play(); else { video().pause(); second().pause(); } };
  film.step = function (pictures) {
    video().pause();
    second().pause();
    const moment = film.at + pictures / film.rate;
    if (moment < film.start || moment > film.to) film.goto(moment, false);
    else show(moment, false);
  };

  /* What is known of the picture on the screen: the analysed one nearest to it, unless that is too far. */
  film.picture = function () {
    let best = null;
    for (const one of film.shown.pictures) if (!best || Math.abs(one.t_s - film.at) < Math.abs(best.t_s - film.at)) best = one;
    return best && Math.abs(best.t_s - film.at) <= NEAR_S ? best : null;
  };
  film.boxesOf = (picture) => picture ? film.shown.boxes.filter((box) => Math.abs(box.t_s - picture.t_s) < 1e-4) : [];

  function draw(boxes) {
    const canvas = document.getElementById("boxes"), pen = canvas.getContext("2d"), screen = video();
    canvas.width = canvas.clientWidth * devicePixelRatio;
    canvas.height = canvas.clientHeight * devicePixelRatio;
    pen.clearRect(0, 0, canvas.width, canvas.height);
    if (!screen.videoWidth) return;
    const scale = Math.min(canvas.width / screen.videoWidth, canvas.height / screen.videoHeight);
    const left = (canvas.width - scale * screen.videoWidth) / 2, top = (canvas.height - scale * screen.videoHeight) / 2;
    pen.lineWidth = 2 * devicePixelRatio;
    pen.font = 12 * devicePixelRatio + "px system-ui, sans-serif";
    for (const box of boxes) {
      const [x0, y0, x1, y1] = box.box_px, x = left + x0 * scale, y = top + y0 * scale;
      pen.strokeStyle = pen.fillStyle = box.thing === film.thing ? "#ffb300" : "#00e5ff";
      pen.strokeRect(x, y, (x1 - x0) * scale, (y1 - y0) * scale);
      pen.fillText(box.assessed + (box.score === null ? "" : " " + box.score.toFixed(2)), x, y - 4 * devicePixelRatio);
    }
  }

  function followed(_, about) {
    film.at = film.start + about.mediaTime;
    const picture = film.picture(), boxes = film.boxesOf(picture);
    draw(boxes);
    document.getElementById("clock").textContent = film.at.toFixed(2) + " s" + (picture && picture.utc ? "  " + picture.utc.replace("T", " ").replace(/\.\d+Z/, "Z") : "");
    document.getElementById("seek").value = String(film.at);
    for (const act of film.listeners) act(picture, boxes);
    if (film.second && Math.abs(second().currentTime + film.second.start - film.at) > 0.15) second().currentTime = film.at - film.second.start;
    if (!film.loading && !video().paused && film.at > film.to - 0.5 && film.chosen.to_s > film.to) film.goto(film.at + 0.1 > film.to ? film.to : film.at + 0.5, true);
    video().requestVideoFrameCallback(followed);
  }

  film.fillThings = function () {
    const list = document.getElementById("things"), first = new Map();
    for (const box of film.shown.boxes) if (!first.has(box.thing)) first.set(box.thing, box);
    list.replaceChildren();
    for (const [thing, box] of first) {
      const node = review.element("li"), text = box.assessed + " " + (box.score === null ? "" : box.score.toFixed(2)) + "  " + review.t("at %(t)s s", { t: box.t_s.toFixed(1) }) + (box.place ? "" : "  (" + review.t("no place: %(why)s", { why: box.why_not }) + ")");
      node.append(review.button(text, "", () => { film.thing = thing; film.goto(box.t_s, false); }));
      list.append(node);
    }
  };
  film.jump = function (direction) {
    const times = film.shown.boxes.map((box) => box.t_s), now = film.at;
    const next = direction > 0 ? times.find((t) => t > now + 0.05) : times.filter((t) => t < now - 0.05).pop();
    if (next !== undefined) { video().pause(); film.goto(next, false); }
  };

  film.begin = function () {
    video().requestVideoFrameCallback(followed);
    document.getElementById("play").addEventListener("click", film.toggle);
    document.getElementById("back").addEventListener("click", () => film.step(-1));
    document.getElementById("on").addEventListener("click", () => film.step(1));
    video().addEventListener("play", () => { document.getElementById("play-word").textContent = review.t("Pause"); });
    video().addEventListener("pause", () => { document.getElementById("play-word").textContent = review.t("Play"); });
  };
  review.film = film;
})(window.review);
