// Spikes and membranes of the sample that the map shows, over time: a raster of all layers, the last layer's membranes, a table of both.
const { data, state, change, law, layers, offered, className, sampleName, plural, style, gallery } = globalThis.nearwire;
const { element } = gallery;
const at = (id) => document.getElementById(id);
const LEFT = 118, RIGHT = 12, MOST = 4; // pixels; membranes that get a colour
const COLOURS = ["--s0", "--s1", "--s2", "--s3"];
let step = null; // that is pointed at
let waiting = 0;

// A canvas as wide as its figure: [context, width].
function sized(canvas, tall) {
  const wide = Math.max(canvas.parentElement.clientWidth - 32, 200), ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(tall * ratio);
  canvas.style.height = `${tall}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, tall);
  context.font = "12px system-ui, sans-serif";
  return [context, wide];
}

const columns = (wide) => (wide - LEFT - RIGHT) / law.spiking.steps;

// The rows of the raster: {name, neurons, spikes (t, j), last, height of a row, top}.
function bands() {
  const { now } = state, found = [];
  if (now.input) found.push({ name: "input", input: true, neurons: now.input[0].length, spikes: (t, j) => now.input[t][j] });
  layers.forEach((layer, k) => found.push({ name: layer.name, neurons: layer.outputs, last: layer.last, spikes: (t, j) => now.spikes[k][t * layer.outputs + j] }));
  let top = 6;
  for (const band of found) {
    const most = band.last && band.neurons <= 20 ? 15 : 7;
    band.row = Math.min(most, 260 / band.neurons);
    band.top = top;
    top += band.row * band.neurons + 14;
  }
  return [found, top];
}

// The column of a step, under a picture's marks: where the pointer is, and what is not run any more.
function background(context, wide, top, bottom) {
  const cell = columns(wide), { executed } = state.now;
  if (step !== null) {
    context.fillStyle = style("--accent");
    context.globalAlpha = 0.18;
    context.fillRect(LEFT + step * cell, top, cell, bottom - top);
    context.globalAlpha = 1;
  }
  if (executed === law.spiking.steps) return;
  context.fillStyle = style("--wash");
  context.globalAlpha = 0.7;
  context.fillRect(LEFT + executed * cell, top, wide - RIGHT - LEFT - executed * cell, bottom - top);
  context.globalAlpha = 1;
  context.fillStyle = style("--quiet");
  context.textAlign = "left";
  context.fillText("decided: not run", LEFT + executed * cell + 4, top + 12);
}

// Numbers of steps under a picture.
function axis(context, wide, y) {
  const { steps } = law.spiking, cell = columns(wide), every = Math.max(1, Math.ceil(28 / cell));
  context.fillStyle = style("--quiet");
  context.textAlign = "center";
  for (let t = 0; t < steps; t += every) context.fillText(String(t + 1), LEFT + (t + 0.5) * cell, y + 14);
  context.textAlign = "right";
  context.fillText("time step", LEFT - 10, y + 14);
}

function raster() {
  const canvas = at("spikes-raster"), [rows, bottom] = bands();
  const [context, wide] = sized(canvas, bottom + 12);
  const cell = columns(wide), ink = style("--ink");
  background(context, wide, 2, bottom - 8);
  for (const band of rows) {
    context.strokeStyle = style("--rule");
    context.beginPath();
    context.moveTo(LEFT, band.top + band.row * band.neurons + 6.5);
    context.lineTo(wide - RIGHT, band.top + band.row * band.neurons + 6.5);
    context.stroke();
    const named = band.last && band.row >= 11;
    context.textAlign = "right";
    context.fillStyle = style("--quiet");
    if (!named) {
      context.fillText(cut(band.name, 15), LEFT - 10, band.top + band.row * band.neurons / 2);
      context.fillText(plural(band.neurons, band.input ? "input" : "neuron"), LEFT - 10, band.top + band.row * band.neurons / 2 + 14);
    }
    for (let j = 0; j < band.neurons; j++) {
      const best = band.last && j === state.now.predicted;
      if (named) {
        context.fillStyle = best ? style("--s1") : style("--quiet");
        context.fillText(cut(className(j), 15), LEFT - 10, band.top + (j + 0.8) * band.row);
      }
      context.fillStyle = best ? style("--s1") : band.last ? style("--s0") : ink;
      const high = Math.max(band.row * 0.8, 0.6), wideMark = Math.max(Math.min(cell * 0.55, 14), 1);
      for (let t = 0; t < law.spiking.steps; t++) {
        if (band.spikes(t, j)) context.fillRect(LEFT + (t + 0.5) * cell - wideMark / 2, band.top + j * band.row, wideMark, high);
      }
    }
  }
  axis(context, wide, bottom - 8);
  canvas.setAttribute("aria-label", `Spike raster of ${sampleName(state.sample)}: ${totals()}. The table below holds the same.`);
}

function cut(text, most) { return text.length > most ? `${text.slice(0, most - 1)}…` : text; }

const fired = (k, t) => { let sum = 0; for (let j = 0, n = layers[k].outputs; j < n; j++) sum += state.now.spikes[k][t * n + j]; return sum; };

function totals() {
  return layers.map((layer, k) => {
    let sum = 0;
    for (let t = 0; t < state.now.executed; t++) sum += fired(k, t);
    return `${layer.name} ${plural(sum, "spike")}`;
  }).join(", ") + ` in ${plural(state.now.executed, "step")}`;
}

function membranes() {
  const canvas = at("spikes-membranes"), last = layers.at(-1), n = last.outputs, { steps } = law.spiking;
  const tall = 250, [context, wide] = sized(canvas, tall), cell = columns(wide);
  const units = (t, j) => (t < 0 ? 0 : state.now.membranes[t * n + j] / last.threshold);
  const all = Array.from(state.now.membranes, (m) => m / last.threshold);
  const high = Math.max(1.3, ...all), low = Math.max(Math.min(-0.3, ...all), -Math.max(high, 2)); // what is far below decides nothing
  const y = (value) => 8 + (high - value) * (tall - 36) / (high - low);
  background(context, wide, 2, tall - 24);
  for (const [value, name] of [[0, y(0) - y(1) < 14 ? "" : "0"], [1, "threshold"]]) {
    context.strokeStyle = style(value ? "--bad" : "--rule");
    context.setLineDash(value ? [6, 4] : []);
    context.lineWidth = value ? 1.5 : 1;
    context.beginPath();
    context.moveTo(LEFT, y(value));
    context.lineTo(wide - RIGHT, y(value));
    context.stroke();
    context.fillStyle = style(value ? "--bad" : "--quiet");
    context.textAlign = "right";
    context.fillText(name, LEFT - 10, y(value) + 4);
  }
  context.setLineDash([]);
  const top = state.now.top.slice(0, MOST).map(([k]) => k);
  const order = [...Array(n).keys()].sort((a, b) => (top.includes(a) ? n - top.indexOf(a) : 0) - (top.includes(b) ? n - top.indexOf(b) : 0));
  for (const j of order) {
    const place = top.indexOf(j);
    context.strokeStyle = context.fillStyle = place < 0 ? style("--quiet") : style(COLOURS[place]);
    context.globalAlpha = place < 0 ? 0.3 : 1;
    context.lineWidth = place < 0 ? 1 : 2.2;
    context.save();
    context.beginPath();
    context.rect(LEFT, 2, wide - LEFT - RIGHT, tall - 26);
    context.clip();
    context.beginPath();
    for (let t = -1; t < steps; t++) context.lineTo(LEFT + (t + 0.5) * cell, y(units(t, j)));
    context.stroke();
    for (let t = 0; t < steps; t++) {
      if (units(t, j) <= 1 || place < 0) continue;
      context.beginPath();
      context.arc(LEFT + (t + 0.5) * cell, y(units(t, j)), 3.5, 0, 7);
      context.fill();
    }
    context.restore();
  }
  context.globalAlpha = 1;
  axis(context, wide, tall - 24);
  at("spikes-legend").replaceChildren(...top.map((j, place) => {
    const entry = element("span");
    const line = element("i");
    line.style.setProperty("--of", style(COLOURS[place]));
    entry.append(line, element("b", className(j)));
    return entry;
  }), ...(n > MOST ? [element("span", "grey: all others")] : []));
  canvas.setAttribute("aria-label", `Membranes of ${plural(n, "neuron")} of ${last.name} for ${sampleName(state.sample)}. The table below holds the same.`);
}

// A step in words: spikes by layer, who of the last layer spikes, the largest membrane.
function words(t) {
  const last = layers.at(-1), n = last.outputs;
  const row = Array.from({ length: n }, (_, j) => state.now.membranes[t * n + j]);
  const best = row.indexOf(Math.max(...row)), who = row.map((m, j) => (m > last.threshold ? className(j) : null)).filter((name) => name !== null);
  const parts = layers.map((layer, k) => `${layer.name}: ${fired(k, t)} of ${layer.outputs} spike`);
  return `Step ${t + 1}${t >= state.now.executed ? ", not run" : ""}. ${parts.join("; ")}${who.length ? ` (${who.slice(0, 6).join(", ")}${who.length > 6 ? ", …" : ""})` : ""}; largest membrane: ${className(best)} at ${(row[best] / last.threshold).toFixed(2)} thresholds.`;
}

function table() {
  const place = at("spikes-table");
  if (!place.open) return;
  const found = element("table"), head = element("tr");
  for (const name of ["time step", "what happens"]) head.append(element("th", name, { scope: "col" }));
  found.append(element("thead"), element("tbody"));
  found.tHead.append(head);
  for (let t = 0; t < law.spiking.steps; t++) {
    const row = element("tr");
    row.append(element("th", String(t + 1), { scope: "row" }), element("td", words(t).replace(/^Step \d+[.]? ?,? ?/, ""), { className: "text wrap" }));
    found.tBodies[0].append(row);
  }
  place.lastElementChild.replaceChildren(found);
}

function point(t) {
  step = t;
  at("spikes-step").textContent = t === null ? `${totals()}.` : words(t);
  raster();
  membranes();
}

function show() {
  at("spikes-name").textContent = `${sampleName(state.sample)}.`;
  point(null);
  table();
}

function go(by) {
  const k = offered.indexOf(state.sample);
  change({ sample: offered[(k + by + offered.length) % offered.length] });
}

if (law.spiking && state.sample && at("spikes-body")) {
  at("spikes-body").hidden = false;
  for (const id of ["spikes-raster", "spikes-membranes"]) {
    const canvas = at(id);
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect(), t = Math.floor((event.clientX - box.left - LEFT) / columns(box.width));
      const next = t >= 0 && t < law.spiking.steps ? t : null;
      if (next !== step) point(next);
    });
    canvas.addEventListener("pointerleave", () => point(null));
    canvas.addEventListener("keydown", (event) => {
      const { steps } = law.spiking;
      if (event.key === "Escape") point(null);
      else if (event.key === "ArrowRight") point(step === null ? 0 : (step + 1) % steps);
      else if (event.key === "ArrowLeft") point(step === null ? steps - 1 : (step - 1 + steps) % steps);
      else return;
      event.preventDefault();
    });
  }
  at("spikes-before").addEventListener("click", () => go(-1));
  at("spikes-after").addEventListener("click", () => go(1));
  at("spikes-table").addEventListener("toggle", table);
  state.listeners.push((changed) => { if (changed.includes("sample") || changed.includes("share")) show(); });
  document.addEventListener("themechange", () => point(step));
  addEventListener("resize", () => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => point(step)); });
  show();
}
globalThis.nearwire.spikes = { words, totals };
