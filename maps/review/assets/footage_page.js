/* Opens the page: which recording and moment its address names, and the keys. */
"use strict";
(function (review) {
  const film = review.film;
  let films = [];
  const key = (one) => one.source + " " + one.media;

  review.reloadFilms = async function () {
    films = (await review.get("/api/films", true)).films;
    const select = document.getElementById("films"), kept = select.value;
    select.replaceChildren();
    for (const one of films) {
      const node = review.element("option", "", one.name);
      node.value = key(one);
      select.append(node);
    }
    if (kept) select.value = kept;
    return films;
  };

  review.openFilm = async function (source, media, stream, moment) {
    const one = films.find((known) => known.source === source && known.media === media);
    if (!one) { review.say(review.t("That recording is not on the table.")); return; }
    document.getElementById("films").value = key(one);
    film.chosen = one;
    film.stream = stream;
    film.loaded = film.loaded === one ? one : null;
    document.getElementById("beside-label").hidden = one.streams < 2;
    const seek = document.getElementById("seek");
    seek.min = String(one.from_s);
    seek.max = String(one.to_s || one.from_s + 3600);
    history.replaceState(null, "", "#" + new URLSearchParams({ source: source, media: media, stream: stream, t: moment.toFixed(2) }));
    try {
      await film.goto(moment, false);
      review.say("");
      if (!review.fitted) { review.fitFootage(); review.fitted = true; }
      document.body.dataset.film = media;
    } catch (error) { review.say(error.message + (error.why === "WithoutPurposeError" ? " " + review.t("Open a case on the queue's page first.") : "")); }
  };

  const act = {
    " ": () => film.toggle(), k: () => film.toggle(), ",": () => film.step(-1), ".": () => film.step(1), ArrowLeft: () => film.goto(film.at - 5, false),
    ArrowRight: () => film.goto(film.at + 5, false), "[": () => film.jump(-1), "]": () => film.jump(1), Home: () => review.fitFootage(),
  };
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), select, .leaflet-container")) return;
    if (event.key === " " && event.target.closest("button")) return;
    if (act[event.key] && film.chosen) { act[event.key](); event.preventDefault(); }
  }

  async function open() {
    review.token = (await review.get("/api/me")).token;
    await review.speak();
    const found = await review.get("/api/found", true).catch((error) => { review.say(error.message); return null; });
    await review.startFootageMap(found, document.getElementById("ages"));
    film.begin();
    document.addEventListener("keydown", pressed);
    document.getElementById("films").addEventListener("change", (event) => {
      const one = films.find((known) => key(known) === event.target.value);
      if (one) { review.fitted = false; review.openFilm(one.source, one.media, 0, one.from_s); }
    });
    document.getElementById("seek").addEventListener("change", (event) => film.goto(Number(event.target.value), false));
    document.getElementById("beside").addEventListener("change", (event) => {
      film.both = event.target.checked;
      document.getElementById("second").hidden = !film.both;
      film.loaded = null;
      if (film.chosen) film.goto(film.at, false);
    });
    await review.reloadFilms();
    const words = new URLSearchParams(location.hash.slice(1)), media = words.get("media");
    if (media) await review.openFilm(Number(words.get("source")), media, Number(words.get("stream") || 0), Number(words.get("t") || 0));
    else if (films.length) await review.openFilm(films[0].source, films[0].media, 0, films[0].from_s);
    review.startLive();
    document.body.dataset.ready = "1";
  }
  open().catch((error) => review.say(error.message));
})(window.review);
