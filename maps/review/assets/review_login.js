/* The pages in front of the console: log in, or make the first account. */
"use strict";
(function () {
  const said = document.getElementById("said");

  function onward() {
    const next = new URLSearchParams(location.search).get("next") || "/";
    /* Only a path of ours: one slash and no more, nothing a browser takes for another site. */
    location.assign(/^\/(?![\/\\])[A-Za-z0-9/_.#=&?%-]*$/.test(next) ? next : "/");
  }

  async function submit(event) {
    event.preventDefault();
    const form = event.target, fields = Object.fromEntries(new FormData(form));
    form.querySelector("button").disabled = true;
    said.textContent = "";
    try {
      if (form.id === "first") {
        await review.post("/api/first", fields);
        delete fields.code;
      }
      await review.post("/api/login", { name: fields.name, password: fields.password });
      onward();
    } catch (error) {
      said.textContent = error.message;
      form.querySelector("button").disabled = false;
    }
  }

  for (const form of document.forms) form.addEventListener("submit", submit);
})();
