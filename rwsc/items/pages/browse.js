"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const main = find("cards");
  const cards = [...main.querySelectorAll(".card")];
  const measures = new Map(cards.map((card) => [card, JSON.parse(card.dataset.measures)]));
  const key = "rwsc-review-" + document.body.dataset.bank;
  const decisions = new Map();

  const show = (card) => {
    const decision = decisions.get(card.dataset.id);
    for (const verdict of ["accept", "reject"]) {
      card.querySelector("." + verdict).setAttribute("aria-pressed", String(decision?.verdict === verdict));
    }
    card.querySelector(".note").value = decision?.note ?? "";
  };

  const remember = () => {
    find("decided").textContent = [...decisions.values()].filter((one) => one.verdict).length + " decided";
    // Browsers may refuse storage to a page that is a file; the marks then last as long as the page is open.
    try { localStorage.setItem(key, JSON.stringify([...decisions])); } catch { }
  };

  const decide = (card, change) => {
    const id = card.dataset.id;
    const decision = { verdict: "", note: "", ...decisions.get(id), ...change };
    if (decision.verdict || decision.note) decisions.set(id, decision); else decisions.delete(id);
    for (const other of cards) if (other.dataset.id === id) show(other);
    remember();
  };

  const filter = () => {
    let count = 0;
    for (const card of cards) {
      const fits = ["label", "status", "method"].every((name) => !find(name).value || card.dataset[name] === find(name).value);
      const open = !find("undecided").checked || !decisions.get(card.dataset.id)?.verdict;
      card.hidden = !(fits && open);
      count += !card.hidden;
    }
    find("count").textContent = count + " shown";
  };

  const sort = () => {
    const name = find("sort").value;
    const sign = find("down").checked ? -1 : 1;
    const order = (card) => Number(card.dataset.order);
    const ordered = [...cards].sort((a, b) => {
      if (!name) return sign * (order(a) - order(b));
      const [x, y] = [measures.get(a)[name], measures.get(b)[name]];
      if (x === undefined || y === undefined) return (x === undefined) - (y === undefined) || order(a) - order(b);
      return sign * (x - y) || order(a) - order(b);
    });
    main.append(...ordered);
  };

  const cell = (text) => '"' + text.replace(/[\u0000-\u001f\u007f]+/g, " ").replaceAll('"', '""') + '"';

  const save = () => {
    const lines = ["item_id,decision,note"];
    for (const [id, decision] of decisions) {
      if (decision.verdict) lines.push([cell(id), decision.verdict, cell(decision.note)].join(","));
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
    link.download = "review.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };

  main.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const card = button.closest(".card");
    const verdict = button.classList.contains("accept") ? "accept" : "reject";
    decide(card, { verdict: decisions.get(card.dataset.id)?.verdict === verdict ? "" : verdict });
  });
  main.addEventListener("change", (event) => {
    if (event.target.classList.contains("note")) decide(event.target.closest(".card"), { note: event.target.value });
  });
  for (const name of ["label", "status", "method", "undecided"]) find(name).addEventListener("change", filter);
  for (const name of ["sort", "down"]) find(name).addEventListener("change", sort);
  find("save").addEventListener("click", save);

  const ids = new Set(cards.map((card) => card.dataset.id));
  try {
    for (const [id, decision] of JSON.parse(localStorage.getItem(key) ?? "[]")) if (ids.has(id)) decisions.set(id, decision);
  } catch { }
  cards.forEach(show);
  remember();
  filter();
})();
