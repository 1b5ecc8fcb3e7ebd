/* Words: every text of the console passes `t`, which looks it up in the catalogue of the chosen language. */
"use strict";
(function (review) {
  review.words = {};
  review.t = function (text, values) {
    const said = review.words[text] || text;
    return said.replace(/%\((\w+)\)s/g, (whole, name) => (values && name in values ? String(values[name]) : whole));
  };

  review.element = function (tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  };

  /* A button whose face says its key. */
  review.button = function (text, key, act, className) {
    const node = review.element("button", className || "", text);
    node.type = "button";
    if (key) node.append(" ", review.element("kbd", "", key));
    node.addEventListener("click", act);
    return node;
  };

  review.say = function (text) {
    const said = document.getElementById("said");
    said.textContent = text || "";
  };

  /* Metric or feet and knots; UTC or the machine's zone: by each reader's choice, kept in this browser. */
  review.units = Object.assign({ length: "metric", time: "utc" }, JSON.parse(localStorage.getItem("vedette-units") || "{}"));
  review.setUnits = function (units) {
    Object.assign(review.units, units);
    localStorage.setItem("vedette-units", JSON.stringify(review.units));
  };
  review.metres = function (value) {
    if (value === null || value === undefined) return "";
    if (review.units.length === "metric") return value >= 10000 ? (value / 1000).toFixed(1) + " km" : Math.round(value) + " m";
    const feet = value / 0.3048;
    return feet >= 30380 ? (value / 1852).toFixed(1) + " NM" : Math.round(feet) + " ft";
  };
  review.speed = function (value) {
    if (value === null || value === undefined) return "";
    return review.units.length === "metric" ? value.toFixed(1) + " m/s" : (value * 3600 / 1852).toFixed(1) + " kt";
  };
  review.moment = function (utc, short) {
    if (!utc) return review.t("no date");
    if (review.units.time === "utc") return short ? utc.slice(11, 19) + " Z" : utc.replace("T", " ").replace(/\.\d+Z$/, " UTC");
    const at = new Date(utc), two = (n) => String(n).padStart(2, "0"), off = -at.getTimezoneOffset(), size = Math.abs(off);
    const clock = two(at.getHours()) + ":" + two(at.getMinutes()) + ":" + two(at.getSeconds());
    if (short) return clock;
    return at.getFullYear() + "-" + two(at.getMonth() + 1) + "-" + two(at.getDate()) + " " + clock + (off < 0 ? " -" : " +") + two(Math.floor(size / 60)) + ":" + two(size % 60);
  };
  review.duration = function (seconds) {
    if (seconds === null || seconds === undefined) return "";
    return seconds < 90 ? Math.round(seconds) + " s" : Math.round(seconds / 60) + " min";
  };
})(window.review);
