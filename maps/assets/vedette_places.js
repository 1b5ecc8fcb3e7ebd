/* Places as people say them: MGRS (NGA.SIG.0012), degrees, distances and bearings on WGS 84. */
"use strict";
(function () {
  const A = 6378137, F = 1 / 298.257223563, K0 = 0.9996, N = F / (2 - F), RAD = Math.PI / 180;
  const RECTIFYING = A / (1 + N) * (1 + N * N / 4 + Math.pow(N, 4) / 64);
  const ALPHA = [N / 2 - 2 * N * N / 3 + 5 * Math.pow(N, 3) / 16, 13 * N * N / 48 - 3 * Math.pow(N, 3) / 5, 61 * Math.pow(N, 3) / 240];
  const E = Math.sqrt(F * (2 - F)), LETTERS = "ABCDEFGHJKLMNPQRSTUV", BANDS = "CDEFGHJKLMNPQRSTUVWXX";

  function zoneOf(lat, lon) {
    if (lat >= 56 && lat < 64 && lon >= 3 && lon < 12) return 32;
    if (lat >= 72 && lon >= 0 && lon < 42) return lon < 9 ? 31 : lon < 21 ? 33 : lon < 33 ? 35 : 37;
    return Math.floor((lon + 180) / 6) % 60 + 1;
  }

  /* Easting and northing of UTM by Krueger's series to the third order (Karney 2011, eq. 11): under a millimetre within a zone. */
  function utm(lat, lon, zone) {
    const dl = (lon - (6 * zone - 183)) * RAD, s = Math.sin(lat * RAD);
    const t = Math.sinh(Math.atanh(s) - E * Math.atanh(E * s));
    const xi = Math.atan2(t, Math.cos(dl)), eta = Math.atanh(Math.sin(dl) / Math.hypot(1, t));
    let x = eta, y = xi;
    ALPHA.forEach((a, k) => {
      const j = 2 * (k + 1);
      x += a * Math.cos(j * xi) * Math.sinh(j * eta);
      y += a * Math.sin(j * xi) * Math.cosh(j * eta);
    });
    return { east: 500000 + K0 * RECTIFYING * x, north: (lat < 0 ? 1e7 : 0) + K0 * RECTIFYING * y };
  }

  function wrapped(lon) { return ((lon + 180) % 360 + 360) % 360 - 180; }

  /* The one-metre reference, digits truncated; null where UTM has no zone (the poles). */
  function mgrs(lat, lon) {
    if (!(lat >= -80 && lat < 84)) return null;
    lon = wrapped(lon);
    const zone = zoneOf(lat, lon), { east, north } = utm(lat, lon, zone), two = (v) => String(Math.floor(v) % 100000).padStart(5, "0");
    const column = "ABCDEFGHJKLMNPQRSTUVWXYZ"[(zone - 1) % 3 * 8 + Math.floor(east / 100000) - 1];
    const row = LETTERS[(Math.floor(north / 100000) + (zone % 2 ? 0 : 5)) % 20];
    return String(zone).padStart(2, "0") + BANDS[Math.floor((lat + 80) / 8)] + column + row + two(east) + two(north);
  }

  function mgrsText(lat, lon) {
    const text = mgrs(lat, lon);
    return text === null ? null : text.slice(0, -12) + " " + text.slice(-12, -10) + " " + text.slice(-10, -5) + " " + text.slice(-5);
  }

  function degrees(lat, lon) { return lat.toFixed(6) + ", " + wrapped(lon).toFixed(6); }

  /* Length and first bearing of a geodesic (Vincenty 1975, inverse); from nearly antipodal places it has no answer, and none is measured here. */
  function geodesic(lat1, lon1, lat2, lon2) {
    const b = A * (1 - F), dl = wrapped(lon2 - lon1) * RAD, u1 = Math.atan((1 - F) * Math.tan(lat1 * RAD)), u2 = Math.atan((1 - F) * Math.tan(lat2 * RAD));
    const s1 = Math.sin(u1), c1 = Math.cos(u1), s2 = Math.sin(u2), c2 = Math.cos(u2);
    let lambda = dl, sine, cosine, sigma, squared, middle;
    for (let turn = 0; turn < 50; turn++) {
      sine = Math.hypot(c2 * Math.sin(lambda), c1 * s2 - s1 * c2 * Math.cos(lambda));
      if (sine === 0) return { metres: 0, bearing: 0 };
      cosine = s1 * s2 + c1 * c2 * Math.cos(lambda);
      sigma = Math.atan2(sine, cosine);
      const sa = c1 * c2 * Math.sin(lambda) / sine;
      squared = 1 - sa * sa;
      middle = squared ? cosine - 2 * s1 * s2 / squared : 0;
      const c = F / 16 * squared * (4 + F * (4 - 3 * squared)), before = lambda;
      lambda = dl + (1 - c) * F * sa * (sigma + c * sine * (middle + c * cosine * (2 * middle * middle - 1)));
      if (Math.abs(lambda - before) < 1e-12) break;
    }
    const u = squared * (A * A - b * b) / (b * b), p = 1 + u / 16384 * (4096 + u * (u * (320 - 175 * u) - 768)), q = u / 1024 * (256 + u * (u * (74 - 47 * u) - 128));
    const d = q * sine * (middle + q / 4 * (cosine * (2 * middle * middle - 1) - q / 6 * middle * (4 * sine * sine - 3) * (4 * middle * middle - 3)));
    const bearing = Math.atan2(c2 * Math.sin(lambda), c1 * s2 - s1 * c2 * Math.cos(lambda)) / RAD;
    return { metres: b * p * (sigma - d), bearing: (bearing + 360) % 360 };
  }

  /* Points of an ellipse in metres about a place, for drawing: half axes, azimuth of the longer one. */
  function ellipse(at, major, minor, azimuth, steps) {
    const perLat = 111132.95 - 559.8 * Math.cos(2 * at[0] * RAD), perLon = 111412.84 * Math.cos(at[0] * RAD) - 93.5 * Math.cos(3 * at[0] * RAD);
    const s = Math.sin(azimuth * RAD), c = Math.cos(azimuth * RAD), ring = [];
    for (let k = 0; k < steps; k++) {
      const p = major * Math.cos(2 * Math.PI * k / steps), q = minor * Math.sin(2 * Math.PI * k / steps);
      ring.push([at[0] + (p * c - q * s) / perLat, at[1] + (p * s + q * c) / perLon]);
    }
    return ring;
  }

  const POINTS = ["N", "NE", "E", "SE", "S", "SW", "W", "NW"];
  function bearingText(degrees) { return String(Math.round(degrees) % 360).padStart(3, "0") + "° " + POINTS[Math.round(degrees / 45) % 8]; }

  Object.assign(window.vedette, { mgrs: mgrs, mgrsText: mgrsText, degrees: degrees, geodesic: geodesic, ellipse: ellipse, bearingText: bearingText, utm: utm, zoneOf: zoneOf });
})();
