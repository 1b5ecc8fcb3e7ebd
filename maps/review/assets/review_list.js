/* The queue as a list: rows are made for what can be seen, however long it is. */
"use strict";
(function (review) {
  const ROW_PX = 74, desk = review.desk, made = new Map();
  let list, rows;

  function sure(item) {
    const rank = item.rank;
    return "P " + rank.probability.toFixed(2);
  }

  function badge(item) {
    const said = item.second ? "second reading" : item.standing.decision;
    if (!said) return null;
    const words = { confirmed: "confirmed", dismissed: "dismissed", undecided: "unsure", conflict: "conflict", "second reading": "second reading" };
    return review.element("span", "badge " + said.replace(" ", "-"), review.t(words[said]));
  }
  review.badge = badge;

  function where(item) {
    if (item.no_place_because) return review.t("no place: %(why)s", { why: item.no_place_because });
    const near = item.closest_to_border_m !== null ? item.closest_to_border_m : item.border_m;
    return near === null ? item.mgrs || "" : review.t("%(far)s from the border", { far: review.metres(near) });
  }

  function row(item) {
    const box = review.element("div", "thing " + item.rank.band);
    const head = review.element("div", "head");
    head.append(review.element("b", "", item.assessed_class), review.element("span", "sure", sure(item)));
    const tag = badge(item);
    if (tag) head.append(tag);
    if (item.joined.length) head.append(review.element("span", "quiet", review.t("%(n)s tracks", { n: item.joined.length })));
    const events = item.events.length ? item.events.join(", ") : "";
    const left = item.rank.time_left_s === null ? "" : review.t("%(time)s to the border", { time: review.duration(item.rank.time_left_s) });
    box.append(head, review.element("div", "", [events, left].filter(Boolean).join(" · ") || review.t("nothing told of it")));
    box.append(review.element("div", "quiet", review.moment(item.utc) + " · " + where(item)));
    return box;
  }

  function fill() {
    const high = list.clientHeight || 600;
    rows.style.height = desk.items.length * ROW_PX + "px";
    const from = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - 3), to = Math.min(desk.items.length, Math.ceil((list.scrollTop + high) / ROW_PX) + 3);
    for (const [at, box] of made) if (at < from || at >= to) { box.remove(); made.delete(at); }
    for (let at = from; at < to; at++) {
      if (made.has(at)) continue;
      const item = desk.items[at], box = row(item);
      box.setAttribute("role", "option");
      box.id = "row-" + at;
      box.dataset.at = at;
      box.style.top = at * ROW_PX + "px";
      box.setAttribute("aria-setsize", desk.items.length);
      box.setAttribute("aria-posinset", at + 1);
      made.set(at, box);
      rows.append(box);
    }
    mark();
  }

  function mark() {
    for (const [at, box] of made) {
      const key = desk.keyOf(desk.items[at]), chosen = key === desk.selected;
      box.setAttribute("aria-selected", String(chosen));
      box.classList.toggle("picked", desk.picked.has(key));
      if (chosen) list.setAttribute("aria-activedescendant", box.id);
    }
  }

  function renew(keys) {
    for (const [at, box] of made) if (!keys || keys.includes(desk.keyOf(desk.items[at] || {}))) { box.remove(); made.delete(at); }
    fill();
    count();
  }

  function count() {
    const alerts = desk.items.filter((item) => item.rank.band === "alert").length, said = [];
    said.push(review.t("%(left)s of %(all)s to decide", { left: desk.left(), all: desk.items.length }));
    if (alerts) said.push(review.t("%(n)s alerts", { n: alerts }));
    if (desk.total > desk.items.length) said.push(review.t("the newest of %(n)s", { n: desk.total }));
    if (desk.singlesLeft) said.push(review.t("%(n)s single hits left out", { n: desk.singlesLeft }));
    if (desk.picked.size) said.push(review.t("%(n)s picked", { n: desk.picked.size }));
    document.getElementById("count").textContent = said.join(" · ");
  }

  function follow() {
    const at = desk.selected === null ? -1 : desk.at.get(desk.selected), top = at * ROW_PX;
    if (at >= 0 && top < list.scrollTop) list.scrollTop = top;
    else if (at >= 0 && top + ROW_PX > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_PX - list.clientHeight;
    fill();
  }

  review.startList = function () {
    list = document.getElementById("list");
    rows = document.getElementById("rows");
    list.setAttribute("aria-label", review.t("things in the queue"));
    list.addEventListener("scroll", fill);
    new ResizeObserver(fill).observe(list);
    rows.addEventListener("click", (event) => {
      const box = event.target.closest("[role=option]");
      if (!box) return;
      const key = desk.keyOf(desk.items[Number(box.dataset.at)]);
      if (event.ctrlKey || event.metaKey || event.shiftKey) desk.pick(key);
      else { desk.select(key); if (innerWidth <= 900) document.body.dataset.show = "card"; }
    });
    desk.on("items", () => renew());
    desk.on("units", () => renew());
    desk.on("select", follow);
    desk.on("picked", () => { mark(); count(); });
    desk.on("standing", renew);
  };
})(window.review);
