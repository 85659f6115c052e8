// A pad to draw a sample on: the network runs on it in the page, at every stroke. Pointer, or keys: arrows move, space paints.
const { data, change, live, paint, style, DRAWN } = globalThis.nearwire;
const { height, width, channels } = data.input;
const at = (id) => document.getElementById(id);
const button = at("map-draw"), panel = at("map-pad-panel"), pad = at("map-pad");
const RADIUS = 1.25 * Math.max(height, width) / 28; // cells
const blank = data.map.law.zero_point;
const drawing = { index: DRAWN, label: null, values: new Uint8Array(height * width * channels).fill(blank) };
const cursor = { y: Math.floor(height / 2), x: Math.floor(width / 2), shown: false };

function dab(y, x) {
  for (let cy = Math.max(0, Math.floor(y - RADIUS - 1)); cy < Math.min(height, y + RADIUS + 1); cy++) {
    for (let cx = Math.max(0, Math.floor(x - RADIUS - 1)); cx < Math.min(width, x + RADIUS + 1); cx++) {
      const ink = Math.min(Math.max(RADIUS + 0.5 - Math.hypot(cy + 0.5 - y, cx + 0.5 - x), 0), 1);
      const k = cy * width + cx;
      drawing.values[k] = Math.max(drawing.values[k], Math.round(blank + ink * (255 - blank)));
    }
  }
}

// Dabs along a line, so that a fast stroke has no gaps.
function stroke(from, to) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1]) / RADIUS));
  for (let k = 0; k <= steps; k++) dab(from[0] + (to[0] - from[0]) * k / steps, from[1] + (to[1] - from[1]) * k / steps);
  show();
}

let waiting = 0;
function show() {
  paint(pad, drawing.values);
  if (cursor.shown) {
    const context = pad.getContext("2d");
    context.fillStyle = style("--plus");
    context.fillRect(cursor.x, cursor.y, 1, 1);
  }
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(() => change({ sample: drawing }));
}

function cell(event) {
  const box = pad.getBoundingClientRect();
  return [(event.clientY - box.top) * height / box.height, (event.clientX - box.left) * width / box.width];
}

function clear() {
  drawing.values.fill(blank);
  show();
}

let last = null;
pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  cursor.shown = false;
  last = cell(event);
  stroke(last, last);
});
pad.addEventListener("pointermove", (event) => {
  if (!last) return;
  const next = cell(event);
  stroke(last, next);
  last = next;
});
for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { last = null; });
pad.addEventListener("keydown", (event) => {
  const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
  if (event.key in moves) {
    cursor.y = Math.min(Math.max(cursor.y + moves[event.key][0], 0), height - 1);
    cursor.x = Math.min(Math.max(cursor.x + moves[event.key][1], 0), width - 1);
  } else if (event.key === " ") dab(cursor.y + 0.5, cursor.x + 0.5);
  else if (event.key === "Delete" || event.key === "Backspace") drawing.values.fill(blank);
  else return;
  cursor.shown = true;
  event.preventDefault();
  show();
});
at("map-pad-clear").addEventListener("click", clear);
button.addEventListener("click", () => {
  panel.hidden = !panel.hidden;
  button.setAttribute("aria-pressed", String(!panel.hidden));
  if (!panel.hidden) show();
});
pad.style.setProperty("--pad", `${width} / ${height}`);
button.hidden = !live || channels !== 1 || height < 2 || width < 2;
