/* Pictures without hits, one after another: is there something all the same? */
"use strict";
(function (review) {
  const BESIDE_S = 0.5;
  let waiting = [], url = null;

  async function show() {
    const one = waiting[0], film = document.getElementById("film"), about = document.getElementById("about");
    document.getElementById("left").textContent = review.t("%(n)s to look at", { n: waiting.length });
    document.body.dataset.picture = one ? one.picture : "";
    if (!one) { film.removeAttribute("src"); film.load(); about.textContent = review.t("You have looked at all of them."); return; }
    about.textContent = one.recording + " · " + one.utc + " · " + one.at_s.toFixed(2) + " s";
    const answer = await fetch("/api/film?" + new URLSearchParams({
      source: one.source, media: one.media, stream: one.stream, from_s: Math.max(one.at_s - BESIDE_S, 0), to_s: one.at_s + BESIDE_S,
    }), { credentials: "same-origin" });
    if (!answer.ok) throw new Error(((await answer.json().catch(() => null)) || {}).error || "The console answered " + answer.status + ".");
    const start = Number(answer.headers.get("x-vedette-start-s"));
    if (url) URL.revokeObjectURL(url);
    url = URL.createObjectURL(await answer.blob());
    film.src = url;
    film.onloadedmetadata = () => { film.currentTime = Math.max(one.at_s - start, 0); };
  }

  async function saw(said) {
    const one = waiting[0];
    if (!one) return;
    try {
      await review.post("/api/unflagged", { source: one.source, picture: one.picture, said: said });
      waiting.shift();
      review.say("");
      await show();
    } catch (error) { review.say(error.message); }
  }

  async function open() {
    review.token = (await review.get("/api/me")).token;
    await review.speak();
    const bar = document.getElementById("bar"), keys = { n: "nothing", s: "something", u: "unsure" };
    bar.append(
      review.button(review.t("Nothing there"), "N", () => saw("nothing")), review.button(review.t("Something there"), "S", () => saw("something")),
      review.button(review.t("Cannot tell"), "U", () => saw("unsure")));
    addEventListener("keydown", (event) => { if (!event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key]) saw(keys[event.key]); });
    waiting = (await review.get("/api/unflagged")).waiting;
    document.body.dataset.ready = "1";
    await show();
  }

  open().catch((error) => review.say(error.message));
})(window.review);
