/* What needs other people: requests that wait for a second word, the accounts, and one's own password. */
"use strict";
(function (review) {
  const desk = review.desk;
  const above = () => desk.me.role === "supervisor" || desk.me.role === "admin";

  function section(form, title) {
    const box = review.element("section", "people-part");
    box.append(review.element("h3", "", title));
    form.append(box);
    return box;
  }

  /* Fills a part anew after something in it was done. */
  async function doing(box, title, act, fill) {
    try { await act(); } catch (error) { review.say(error.message); }
    box.replaceChildren(review.element("h3", "", title));
    await fill(box);
  }

  async function requests(box) {
    const title = review.t("Waiting for a second person"), told = await review.get("/api/requests");
    if (above()) {
      const text = told.two_people_export ? review.t("One person is enough to hand on") : review.t("Two people are needed to hand on");
      box.append(review.button(text, "", () => doing(box, title, () => review.post("/api/rules", { two_people_export: !told.two_people_export }), requests)));
    }
    if (!told.requests.length) box.append(review.element("p", "quiet", review.t("nothing waits")));
    for (const one of told.requests) {
      const line = review.element("div", "request", review.t("%(who)s: %(n)s things as %(form)s", { who: one.by, n: one.things.length, form: one.form }) + " ");
      line.append(review.element("span", "quiet", one.things.slice(0, 5).join(", ") + " "));
      if (one.agreed_by) line.append(review.element("span", "badge confirmed", review.t("agreed by %(who)s", { who: one.agreed_by })), " ");
      if (above() && one.by !== desk.me.name && !one.agreed_by) line.append(review.button(review.t("Agree"), "", () => doing(box, title, () => review.post("/api/requests/agree", { number: one.number }), requests)));
      if (one.by === desk.me.name && one.agreed_by) line.append(review.button(review.t("Hand on now"), "", () => doing(box, title, async () => review.handed(await review.post("/api/requests/redeem", { number: one.number })), requests), "main"));
      box.append(line);
    }
  }

  async function accounts(box) {
    const title = review.t("Accounts"), told = await review.get("/api/accounts");
    for (const one of told.accounts) {
      const line = review.element("div", "request", one.name + ", " + review.t(one.role) + (one.closed ? ", " + review.t("closed") : told.here.includes(one.name) ? ", " + review.t("logged in") : "") + " ");
      line.append(review.button(one.closed ? review.t("Open again") : review.t("Close the account"), "", () => doing(box, title, () => review.post("/api/accounts/change", { name: one.name, closed: !one.closed }), accounts)));
      box.append(line);
    }
    const name = review.field(box, review.t("Name of the account"), "", { maxLength: 64 }), role = review.field(box, review.t("Role"), "", { tag: "select" });
    for (const one of ["viewer", "analyst", "supervisor", "admin"]) { const option = review.element("option", "", review.t(one)); option.value = one; role.append(option); }
    const password = review.field(box, review.t("Password, 15 characters or more"), "", { maxLength: 256 });
    password.type = "password";
    password.autocomplete = "new-password";
    box.append(review.button(review.t("Make the account"), "", () => doing(box, title, () => review.post("/api/accounts", { name: name.value, role: role.value, password: password.value }), accounts)));
  }

  function ownPassword(box) {
    const old = review.field(box, review.t("old"), "", { maxLength: 256 }), fresh = review.field(box, review.t("new, 15 characters or more"), "", { maxLength: 256 });
    old.type = fresh.type = "password";
    box.append(review.button(review.t("Change it and log in anew"), "", async () => {
      try { await review.post("/api/password", { old: old.value, new: fresh.value }); location.assign("/login"); } catch (error) { review.say(error.message); }
    }));
  }

  review.people = async function (form) {
    if (desk.me.role !== "viewer") await requests(section(form, review.t("Waiting for a second person")));
    if (desk.me.role === "admin") await accounts(section(form, review.t("Accounts")));
    ownPassword(section(form, review.t("Own password")));
  };
})(window.review);
