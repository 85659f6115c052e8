// The map of layers whose neurons have positions: planes of neurons in three dimensions, or side by side.
// Planes: 0 is the input, plane k + 1 the receivers of layer k. ``state.layer`` -1 chooses the input's plane.
const { state, layers, data, style, rgb, pictures, activityWords, activity, brightness, plural, least, neuronName } = globalThis.nearwire;
const canvas = document.getElementById("map-stage");
const LINES = 250; // connections drawn for a chosen neuron, each way
const START = { yaw: -0.62, pitch: 0.3, zoom: 1 };
const view = { ...START, flat: false };
let projected = [];

const spatial = layers.filter((layer) => layer.form === "space");
const { distance2 } = globalThis.nearwire.positions;
const planes = spatial.length ? makePlanes() : [];

function makePlanes() {
  const found = [plane("input", -1, spatial[0].sender, spatial[0], 0)];
  let z = 0;
  for (const layer of spatial) {
    z += Math.sqrt(layer.gap2);
    found.push(plane(layer.name, layers.indexOf(layer), layer.receiver, layer, z));
  }
  const flat = found.flatMap((p) => [...p.x, ...p.y].map(Math.abs)).sort((a, b) => a - b);
  const outputs = [...found.at(-1).x, ...found.at(-1).y].map(Math.abs);
  const reach = Math.max(flat[Math.floor(flat.length * 0.95)], ...outputs) || 1; // a few far neurons may lie outside
  const own = layers[0].relaxed;
  const depth = own ? Math.max(...found.flatMap((p) => [...p.z])) - Math.min(...found.flatMap((p) => [...p.z])) || 1 : z || 1;
  const apart = Math.max(1, reach * 1.5 * (found.length - 1) / depth); // thin stacks are drawn further apart than they are
  for (const p of found) {
    const middle = own ? (Math.max(...found.flatMap((q) => [...q.z])) + Math.min(...found.flatMap((q) => [...q.z]))) / 2 : z / 2;
    p.nodes = Array.from(p.x, (x, k) => [(p.z[k] - middle) * apart / reach, -p.y[k] / reach, x / reach]);
    p.at = found.length === 1 ? 0 : ((own ? p.z.reduce((a, b) => a + b, 0) / p.z.length : p.z[0]) - middle) * apart / reach;
  }
  view.apart = apart;
  return found;
}

function plane(name, layer, positions, of, z) {
  const d = of.coordinates, count = positions.length / d;
  const along = (axis) => Float32Array.from({ length: count }, (_, i) => axis.reduce((sum, part, k) => sum + part * positions[i * d + k], 0));
  const height = of.relaxed ? Float32Array.from({ length: count }, (_, i) => positions[i * d + d - 1]) : new Float32Array(count).fill(z);
  return { name, layer, count, x: along(of.axes[0]), y: along(of.axes[1]), z: height, positions, d };
}

const planeOf = (layer) => planes.find((p) => p.layer === layer);

function farthest(layer) { return Math.min(layer.cutoff2 ?? Infinity, -least(layer)); }

// The connections of a neuron of a plane that stay: {out: [{index, d2, sign}], into: [...]}, shortest first.
function connections(at, neuron) {
  const result = { out: [], into: [] };
  const next = spatial[at], before = spatial[at - 1];
  if (next) for (let j = 0; j < planes[at + 1].count; j++) add(result.out, next, j, neuron, j);
  if (before) for (let i = 0; i < planes[at - 1].count; i++) add(result.into, before, neuron, i, i);
  for (const list of Object.values(result)) list.sort((a, b) => a.d2 - b.d2);
  return result;
}

function add(list, layer, receiver, sender, index) {
  const d2 = distance2(layer, receiver, sender);
  if (d2 <= farthest(layer)) list.push({ index, d2, sign: layer.sign[sender] });
}

function light(p, k) {
  if (!state.sample) return 0;
  return p.layer < 0 ? state.sample.values[k] / 255 : brightness(p.layer, k);
}

// The sign of a neuron's output: what its inhibition makes of it; the last layer has none.
function sign(at, k) { return spatial[at] ? spatial[at].sign[k] : 1; }

function size() {
  const wide = canvas.parentElement.clientWidth;
  const tall = view.flat ? flatHeight(wide) : Math.min(Math.max(wide * 0.62, 320), 560);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(wide * ratio);
  canvas.height = Math.round(tall * ratio);
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${tall}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, wide, tall);
  return [context, wide, tall];
}

function flatColumns(wide) { return wide < 560 ? 1 : Math.min(planes.length, 3); }
function flatHeight(wide) {
  const columns = flatColumns(wide);
  return Math.ceil(planes.length / columns) * (Math.min(wide / columns, 420) + 6);
}

function draw() {
  const [context, wide, tall] = size();
  projected = [];
  const palette = { none: rgb("--rule"), plus: rgb("--plus"), minus: rgb("--minus"), ink: style("--ink"), rule: style("--rule"), quiet: style("--quiet"), accent: style("--accent") };
  if (view.flat) flat(context, wide, palette);
  else deep(context, wide, tall, palette);
  canvas.setAttribute("aria-label", describe());
}

function projector(wide, tall) {
  const [sy, cy, sp, cp] = [Math.sin(view.yaw), Math.cos(view.yaw), Math.sin(view.pitch), Math.cos(view.pitch)];
  const span = Math.abs(planes.at(-1).at - planes[0].at) / 2;
  const scale = view.zoom * Math.min(wide / (2 * (span * 0.9 + 1.1)), tall / 2.9);
  return ([x, y, z]) => {
    const x1 = x * cy + z * sy, z1 = z * cy - x * sy;
    const y1 = y * cp - z1 * sp, z2 = z1 * cp + y * sp;
    const f = 9 / (9 - z2);
    return [wide / 2 + x1 * f * scale, tall / 2 + y1 * f * scale, z2];
  };
}

function deep(context, wide, tall, palette) {
  const project = projector(wide, tall);
  for (const p of planes) {
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]].map(([y, z]) => project([p.at, y, z]));
    context.beginPath();
    corners.forEach(([x, y]) => context.lineTo(x, y));
    context.closePath();
    context.strokeStyle = p.layer === state.layer ? palette.accent : palette.rule;
    context.globalAlpha = 1;
    context.lineWidth = p.layer === state.layer ? 2 : 1;
    context.stroke();
    const low = corners.reduce((a, b) => (b[1] > a[1] ? b : a));
    context.fillStyle = palette.quiet;
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText(`${p.name} (${p.count})`, Math.min(Math.max(low[0], 50), wide - 50), Math.min(low[1] + 18, tall - 4));
    p.screen = p.nodes.map(project);
  }
  lines(context, palette);
  const all = planes.flatMap((p, at) => p.screen.map((s, k) => ({ at, k, x: s[0], y: s[1], depth: s[2] }))).sort((a, b) => a.depth - b.depth);
  for (const node of all) dot(context, node, palette, planes.length - 1 === node.at ? 5 : 2.1);
  projected = all;
}

function flat(context, wide, palette) {
  const columns = flatColumns(wide), side = Math.min(wide / columns, 420);
  planes.forEach((p, at) => {
    const x0 = (at % columns) * (wide / columns) + (wide / columns - side) / 2, y0 = Math.floor(at / columns) * (side + 6);
    const place = ([, y, x]) => [x0 + side / 2 + x * (side / 2 - 16), y0 + 24 + (side - 24) / 2 + y * (side / 2 - 26)];
    context.globalAlpha = 1;
    context.strokeStyle = p.layer === state.layer ? palette.accent : palette.rule;
    context.lineWidth = p.layer === state.layer ? 2 : 1;
    context.strokeRect(x0 + 3, y0 + 22, side - 6, side - 22);
    context.fillStyle = palette.ink;
    context.font = "13px system-ui, sans-serif";
    context.textAlign = "left";
    context.fillText(`${p.name} (${p.count})`, x0 + 6, y0 + 15);
    p.screen = p.nodes.map(place);
    const nodes = p.screen.map(([x, y], k) => ({ at, k, x, y, depth: light(p, k) })).sort((a, b) => a.depth - b.depth);
    for (const node of nodes) dot(context, node, palette, at === planes.length - 1 ? 4 : 2.4);
    projected.push(...nodes);
    if (at < planes.length - 1) { // the outputs as landmarks, as in the paper's picture
      context.font = "600 11px system-ui, sans-serif";
      context.textAlign = "center";
      context.globalAlpha = 1;
      context.fillStyle = palette.ink;
      planes.at(-1).nodes.slice(0, 20).forEach((node, k) => { const [x, y] = place(node); context.fillText(String(k), x, y + 4); });
    }
  });
  for (const p of planes) p.tag = null;
  const linked = chosenLinks();
  context.lineWidth = 1.6;
  for (const { at, index, sign: s } of linked) {
    const [x, y] = planes[at].screen[index];
    context.strokeStyle = `rgb(${s > 0 ? palette.plus : palette.minus})`;
    context.beginPath();
    context.arc(x, y, 5.5, 0, 7);
    context.stroke();
  }
}

function chosenLinks() {
  const at = planes.findIndex((p) => p.layer === state.layer);
  if (state.neuron === null || at < 0) return [];
  const found = connections(at, state.neuron);
  return [...found.out.slice(0, LINES).map((c) => ({ ...c, at: at + 1 })), ...found.into.slice(0, LINES).map((c) => ({ ...c, at: at - 1 }))];
}

function lines(context, palette) {
  context.lineWidth = 1;
  const at = planes.findIndex((p) => p.layer === state.layer);
  const stroke = (a, b, s, alpha) => {
    context.globalAlpha = alpha;
    context.strokeStyle = `rgb(${s > 0 ? palette.plus : palette.minus})`;
    context.beginPath();
    context.moveTo(a[0], a[1]);
    context.lineTo(b[0], b[1]);
    context.stroke();
  };
  if (state.neuron !== null && at >= 0) {
    for (const c of chosenLinks()) stroke(planes[at].screen[state.neuron], planes[c.at].screen[c.index], c.sign, 0.55);
  } else {
    spatial.forEach((layer, k) => {
      for (const [receiver, sender] of layer.web) {
        if (distance2(layer, receiver, sender) > farthest(layer)) continue;
        stroke(planes[k].screen[sender], planes[k + 1].screen[receiver], layer.sign[sender], state.sample ? 0.05 + 0.5 * light(planes[k], sender) : 0.3);
      }
    });
  }
  context.globalAlpha = 1;
}

function dot(context, node, palette, small) {
  const p = planes[node.at], bright = light(p, node.k);
  const last = node.at === planes.length - 1;
  const colour = pictures.mix(palette.none, sign(node.at, node.k) > 0 ? palette.plus : palette.minus, state.sample ? Math.sqrt(bright) : 0.75);
  const chosen = p.layer === state.layer && node.k === state.neuron;
  context.globalAlpha = state.sample ? 0.55 + 0.45 * bright : 0.9;
  context.fillStyle = `rgb(${colour})`;
  context.beginPath();
  context.arc(node.x, node.y, chosen ? small + 4 : small + 2.4 * bright, 0, 7);
  context.fill();
  context.globalAlpha = 1;
  if (chosen) { context.lineWidth = 2.5; context.strokeStyle = palette.ink; context.stroke(); }
  if (last && layers[p.layer].last && p.count <= 40) {
    context.fillStyle = palette.ink;
    context.font = "600 12px system-ui, sans-serif";
    context.textAlign = "left";
    context.fillText(String(data.classes[node.k] ?? node.k), node.x + 8, node.y + 4);
  }
}

function nearest(px, py) {
  let best = null, least2 = 16 ** 2;
  for (const node of projected) {
    const d2 = (node.x - px) ** 2 + (node.y - py) ** 2;
    if (d2 <= least2) [best, least2] = [node, d2];
  }
  return best && { layer: planes[best.at].layer, neuron: best.k };
}

function facts(layer, neuron) {
  const at = planes.findIndex((p) => p.layer === layer), p = planes[at];
  const place = Array.from(p.positions.subarray(neuron * p.d, (neuron + 1) * p.d)).join(", ");
  const found = connections(at, neuron);
  const parts = [`position (${place}) steps`];
  if (spatial[at]) parts.push(sign(at, neuron) > 0 ? "excitatory" : "inhibitory");
  if (layer < 0) { if (state.sample) parts.push(`value ${state.sample.values[neuron]} of 255`); } else if (activity(layer, neuron) !== null) parts.push(activityWords(layer, neuron));
  if (spatial[at]) parts.push(`feeds ${found.out.length.toLocaleString("en")} of ${plural(planes[at + 1].count, "neuron")}`);
  if (at > 0) parts.push(`fed by ${found.into.length.toLocaleString("en")} of ${planes[at - 1].count.toLocaleString("en")}`);
  parts.push(layer < 0 ? "an input has no bytes of its own" : `about ${plural(layers[layer].neuron_bytes[neuron], "byte")}`);
  return parts.join("; ");
}

function name(layer, neuron) {
  if (layer < 0) return `input ${neuron}`;
  return neuronName(layer, neuron);
}

function words(layer, neuron) { return `${name(layer, neuron)}: ${facts(layer, neuron)}`; }

function describe() {
  const who = state.neuron === null ? "the shortest connections and some of every length are drawn" : `chosen: ${words(state.layer, state.neuron)}`;
  return `The map: ${planes.map((p) => `${p.name} of ${plural(p.count, "neuron")}`).join(", ")}, each neuron at its position; ${who}. The table below holds the same.`;
}

function notes() {
  const found = [];
  if (view.apart > 1.05 && !view.flat) found.push(`Planes are drawn ${view.apart.toFixed(1)} times further apart than they are.`);
  const d = Math.max(...spatial.map((layer) => layer.coordinates));
  if (d > (spatial[0].relaxed ? 3 : 2)) found.push(`Positions have ${d} coordinates; the two directions in which they differ most are drawn.`);
  return found.join(" ");
}

function turn(how) {
  const steps = { left: ["yaw", -0.15], right: ["yaw", 0.15], up: ["pitch", 0.12], down: ["pitch", -0.12] };
  if (how in steps) view[steps[how][0]] += steps[how][1];
  else if (how === "reset") Object.assign(view, START);
  else view.zoom = Math.min(Math.max(view.zoom * (how === "in" ? 1.2 : 1 / 1.2), 0.4), 6);
  view.pitch = Math.min(Math.max(view.pitch, -1.5), 1.5);
  draw();
}

globalThis.nearwire.space = { planes, planeOf, view, draw, nearest, facts, words, name, notes, turn };
