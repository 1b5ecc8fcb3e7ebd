/* Requests to the console: JSON both ways, the session's token with whatever changes something. */
"use strict";
window.review = window.review || {};
(function (review) {
  review.token = "";
  /* Pages in front of the login have no catalogue yet. */
  review.t = window.vedette ? vedette.t : (text, values) => text.replace(/%\((\w+)\)s/g, (whole, name) => (values && name in values ? String(values[name]) : whole));

  review.send = async function (method, path, body, background) {
    const headers = { accept: "application/json" };
    if (method !== "GET") {
      headers["content-type"] = "application/json";
      headers["x-vedette-token"] = review.token;
    }
    let answer;
    try {
      answer = await fetch(path, {
        method: method,
        headers: headers,
        body: method === "GET" ? undefined : JSON.stringify(body || {}),
        credentials: "same-origin",
      });
    } catch (error) {
      throw new Error(review.t("The console cannot be reached. What was decided before is kept."));
    }
    const told = (answer.headers.get("content-type") || "").startsWith("application/json") ? await answer.json() : null;
    if (answer.ok) return told;
    if (answer.status === 401 && !background && !document.body.classList.contains("door")) {
      location.assign("/login?next=" + encodeURIComponent(location.pathname + location.hash));
    }
    const error = new Error((told && told.error) || review.t("The console answered %(status)s.", { status: answer.status }));
    error.status = answer.status;
    error.why = told && told.why;
    throw error;
  };
  review.get = (path, background) => review.send("GET", path, undefined, background);
  review.post = (path, body) => review.send("POST", path, body);
})(window.review);
