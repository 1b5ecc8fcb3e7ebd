/* The map's own layers. Data only ever reaches the page as JSON, typed arrays and textContent. */
"use strict";
(function () {
  const element = vedette.element;

  /* Cards open clear of the title, the legend (on wide screens) and the buttons. A phone's width is not known
     before the page's head is read, so it is asked for when a card opens. */
  function cardPlace() {
    const wide = window.innerWidth > 900;
    return {
      maxWidth: Math.min(300, window.innerWidth - 60),
      autoPanPaddingTopLeft: [wide ? 310 : 10, 80],
      autoPanPaddingBottomRight: [wide ? 60 : 10, 20],
    };
  }

  function card(title, rows, note) {
    const box = element("div", "vedette-card");
    box.appendChild(element("h3", "", title));
    const list = element("dl");
    for (const [name, value] of rows) {
      list.appendChild(element("dt", "", name));
      list.appendChild(element("dd", "", value));
    }
    box.appendChild(list);
    if (note) box.appendChild(element("div", "note", note));
    return box;
  }

  function popup(map, latlng, title, rows, note) {
    L.popup(cardPlace()).setLatLng(latlng).setContent(card(title, rows, note)).openOn(map);
  }

  /* A finding as a sign that also reads without colours. */
  function sign(latlng, text, kind) {
    const face = element("div", "vedette-sign " + (kind === "error" ? "error" : "warning"), text);
    return L.marker(latlng, { icon: L.divIcon({ html: face, className: "", iconSize: [24, 24] }), keyboard: true });
  }

  /* A point with its name beside it, always. The browser places the text: Leaflet's tooltips are measured one by one, and
     two hundred of them take longer than a million hits. */
  function named(point, latlng, name) {
    const icon = L.divIcon({ html: element("span", "", name), className: "vedette-town", iconSize: null, iconAnchor: [-6, 9] });
    return L.featureGroup([point, L.marker(latlng, { icon: icon, interactive: false, keyboard: false })]);
  }

  function pointOf(p, latlng, style) {
    if (p.sign) return sign(latlng, p.sign, p.kind);
    const point = L.circleMarker(latlng, Object.assign({ radius: 7, weight: 2, fillOpacity: 0.9 }, style, p.style || {}));
    return p.name ? named(point, latlng, p.name) : point;
  }

  /* Lines and areas: a GeoJSON layer whose popups are built from properties as text. */
  function geometry(features, style) {
    return L.geoJSON(features, {
      style: (feature) => Object.assign({}, style, feature.properties.style || {}),
      pointToLayer: (feature, latlng) => pointOf(feature.properties, latlng, style),
      onEachFeature: (feature, layer) => {
        const p = feature.properties;
        if (p.title) layer.on("click", (event) => {
          L.DomEvent.stopPropagation(event);
          if (vedette.pick && vedette.pick(event.containerPoint)) return;
          popup(event.target._map, event.latlng, p.title, p.rows || [], p.note);
        });
        if (p.label && !p.name) layer.bindTooltip(() => element("span", "", p.label), { permanent: false, sticky: true });
      },
    });
  }

  /* The key of one entry of a legend. */
  function legendKey(entry) {
    const key = element("span", "key " + entry.shape);
    if (entry.shape === "line") { key.style.borderTopColor = entry.colour; if (entry.dashed) key.style.borderTopStyle = "dashed"; }
    else key.style.backgroundColor = entry.opacity === undefined ? entry.colour : "rgba(" + vedette.colourOf(entry.colour).join(",") + "," + entry.opacity + ")";
    return key;
  }

  function panel(map, spec) {
    const control = L.control({ position: "bottomleft" });
    control.onAdd = function () {
      const box = element("details", "vedette-panel");
      box.open = window.innerWidth > 640;
      box.appendChild(element("summary", "", "Legend"));
      for (const entry of spec.legend) {
        const row = element("div", "row");
        row.append(legendKey(entry), element("span", "", entry.text));
        box.appendChild(row);
      }
      for (const line of spec.notes) box.appendChild(element("div", "note", line));
      L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box);
      return box;
    };
    control.addTo(map);
    const title = L.control({ position: "topleft" });
    title.onAdd = function () {
      const box = element("div", "vedette-panel");
      if (spec.summary) { vedette.summary(box, spec); L.DomEvent.disableClickPropagation(box); L.DomEvent.disableScrollPropagation(box); return box; }
      box.appendChild(element("div", "vedette-title", spec.title));
      if (spec.subtitle) box.appendChild(element("div", "note", spec.subtitle));
      return box;
    };
    title.addTo(map);
    L.control.scale({ imperial: false, position: "bottomright" }).addTo(map);
    vedette.compass(map, spec.winds || []);
    const wide = window.innerWidth > 900;
    map.fitBounds(spec.frame, { paddingTopLeft: wide ? [310, 24] : [16, 90], paddingBottomRight: wide ? [150, 40] : [16, 60], animate: false });
    /* Many signs on a whole plan would hide it: they are small until one looks closer. */
    const near = map.getZoom() + 2, many = document.getElementsByClassName("vedette-sign").length > 40;
    const shrink = () => map.getContainer().classList.toggle("vedette-far", many && map.getZoom() < near);
    map.on("zoomend", shrink);
    shrink();
  }

  Object.assign(window.vedette, { geometry: geometry, panel: panel, popup: popup, legendKey: legendKey });
})();
