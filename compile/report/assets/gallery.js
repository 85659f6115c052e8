// One button a neuron with its picture; the table of the same; the details of the chosen one.
const { state, change, layers, data, pictures, grid, activity, brightness, neuronName, plural, least, live, law, roving, reset } = globalThis.nearwire;
const { rectangles, weights, paintSigned, paintBytes } = pictures;
const FIRST = 96, ROWS = 300;
const place = document.getElementById("map-gallery");
const more = document.getElementById("map-more");
const hover = document.getElementById("map-hover");
const info = document.getElementById("map-info");
const table = document.getElementById("map-table");

function element(name, text = "", properties = {}) {
  const found = Object.assign(document.createElement(name), properties);
  if (text !== "") found.textContent = text;
  return found;
}

function ordered(layer) {
  const found = [...Array(layer.neurons).keys()];
  if (state.order === "activity" && state.sample) found.sort((a, b) => brightness(state.layer, b) - brightness(state.layer, a) || a - b);
  return found;
}

function gallery() {
  const layer = layers[state.layer];
  const visible = layer !== undefined && layer.form !== "space";
  place.hidden = document.getElementById("map-gallery-tools").hidden = !visible;
  more.hidden = !visible || state.all || layer.neurons <= FIRST;
  if (!visible) return place.replaceChildren();
  const shown = ordered(layer).slice(0, state.all ? layer.neurons : FIRST);
  const drawn = shown.map((neuron) => weights(layer, neuron, least(layer)));
  const largest = drawn.reduce((a, p) => p.values.reduce((b, v) => Math.max(b, Math.abs(v)), a), 1);
  place.replaceChildren(...shown.map((neuron, k) => tile(layer, neuron, drawn[k], largest)));
  reset(place);
}

function tile(layer, neuron, picture, largest) {
  const button = element("button", "", { type: "button", className: "neuron" });
  const canvas = element("canvas");
  if (picture.height === 1) picture = { width: picture.width, height: Math.max(Math.round(picture.width / 2), 1), values: stretch(picture) };
  paintSigned(canvas, picture, largest);
  canvas.style.aspectRatio = `${picture.width} / ${picture.height}`;
  button.append(canvas);
  if (layer.maps && state.sample) button.append(answers(layer, neuron));
  const light = element("span", "", { className: "light" });
  button.style.setProperty("--light", brightness(state.layer, neuron).toFixed(3));
  button.append(light, element("span", layer.last ? String(data.classes[neuron] ?? neuron) : String(neuron), { className: "label" }));
  button.setAttribute("aria-label", grid.words(state.layer, neuron));
  button.setAttribute("aria-pressed", String(state.neuron === neuron));
  button.dataset.neuron = neuron;
  for (const event of ["mouseenter", "focus"]) button.addEventListener(event, () => { hover.textContent = grid.words(state.layer, neuron); });
  button.addEventListener("click", () => change({ neuron: state.neuron === neuron ? null : neuron }));
  return button;
}

function stretch(picture) {
  const rows = Math.max(Math.round(picture.width / 2), 1);
  const values = new Float32Array(rows * picture.width);
  for (let y = 0; y < rows; y++) values.set(picture.values, y * picture.width);
  return values;
}

function answers(layer, neuron) {
  const canvas = element("canvas", "", { className: "answers" });
  const { rows, columns } = layer.maps;
  const values = state.now.activity[state.layer].subarray(neuron * rows * columns, (neuron + 1) * rows * columns);
  if (rows === 1) canvas.style.height = "7px";
  paintBytes(canvas, { height: rows, width: columns, channels: 1 }, values);
  return canvas;
}

// Marks the chosen neuron's button without drawing the others again.
function mark() {
  for (const button of place.children) button.setAttribute("aria-pressed", String(Number(button.dataset.neuron) === state.neuron));
}

function details() {
  const layer = layers[state.layer];
  if (layer.form === "space") return;
  if (state.neuron === null) {
    const kept = layer.kept[state.share];
    const lines = [
      `${plural(layer.neurons, layer.maps ? "prototype" : "neuron")}, ${plural(layer.kept[0], "synapse")}, ${plural(layer.bytes, "byte")} as ${layer.store}.`,
      state.share ? `${plural(kept, "synapse")} stay when ${state.share} % are left out; ${live ? "activities are those without them" : "activities are those of the whole network"}.` : "Choose a neuron to see its synapses.",
    ];
    if (layer.form === "weights" && !layer.weight) lines.push("The weights of this layer are too many for this page; they are not shown.");
    return info.replaceChildren(element("h3", layer.name), ...lines.map((line) => element("p", line)));
  }
  const parts = [element("h3", neuronName(state.layer, state.neuron)), element("p", `${grid.facts(state.layer, state.neuron)}.`)];
  if (layer.form === "boxes") {
    const list = element("ul", "", { className: "boxes" });
    const real = layer.scale[state.neuron];
    for (const box of rectangles(layer, state.neuron, least(layer))) {
      const where = layer.channel ? ` of map ${box.channel}` : "";
      list.append(element("li", `${grid.boxWords(box)}${where} (${(box.charge * real).toPrecision(3)} a unit)`, { className: box.charge > 0 ? "plus" : "minus" }));
    }
    parts.push(list);
  }
  info.replaceChildren(...parts);
}

function rows() {
  const layer = layers[state.layer];
  if (!table.open || !layer) return;
  const head = ["neuron", "what is known of it"];
  const found = element("table");
  const first = element("tr");
  for (const name of head) first.append(element("th", name, { scope: "col" }));
  found.append(element("thead"), element("tbody"));
  found.tHead.append(first);
  const say = layer.form === "space" ? globalThis.nearwire.space.facts : grid.facts;
  for (const neuron of ordered(layer).slice(0, ROWS)) {
    const row = element("tr");
    const boxes = layer.form === "boxes" ? rectangles(layer, neuron, least(layer)).map(grid.boxWords) : [];
    const text = [say(state.layer, neuron), ...boxes].join("; ");
    row.append(element("th", String(neuron), { scope: "row" }), element("td", text, { className: "text wrap" }));
    found.tBodies[0].append(row);
  }
  const note = layer.neurons > ROWS ? [element("p", `The first ${ROWS} of ${plural(layer.neurons, "neuron")}.`)] : [];
  table.lastElementChild.replaceChildren(found, ...note);
}

place.classList.toggle("counts", Boolean(law.spiking));
roving(place);
more.addEventListener("click", () => change({ all: true }));
table.addEventListener("toggle", rows);
globalThis.nearwire.gallery = { draw: gallery, mark, details, rows, element };
