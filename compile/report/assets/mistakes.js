// The confusion matrix: choosing a cell shows samples of it.
const { data, paint, samples, roving } = globalThis.nearwire;
const place = document.getElementById("cell-samples");
const cells = [...document.querySelectorAll("button.cell")];

function show(cell) {
  for (const other of cells) other.setAttribute("aria-pressed", String(other === cell));
  const [a, b] = [Number(cell.dataset.true), Number(cell.dataset.predicted)];
  const found = samples.filter((s) => s.label === a && s.predicted === b);
  const heading = document.createElement("h3");
  heading.textContent = cell.getAttribute("aria-label");
  const list = document.createElement("ul");
  list.className = "pictures";
  for (const sample of found) list.append(item(sample));
  const note = document.createElement("p");
  if (!found.length) {
    note.className = "missing";
    note.textContent = "No sample of this cell is in the report: it keeps a few of each kind of mistake, while there is room.";
  }
  place.replaceChildren(heading, found.length ? list : note);
}

function item(sample) {
  const li = document.createElement("li");
  const canvas = document.createElement("canvas");
  const text = `test sample ${sample.index}`;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${text}: ${data.classes[sample.label]}, taken for ${data.classes[sample.predicted]}`);
  paint(canvas, sample.values);
  li.append(canvas, text);
  if (globalThis.nearwire.choose && sample.active) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = "Show in the map";
    button.addEventListener("click", () => globalThis.nearwire.choose(sample, true));
    li.append(button);
  }
  return li;
}

for (const cell of cells) cell.addEventListener("click", () => show(cell));
if (cells.length) roving(cells[0].closest("tbody"));
document.addEventListener("themechange", () => { const now = cells.find((c) => c.getAttribute("aria-pressed") === "true"); if (now) show(now); });
