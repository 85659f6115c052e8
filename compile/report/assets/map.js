// The controls of the map: samples, layers, neurons, the prune slider, pointer and keys; they change ``state``, the views draw it.
const { state, change, offered, layers, data, paint, disagreeing, className, sampleName, grid, gallery, space, roving, reset } = globalThis.nearwire;
const { element } = gallery;
const at = (id) => document.getElementById(id);
const stage = at("map-stage"), hover = at("map-hover"), number = at("map-neuron"), slider = at("map-share");
at("map-body").hidden = false;

const inSpace = () => state.layer < 0 || layers[state.layer].form === "space";
const count = () => (inSpace() ? space.planeOf(state.layer).count : layers[state.layer].neurons);

// Layers as buttons; a network in space has its input as one more plane.
const planes = space.planes.length ? [-1] : [];
const choices = [...planes, ...layers.keys()].map((index) => {
  const button = element("button", index < 0 ? "input" : layers[index].name, { type: "button" });
  button.addEventListener("click", () => change({ layer: index, neuron: null, all: false }));
  at("map-layers").append(button);
  return { index, button };
});

function thumbnails() {
  at("map-samples").replaceChildren(...offered.map((sample) => {
    const button = element("button", "", { type: "button", className: "thumbnail" });
    const canvas = element("canvas");
    paint(canvas, sample.values);
    button.append(canvas, element("span", sample.index >= 0 ? className(sample.label) : sample.label < 0 ? "mean" : `mean ${className(sample.label)}`));
    if (sample.index >= 0 && sample.label !== sample.predicted) button.classList.add("wrong");
    button.setAttribute("aria-label", sampleName(sample));
    button.title = sampleName(sample);
    button.addEventListener("click", () => change({ sample }));
    button.sample = sample;
    return button;
  }));
  reset(at("map-samples"));
}

function scores() {
  const place = at("map-scores");
  if (!state.sample) return place.replaceChildren(element("p", "No samples are in this report, so there is no activity to show.", { className: "missing" }));
  const canvas = element("canvas", "", { className: "now" });
  paint(canvas, state.sample.values);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", sampleName(state.sample));
  const list = element("ol", "", { className: "scores" });
  const all = state.now.scores ?? state.now.top.map(([, s]) => s);
  const low = Math.min(...all), high = Math.max(...all);
  for (const [k, score] of state.now.top) {
    const row = element("li");
    const bar = element("span", "", { className: "score" });
    bar.style.setProperty("--part", (high > low ? (score - low) / (high - low) : 0).toFixed(3));
    row.append(element("span", className(k)), bar, element("span", score.toLocaleString("en"), { className: "figure" }));
    list.append(row);
  }
  const alarm = disagreeing.length ? [element("p", "This browser computes other numbers than the reference did; what is shown came with the page.", { className: "missing" })] : [];
  place.replaceChildren(...alarm, canvas, element("p", `${sampleName(state.sample)}.`, { className: "sample-name" }), list);
}

function share() {
  const layer = layers[Math.max(state.layer, 0)], text = `${state.share} %`;
  const kept = `${layer.kept[state.share].toLocaleString("en")} of ${layer.kept[0].toLocaleString("en")} synapses of ${layer.name} stay`;
  const points = data.map.prune;
  const near = points && points.reduce((a, b) => (Math.abs(b[0] - state.share / 100) < Math.abs(a[0] - state.share / 100) ? b : a));
  at("map-share-text").textContent = `${text}; ${kept}` + (near ? `; accuracy at ${Math.round(near[0] * 100)} %: ${near[1].toFixed(3)}` : "");
}

function draw() { (inSpace() ? space : grid).draw(); }

function details() {
  if (!inSpace()) return gallery.details();
  const parts = [element("h3", state.neuron === null ? "All neurons" : space.name(state.layer, state.neuron))];
  parts.push(element("p", state.neuron === null ? "Choose a neuron to see its connections." : `${space.facts(state.layer, state.neuron)}.`));
  if (space.notes()) parts.push(element("p", space.notes(), { className: "quiet" }));
  at("map-info").replaceChildren(...parts);
}

function update(changed) {
  const has = (...names) => names.some((name) => changed.includes(name));
  if (has("layer")) {
    for (const { index, button } of choices) button.setAttribute("aria-pressed", String(index === state.layer));
    number.max = count() - 1;
    at("map-turn").hidden = !inSpace() || space.view.flat;
    stage.classList.toggle("turns", inSpace());
    document.querySelector(".stage-row").classList.toggle("square", !inSpace());
    at("map-keys").textContent = inSpace() && space.view.flat ? "Keys: n and p choose a neuron, Escape all." : inSpace() ? "Keys: arrows turn, + and − zoom, n and p choose a neuron, Escape all." : "Keys: left and right choose a neuron, Escape all.";
    at("map-table").hidden = state.layer < 0;
  }
  if (has("sample", "share")) scores();
  if (has("sample")) {
    for (const button of at("map-samples").children) button.setAttribute("aria-pressed", String(button.sample === state.sample));
  }
  if (has("share", "layer")) share();
  if (has("layer", "neuron")) number.value = state.neuron ?? "";
  draw();
  if (inSpace()) { if (has("layer")) gallery.draw(); } else if (has("layer", "sample", "share", "order", "all")) gallery.draw();
  else gallery.mark();
  details();
  gallery.rows();
}

function step(by) {
  const next = state.neuron === null ? (by > 0 ? 0 : count() - 1) : (state.neuron + by + count()) % count();
  change({ neuron: next });
  hover.textContent = inSpace() ? space.words(state.layer, next) : grid.words(state.layer, next);
}

stage.addEventListener("keydown", (event) => {
  const turning = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "in", "=": "in", "-": "out", 0: "reset" };
  const moving = { ArrowLeft: -1, ArrowRight: 1, p: -1, n: 1 };
  if (event.key === "Escape") change({ neuron: null });
  else if (inSpace() && !space.view.flat && event.key in turning) space.turn(turning[event.key]);
  else if (event.key in moving) step(moving[event.key]);
  else return;
  event.preventDefault();
});

let drag = null;
stage.addEventListener("pointerdown", (event) => {
  drag = { x: event.clientX, y: event.clientY, moved: false };
  if (inSpace() && !space.view.flat) stage.setPointerCapture(event.pointerId);
});
stage.addEventListener("pointermove", (event) => {
  const box = stage.getBoundingClientRect();
  const [x, y] = [event.clientX - box.left, event.clientY - box.top];
  if (drag && inSpace() && !space.view.flat) {
    const [dx, dy] = [event.clientX - drag.x, event.clientY - drag.y];
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    space.view.yaw += dx * 0.008;
    space.view.pitch = Math.min(Math.max(space.view.pitch + dy * 0.006, -1.5), 1.5);
    drag = { x: event.clientX, y: event.clientY, moved: true };
    return space.draw();
  }
  const found = inSpace() ? space.nearest(x, y) : null;
  hover.textContent = (inSpace() ? found && space.words(found.layer, found.neuron) : grid.under(x, y)) || "\u00a0";
});
stage.addEventListener("pointerup", (event) => {
  const box = stage.getBoundingClientRect();
  if (drag && !drag.moved && inSpace()) change(space.nearest(event.clientX - box.left, event.clientY - box.top) ?? { neuron: null });
  drag = null;
});
stage.addEventListener("pointercancel", () => { drag = null; });
stage.addEventListener("wheel", (event) => {
  if (!inSpace() || space.view.flat || !event.ctrlKey) return; // a plain wheel scrolls the page
  event.preventDefault();
  space.turn(event.deltaY < 0 ? "in" : "out");
}, { passive: false });

number.addEventListener("change", () => {
  const value = Math.round(Number(number.value));
  change({ neuron: number.value === "" ? null : Math.min(Math.max(value, 0), count() - 1) });
});
at("map-clear").addEventListener("click", () => change({ neuron: null }));
slider.addEventListener("input", () => change({ share: Number(slider.value) }));
at("map-order").addEventListener("change", (event) => change({ order: event.target.value }));
for (const button of document.querySelectorAll("[data-turn]")) button.addEventListener("click", () => space.turn(button.dataset.turn));
for (const name of ["space", "flat"]) {
  at(`view-${name}`)?.addEventListener("click", () => {
    space.view.flat = name === "flat";
    for (const other of ["space", "flat"]) at(`view-${other}`).setAttribute("aria-pressed", String(other === name));
    change({ layer: inSpace() ? state.layer : planes[0] });
  });
}

globalThis.nearwire.choose = (sample, go) => {
  change({ sample });
  if (go) at("map").scrollIntoView();
};
state.listeners.push(update);
roving(at("map-samples"));
function everything() { thumbnails(); update(["layer", "sample", "share", "neuron"]); }
document.addEventListener("themechange", everything);
let waiting = 0;
addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(draw); });
everything();
