/* What comes in while an operation grows: new tracks, how old each link's news is, a sound and a notification by choice. */
"use strict";
(function (review) {
  const MOST = 200;
  let links = [], heard = performance.now(), source = null, sounds = null;
  const choice = (name) => localStorage.getItem("vedette-" + name) === "1";

  function beep() {
    sounds = sounds || new AudioContext();
    const tone = sounds.createOscillator(), level = sounds.createGain(), now = sounds.currentTime;
    tone.frequency.setValueAtTime(880, now);
    tone.frequency.setValueAtTime(660, now + 0.15);
    level.gain.setValueAtTime(0.2, now);
    level.gain.exponentialRampToValueAtTime(0.001, now + 0.35);
    tone.connect(level).connect(sounds.destination);
    tone.start(now);
    tone.stop(now + 0.36);
    review.beeps = (review.beeps || 0) + 1;
  }

  function track(told) {
    const list = document.getElementById("news"), item = review.element("li");
    const text = told.utc.replace("T", " ").replace(/\.\d+Z/, "Z") + "  " + told.assessed + " " + told.probability.toFixed(2) + "  " + told.id;
    item.dataset.track = told.id;
    item.append(review.button(text, "", () => review.footageMap.setView(told.place, 18, { animate: false })));
    list.prepend(item);
    while (list.children.length > MOST) list.lastChild.remove();
    const spot = review.liveSpot(told.place, told.assessed);
    if (!review.fitted) { review.footageMap.setView(told.place, 16, { animate: false }); review.fitted = true; }
    review.liveSpots = [...(review.liveSpots || []), spot];
    while (review.liveSpots.length > MOST) review.liveSpots.shift().remove();
    if (choice("sound")) beep();
    if (choice("notify") && window.Notification && Notification.permission === "granted") new Notification("New track: " + told.assessed, { body: "Machine assessment, " + told.probability.toFixed(2) + ". Look before anything is done.", tag: told.id });
  }

  function age(seconds) { return seconds < 100 ? Math.round(seconds) + " s" : seconds < 6000 ? Math.round(seconds / 60) + " min" : Math.round(seconds / 3600) + " h"; }

  /* Ticks by itself: between two messages the age goes on, so that silence is never taken for news. */
  function tick() {
    const since = (performance.now() - heard) / 1000, said = document.getElementById("links");
    said.replaceChildren();
    if (source && since > 8) said.append(review.element("span", "stale", "the console is not heard for " + age(since)));
    for (const link of links) {
      const old = link.age_s + since, stale = old > 6;
      said.append(review.element("span", stale ? "stale" : "fresh", (stale ? "stale: " : "live: ") + link.source + ", last rows " + age(old) + " ago"), " ");
    }
    const seen = document.getElementById("seen-title");
    if (review.seenText) seen.textContent = review.seenText + (review.lastSeen ? "; last " + age(Math.max(0, (Date.now() - Date.parse(review.lastSeen)) / 1000)) + " ago" : "");
  }

  function took(event) {
    const told = JSON.parse(event.data);
    heard = performance.now();
    if (told.what === "track") track(told);
    else if (told.what === "links") links = told.links;
    else if (told.what === "run" || told.what === "grown") review.reloadFilms();
    else if (told.what === "over") { source.close(); location.assign("/login?next=/footage"); }
  }

  review.startLive = function () {
    for (const name of ["sound", "notify"]) {
      const box = document.getElementById(name);
      box.checked = choice(name);
      box.addEventListener("change", async () => {
        if (name === "notify" && box.checked && window.Notification && (await Notification.requestPermission()) !== "granted") { box.checked = false; review.say("The browser does not allow notifications for this page."); }
        if (name === "sound" && box.checked) beep();
        localStorage.setItem("vedette-" + name, box.checked ? "1" : "0");
      });
    }
    source = new EventSource("/api/live");
    source.onmessage = took;
    source.onopen = () => { document.body.dataset.live = "1"; };
    source.onerror = () => { document.body.dataset.live = "0"; };
    setInterval(tick, 500);
  };
})(window.review);
