/* The map beside the film: where the camera is, what it sees, what was found; and which film saw a place. */
"use strict";
(function (review) {
  let map, camera, cone, print, spots, asked, follow = true;

  function told(picture, boxes) {
    spots.clearLayers();
    for (const box of boxes) {
      if (!box.place) continue;
      const spot = L.circleMarker(box.place, { radius: 5, weight: 2, color: "#00838f", fillColor: "#00e5ff", fillOpacity: 0.9 });
      spots.addLayer(spot.bindTooltip(() => review.element("span", "", box.assessed)));
    }
    if (!picture || !picture.camera) { camera.setStyle({ opacity: 0, fillOpacity: 0 }); print.setLatLngs([]); cone.setLatLngs([]); return; }
    camera.setLatLng(picture.camera).setStyle({ opacity: 1, fillOpacity: 1 });
    const ring = picture.footprint || [];
    print.setLatLngs(ring).setStyle({ dashArray: picture.measured ? null : "6 4" });
    cone.setLatLngs(edges(picture.camera, ring));
    if (follow && !map.getBounds().pad(-0.1).contains(picture.camera)) map.panTo(picture.camera, { animate: false });
  }

  /* The two outermost lines from the camera to its footprint. */
  function edges(from, ring) {
    if (!ring.length) return [];
    const wide = Math.cos(from[0] * Math.PI / 180), mean = [0, 0];
    for (const [lat, lon] of ring) { mean[0] += lat / ring.length; mean[1] += lon / ring.length; }
    const axis = Math.atan2((mean[1] - from[1]) * wide, mean[0] - from[0]);
    const off = (corner) => { const turn = Math.atan2((corner[1] - from[1]) * wide, corner[0] - from[0]) - axis; return Math.atan2(Math.sin(turn), Math.cos(turn)); };
    const sorted = ring.slice().sort((one, other) => off(one) - off(other));
    return [[from, sorted[0]], [from, sorted[sorted.length - 1]]];
  }

  function passes(found, place) {
    const list = document.getElementById("passes");
    list.replaceChildren();
    review.lastSeen = found.passes.length ? found.passes[0].to_utc : null;
    review.seenText = review.t("%(n)s passes saw this place", { n: found.passes.length }) + (found.not_known ? "; " + review.t("of %(n)s runs it is not known", { n: found.not_known }) : "");
    for (const one of found.passes) {
      const item = review.element("li"), text = review.t("%(when)s  %(name)s  %(from)s to %(to)s s", { when: review.moment(one.from_utc), name: one.name, from: one.from_s.toFixed(1), to: one.to_s.toFixed(1) });
      item.append(review.button(text, "", () => review.openFilm(one.source, one.media, one.stream, (one.from_s + one.to_s) / 2)));
      list.append(item);
    }
    asked.setLatLng(place).setStyle({ opacity: 1 });
  }

  async function clicked(at) {
    try {
      passes(await review.get("/api/seen?" + new URLSearchParams({ lat: at.lat.toFixed(7), lon: at.lng.toFixed(7) })), at);
      review.say("");
    } catch (error) { review.say(error.message); }
  }

  /* The ground of every page of ours beneath what the film shows; `ages` is where the colours of the ground are told. */
  review.startFootageMap = async function (data, ages) {
    map = L.map("map", { preferCanvas: true, zoomControl: false, zoomSnap: 0.25 }).setView([0, 0], 2);
    L.control.zoom({ position: "topright" }).addTo(map);
    vedette.labelled(map, review.t("footage"));
    if (data) {
      map.fitBounds(data.frame, { animate: false });
      for (const { layer, on, more } of await vedette.groundLayers(data)) {
        if (on) layer.addTo(map);
        if (layer.cells) { review.ages = layer; ages.append(more); }
      }
    }
    vedette.gridLayer().addTo(map);
    vedette.cursor(map);
    print = L.polygon([], { color: "#ffb300", weight: 2, fillOpacity: 0.18, interactive: false }).addTo(map);
    cone = L.polyline([], { color: "#ffb300", weight: 1, opacity: 0.8, interactive: false }).addTo(map);
    camera = L.circleMarker([0, 0], { radius: 7, weight: 2, color: "#ffffff", fillColor: "#6a1b9a", opacity: 0, fillOpacity: 0, interactive: false }).addTo(map);
    asked = L.circleMarker([0, 0], { radius: 9, weight: 3, color: "#d500f9", opacity: 0, fill: false, interactive: false }).addTo(map);
    spots = L.layerGroup().addTo(map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    map.on("click", (event) => { clicked(event.latlng.wrap()); });
    vedette.pick = (point) => { clicked(map.containerPointToLatLng(point).wrap()); return true; };
    map.on("dragstart", () => { follow = false; });
    review.film.onPicture(told);
    review.footageMap = map;
  };
  review.fitFootage = function () {
    const bounds = L.latLngBounds([]);
    for (const one of review.film.shown.pictures) for (const corner of [...(one.footprint || []), ...(one.camera ? [one.camera] : [])]) bounds.extend(corner);
    if (bounds.isValid()) map.fitBounds(bounds.pad(0.1), { animate: false, maxZoom: 18 });
    follow = true;
  };
  review.liveSpot = (place, text) => L.circleMarker(place, { radius: 8, weight: 3, color: "#c62828", fillColor: "#ffcdd2", fillOpacity: 0.9 }).bindTooltip(() => review.element("span", "", text)).addTo(map);
})(window.review);
