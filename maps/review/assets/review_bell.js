/* A sound and a desktop notification for what is new, each by the reader's choice, kept in this browser. */
"use strict";
(function (review) {
  let sounds = null;
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

  /* Tells what is new in the ways that were chosen; of one `tag` the browser shows one notification. */
  review.ring = function (title, body, tag) {
    if (choice("sound")) beep();
    if (choice("notify") && window.Notification && Notification.permission === "granted") new Notification(title, { body: body, tag: tag });
  };

  /* Makes a box the choice of "sound" or "notify". */
  review.bellChoice = function (name, box) {
    box.checked = choice(name);
    box.addEventListener("change", async () => {
      if (name === "notify" && box.checked && window.Notification && (await Notification.requestPermission()) !== "granted") { box.checked = false; review.say(review.t("The browser does not allow notifications for this page.")); }
      if (name === "sound" && box.checked) beep();
      localStorage.setItem("vedette-" + name, box.checked ? "1" : "0");
    });
  };
})(window.review);
