// The map of layers that read a grid: reaches over the input, coloured by charge; one picture a neuron.
const { state, layers, pictures, style, rgb, arriving, arrivingWords, activity, brightness, neuronName, activityWords, plural, least } = globalThis.nearwire;
const { rectangles, weights, paintBytes } = pictures;
const canvas = document.getElementById("map-stage");
const MOST_HEIGHT = 460;
let plan = null; // of the drawing on the stage: arrangement, cell size, rectangles by neuron

// [y, x] of the corner of a prototype's kernel in the input, where it answers most; [0, 0] for other layers.
function corner(layer, index, neuron) {
  if (!layer.maps) return [0, 0];
  const { rows, columns, jump, padding } = layer.maps;
  let best = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
  if (state.sample) {
    const map = state.now.activity[index].subarray(neuron * rows * columns, (neuron + 1) * rows * columns);
    const high = Math.max(...map);
    if (high > 0) best = map.indexOf(high);
  }
  return [Math.floor(best / columns) * jump[0] - padding[0], (best % columns) * jump[1] - padding[1]];
}

function draw() {
  const layer = layers[state.layer], reads = layer.reads;
  const values = arriving(state.layer) ?? new Uint8Array(layer.inputs);
  const back = document.createElement("canvas");
  const found = paintBytes(back, reads, values, 0.6);
  const wide = canvas.parentElement.clientWidth;
  const most = reads.height === 1 && reads.channels === 1 ? 140 : MOST_HEIGHT;
  const cell = Math.min(wide / found.width, most / found.height);
  const cellY = reads.height === 1 && reads.channels === 1 ? most : cell;
  const ratio = window.devicePixelRatio || 1;
  const size = [Math.round(found.width * cell), Math.round(found.height * cellY)];
  canvas.width = Math.round(size[0] * ratio);
  canvas.height = Math.round(size[1] * ratio);
  canvas.style.width = `${size[0]}px`;
  canvas.style.height = `${size[1]}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(back, 0, 0, size[0], size[1]);
  if (cellY !== cell) signal(context, values, cell, cellY);
  plan = { layer, found, cell, cellY, boxes: [] };
  const chosen = state.neuron === null ? [...Array(layer.neurons).keys()] : [state.neuron];
  const brightest = Math.max(...chosen.map((neuron) => brightness(state.layer, neuron))) || 1;
  if (layer.form === "boxes") for (const neuron of chosen) boxes(context, layer, neuron, state.neuron !== null, brightest);
  else overlay(context, layer, chosen, size);
  canvas.setAttribute("aria-label", describe(layer));
}

// A signal's own curve over its shades.
function signal(context, values, cell, height) {
  context.strokeStyle = style("--ink");
  context.lineWidth = 2;
  context.beginPath();
  values.forEach((value, k) => context.lineTo((k + 0.5) * cell, height - 4 - value * (height - 8) / 255));
  context.stroke();
}

function boxes(context, layer, neuron, alone, brightest) {
  const [y0, x0] = corner(layer, state.layer, neuron);
  const light = state.sample ? brightness(state.layer, neuron) / brightest : 0.2; // active neurons stand out
  for (const box of rectangles(layer, neuron, least(layer))) {
    const [ty, tx] = plan.found.at(box.channel);
    const x = (tx + x0 + box.lowX) * plan.cell, y = (ty + y0 + box.lowY) * plan.cellY;
    const w = (box.highX - box.lowX) * plan.cell, h = (box.highY - box.lowY) * plan.cellY;
    context.save();
    context.beginPath();
    context.rect(tx * plan.cell, ty * plan.cellY, layer.reads.width * plan.cell, layer.reads.height * plan.cellY);
    context.clip();
    context.fillStyle = context.strokeStyle = style(box.charge > 0 ? "--plus" : "--minus");
    context.globalAlpha = alone ? 0.3 : 0.004 + 0.2 * light ** 2;
    context.fillRect(x, y, w, h);
    context.globalAlpha = alone ? 1 : 0.05 + 0.85 * light ** 1.5;
    context.lineWidth = alone ? 2.5 : 0.8 + 1.2 * light;
    context.strokeRect(x + 1, y + 1, w - 2, h - 2);
    context.restore();
    plan.boxes.push({ neuron, box, x, y, w, h });
  }
  if (alone) for (const { box, x, y, w } of plan.boxes) label(context, `${box.charge > 0 ? "+" : "−"}${Math.abs(box.charge)}`, x + w / 2, y);
}

function label(context, text, x, y) {
  context.font = "600 12px system-ui, sans-serif";
  context.textAlign = "center";
  const w = context.measureText(text).width + 8;
  const left = Math.min(Math.max(x - w / 2, 1), canvas.clientWidth - w - 1), top = Math.max(y - 8, 1);
  context.fillStyle = style("--card");
  context.fillRect(left, top, w, 17);
  context.fillStyle = style("--ink");
  context.fillText(text, left + w / 2, top + 13);
}

function overlay(context, layer, chosen, size) {
  const total = { ...weights(layer, chosen[0], least(layer)) };
  for (const neuron of chosen.slice(1)) weights(layer, neuron, least(layer)).values.forEach((v, k) => { total.values[k] += v; });
  const largest = total.values.reduce((a, v) => Math.max(a, Math.abs(v)), 1);
  const [plus, minus] = [rgb("--plus"), rgb("--minus")];
  const image = new ImageData(total.width, total.height);
  total.values.forEach((v, k) => image.data.set([...(v > 0 ? plus : minus), Math.round(220 * Math.sqrt(Math.abs(v) / largest))], 4 * k));
  const part = document.createElement("canvas");
  part.width = total.width;
  part.height = total.height;
  part.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(part, 0, 0, size[0], size[1]);
  plan.total = total;
}

function describe(layer) {
  const kept = state.share ? layer.kept[state.share] : layer.kept[0];
  const what = layer.form === "boxes" ? "rectangles" : "weights";
  const who = state.neuron === null ? `all ${plural(layer.neurons, "neuron")} of ${layer.name}` : neuronName(state.layer, state.neuron);
  return `The map: ${what} of ${who} over what the layer reads; ${plural(kept, "synapse")} of the layer stay at ${state.share} % left out. The table below holds the same.`;
}

// What lies under a point of the stage (CSS pixels), in words.
function under(px, py) {
  if (!plan) return "";
  const x = Math.floor(px / plan.cell), y = Math.floor(py / plan.cellY);
  const layer = plan.layer, { height, width, channels } = layer.reads;
  let channel = -1, row = 0, column = 0;
  for (let c = 0; c < channels && channel < 0; c++) {
    const [y0, x0] = plan.found.at(c);
    if (y >= y0 && y < y0 + height && x >= x0 && x < x0 + width) [channel, row, column] = [c, y - y0, x - x0];
  }
  if (channel < 0) return "";
  const values = arriving(state.layer);
  const value = values ? `, ${arrivingWords(state.layer, channel * height * width + row * width + column)}` : "";
  const where = `${channels > 1 ? `map ${channel}, ` : ""}row ${row}, column ${column}${value}`;
  if (plan.total) return `${where}; ${state.neuron === null ? "weights add up to" : "weight"} ${plan.total.values[y * plan.total.width + x]}`;
  const hits = plan.boxes.filter((b) => px >= b.x && px < b.x + b.w && py >= b.y && py < b.y + b.h);
  if (state.neuron === null) return `${where}; in ${plural(hits.length, "rectangle")} of ${plural(new Set(hits.map((b) => b.neuron)).size, "neuron")}`;
  const best = hits.sort((a, b) => a.box.area - b.box.area)[0];
  return best ? `${where}; ${boxWords(best.box)}` : where;
}

function boxWords(box) {
  const rows = layers[state.layer].area[0] === 1 ? "" : `rows ${box.lowY}–${box.highY - 1}, `;
  return `rectangle ${box.k}: ${rows}columns ${box.lowX}–${box.highX - 1}, charge ${box.charge > 0 ? "+" : "−"}${Math.abs(box.charge)}`;
}

// The centre of a neuron's reaches, weighted by |charge|: [row, column], null without any.
function centre(layer, neuron) {
  const found = rectangles(layer, neuron, least(layer));
  const sum = found.reduce((a, b) => a + Math.abs(b.charge), 0);
  if (!sum) return null;
  const mean = (low, high) => found.reduce((a, b) => a + Math.abs(b.charge) * (b[low] + b[high]) / 2, 0) / sum;
  return [mean("lowY", "highY"), mean("lowX", "highX")];
}

// Position, activity, fan-out and bytes of a neuron.
function facts(index, neuron) {
  const layer = layers[index];
  const parts = [];
  if (layer.form === "boxes") {
    const at = centre(layer, neuron);
    parts.push(at ? `centre at ${layer.area[0] === 1 ? "" : `row ${at[0].toFixed(1)}, `}column ${at[1].toFixed(1)}${layer.maps ? " of its kernel" : ""}` : "no rectangle stays");
  }
  const now = activityWords(index, neuron);
  if (now) parts.push(now);
  if (!layer.last) parts.push(`feeds ${plural(layer.fan_out[neuron], "connection")}`);
  parts.push(`about ${plural(layer.neuron_bytes[neuron], "byte")}`);
  return parts.join("; ");
}

function words(index, neuron) { return `${neuronName(index, neuron)}: ${facts(index, neuron)}`; }

globalThis.nearwire.grid = { draw, under, facts, words, boxWords, corner };
