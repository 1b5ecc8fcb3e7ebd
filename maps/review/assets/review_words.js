/* What the console's pages say and how: buttons that show their key, what is told at the top, and each reader's units, kept in this browser. */
"use strict";
(function (review) {
  review.element = vedette.element;

  /* A button whose face says its key. */
  review.button = function (text, key, act, className) {
    const node = review.element("button", className || "", text);
    node.type = "button";
    if (key) node.append(" ", review.element("kbd", "", key));
    node.addEventListener("click", act);
    return node;
  };

  review.say = function (text) {
    document.getElementById("said").textContent = text || "";
  };

  Object.assign(vedette.units, { time: "utc" }, JSON.parse(localStorage.getItem("vedette-units") || "{}"));
  review.setUnits = function (units) {
    Object.assign(vedette.units, units);
    localStorage.setItem("vedette-units", JSON.stringify(vedette.units));
  };
  /* A moment the server tells, as the page says times. */
  review.moment = function (utc, short) {
    if (!utc) return review.t("no date");
    if (vedette.units.time === "utc") return short ? utc.slice(11, 19) + " Z" : utc.replace("T", " ").replace(/\.\d+Z$/, " UTC");
    const text = new Date(Date.parse(utc) - new Date(utc).getTimezoneOffset() * 60000).toISOString();
    return short ? text.slice(11, 19) : text.slice(0, 10) + " " + text.slice(11, 19);
  };
  review.duration = function (seconds) {
    return seconds < 90 ? Math.round(seconds) + " s" : Math.round(seconds / 60) + " min";
  };

  /* The words of the reader's language, put into what the page says of itself. */
  review.speak = async function () {
    Object.assign(vedette.words, (await review.get("/api/words?language=" + encodeURIComponent(navigator.language.slice(0, 20)))).words);
    for (const node of document.querySelectorAll("[data-words]")) node.prepend(review.t(node.dataset.words));
    for (const node of document.querySelectorAll("[data-label]")) node.setAttribute("aria-label", review.t(node.dataset.label));
  };
})(window.review);
