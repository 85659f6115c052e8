// Many buttons as one stop of the tab key: inside it the arrow keys, Home and End move the focus.
function items(container) { return [...container.querySelectorAll("button")]; }

// To be called after the buttons were made again: one of them can be reached by the tab key.
function reset(container) {
  const all = items(container), first = all.find((b) => b.getAttribute("aria-pressed") === "true") ?? all[0];
  for (const button of all) button.tabIndex = button === first ? 0 : -1;
}

function target(all, from, key) {
  const k = all.indexOf(from);
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key === "ArrowRight") return all[k + 1];
  if (key === "ArrowLeft") return all[k - 1];
  const here = from.getBoundingClientRect();
  const rows = all.map((b) => ({ b, box: b.getBoundingClientRect() })).filter(({ box }) => (key === "ArrowDown" ? box.top > here.top + 1 : box.top < here.top - 1));
  const next = (key === "ArrowDown" ? Math.min : Math.max)(...rows.map(({ box }) => box.top));
  const row = rows.filter(({ box }) => box.top === next);
  return row.sort((a, b) => Math.abs(a.box.left - here.left) - Math.abs(b.box.left - here.left))[0]?.b;
}

function roving(container) {
  reset(container);
  container.addEventListener("focusin", (event) => {
    if (event.target.tagName !== "BUTTON") return;
    for (const button of items(container)) button.tabIndex = button === event.target ? 0 : -1;
  });
  container.addEventListener("keydown", (event) => {
    if (!["Home", "End", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"].includes(event.key)) return;
    const next = target(items(container), event.target, event.key);
    if (!next) return;
    event.preventDefault();
    next.focus();
  });
}

Object.assign(globalThis.nearwire, { roving, reset });
