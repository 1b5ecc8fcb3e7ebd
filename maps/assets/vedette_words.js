/* Words and units: every text of a page passes `t`, which looks it up in the catalogue of the chosen language. */
"use strict";
window.vedette = window.vedette || {};
(function () {
  const words = {}, units = { length: "metric", time: "local" };

  function t(text, values) {
    return (words[text] || text).replace(/%\((\w+)\)s/g, (whole, name) => (values && name in values ? String(values[name]) : whole));
  }

  function element(tag, className, text) {
    const node = document.createElement(tag);
    if (className) node.className = className;
    if (text !== undefined && text !== null) node.textContent = text;
    return node;
  }

  /* Lengths and speeds as each reader wants them: metric, or feet, nautical miles and knots. */
  function metresText(metres) {
    if (units.length === "metric") return metres < 1000 ? Math.round(metres) + " m" : (metres / 1000).toFixed(metres < 10000 ? 2 : 1) + " km";
    return metres < 1852 ? Math.round(metres / 0.3048) + " ft" : (metres / 1852).toFixed(metres < 18520 ? 2 : 1) + " NM";
  }
  function speedText(mps) { return units.length === "metric" ? mps.toFixed(1) + " m/s" : (mps * 3600 / 1852).toFixed(1) + " kt"; }
  function ageText(seconds) { return seconds < 90 ? Math.round(seconds) + " s" : seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h"; }

  Object.assign(window.vedette, { words: words, units: units, t: t, element: element, metresText: metresText, speedText: speedText, ageText: ageText });
})();
