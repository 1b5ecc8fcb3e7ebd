/* The map: the border, every thing of the queue where it was last, and the way of the one that is looked at. */
"use strict";
(function (review) {
  const desk = review.desk, COLOURS = { alert: "#c62828", detection: "#1565c0", rest: "#78909c" };
  let map, spots, way, border, fitted = false;

  function label(text) { return () => review.element("span", "", text); }

  function styleOf(item) {
    const chosen = desk.keyOf(item) === desk.selected, dismissed = item.standing.decision === "dismissed";
    return {
      radius: chosen ? 10 : 6, weight: chosen ? 4 : desk.picked.has(desk.keyOf(item)) ? 4 : 1.5, color: chosen ? "#ffb300" : desk.picked.has(desk.keyOf(item)) ? "#8e24aa" : "#ffffff",
      fillColor: COLOURS[item.rank.band], fillOpacity: dismissed ? 0.25 : 0.9, opacity: dismissed ? 0.5 : 1,
    };
  }

  const shown = new Map();
  function draw() {
    spots.clearLayers();
    shown.clear();
    for (const item of desk.items) {
      if (item.lat_deg === null) continue;
      const key = desk.keyOf(item), spot = L.circleMarker([item.lat_deg, item.lon_deg], styleOf(item));
      spot.bindTooltip(label(item.assessed_class + " " + item.rank.probability.toFixed(2)));
      spot.on("click", (event) => { L.DomEvent.stopPropagation(event); if (event.originalEvent.ctrlKey || event.originalEvent.metaKey) desk.pick(key); else desk.select(key); });
      shown.set(key, spot);
      spots.addLayer(spot);
    }
    if (!fitted) fit();
  }

  function fit() {
    const bounds = L.latLngBounds([]);
    for (const spot of shown.values()) bounds.extend(spot.getLatLng());
    if (!bounds.isValid() && border) bounds.extend(border.getBounds());
    if (!bounds.isValid() || !map.getSize().y) return;
    map.fitBounds(bounds.pad(0.15), { animate: false, maxZoom: 17 });
    fitted = true;
    outline(bounds);
  }

  /* Land borders around what is shown, so that a map without a network says where on earth it is. */
  let outlined = false;
  async function outline(bounds) {
    if (outlined) return;
    outlined = true;
    const words = new URLSearchParams({ south: bounds.getSouth(), west: bounds.getWest(), north: bounds.getNorth(), east: bounds.getEast() });
    try {
      for (const layer of (await review.get("/api/outline?" + words)).layers) vedette.geometry(layer.features, Object.assign({ pane: "outline", interactive: false }, layer.style)).addTo(map);
    } catch (error) { review.say(error.message); }
  }

  /* A map that was not on the screen when the things came is fitted when it first is. */
  function resized() {
    map.invalidateSize({ animate: false });
    if (!fitted) fit();
  }

  let last = null;
  function select() {
    for (const key of [last, desk.selected]) if (shown.has(key)) shown.get(key).setStyle(styleOf(desk.item(key))).setRadius(styleOf(desk.item(key)).radius);
    last = desk.selected;
    way.clearLayers();
    if (shown.has(desk.selected)) {
      const spot = shown.get(desk.selected);
      spot.bringToFront();
      if (fitted && !map.getBounds().pad(-0.08).contains(spot.getLatLng())) map.panTo(spot.getLatLng(), { animate: false });
    }
  }

  function path() {
    way.clearLayers();
    const card = desk.card;
    if (!card || !card.path.length) return;
    const points = card.path.map((point) => [point.lat_deg, point.lon_deg]), end = card.path[card.path.length - 1];
    L.polyline(points, { color: "#ffb300", weight: 4, opacity: 0.95, interactive: false }).addTo(way);
    if (end.ce90_m) L.circle([end.lat_deg, end.lon_deg], { radius: end.ce90_m, color: "#ffb300", weight: 1.5, dashArray: "4 4", fillOpacity: 0.08, interactive: false }).addTo(way);
    for (const event of card.all_events) {
      if (event.lat_deg === null) continue;
      L.circleMarker([event.lat_deg, event.lon_deg], { radius: 5, color: "#000000", weight: 2, fillColor: "#ffffff", fillOpacity: 1 }).bindTooltip(label(event.kind)).addTo(way);
    }
  }

  review.startMap = function () {
    map = L.map("map", { preferCanvas: true, zoomControl: true, attributionControl: false, zoomSnap: 0.25, keyboard: true });
    map.setView([0, 0], 2);
    map.createPane("outline").style.zIndex = 350;
    map.createPane("border").style.zIndex = 450;
    spots = L.layerGroup().addTo(map);
    way = L.layerGroup().addTo(map);
    if (desk.table.border.length) {
      border = L.polyline(desk.table.border.map((line) => line.map(([lon, lat]) => [lat, lon])), { color: "#d32f2f", weight: 3, dashArray: "10 5", interactive: false, pane: "border" }).addTo(map);
    }
    vedette.gridLayer().addTo(map);
    vedette.cursor(map);
    L.control.scale({ position: "bottomright", metric: review.units.length === "metric", imperial: review.units.length !== "metric" }).addTo(map);
    const stored = sessionStorage.getItem("vedette-view");
    if (stored && /^-?[\d.]+,-?[\d.]+,[\d.]+$/.test(stored)) { const [lat, lon, zoom] = stored.split(",").map(Number); map.setView([lat, lon], zoom); fitted = true; outline(map.getBounds()); }
    map.on("moveend", () => { const at = map.getCenter(); if (fitted) sessionStorage.setItem("vedette-view", at.lat.toFixed(6) + "," + at.lng.toFixed(6) + "," + map.getZoom()); });
    new ResizeObserver(resized).observe(document.getElementById("map"));
    desk.on("items", draw);
    desk.on("select", select);
    desk.on("card", path);
    desk.on("picked", () => { for (const [key, spot] of shown) spot.setStyle(styleOf(desk.item(key))); });
    desk.on("standing", (keys) => { for (const key of keys) if (shown.has(key)) shown.get(key).setStyle(styleOf(desk.item(key))); });
    review.fitMap = fit;
    review.measure = () => vedette.measure(map);
    review.map = map;
  };
})(window.review);
