// Draws the frames of a training run: rectangles of neurons, or neurons in planes; played, or chosen by the slider.
const { motion } = JSON.parse(document.getElementById("data").textContent);
const canvas = document.getElementById("motion-stage"), slider = document.getElementById("frame");
const text = document.getElementById("frame-text"), play = document.getElementById("play");
const STEP_MS = 160;
document.getElementById("motion-body").hidden = false;

function buffer(words) { return Uint8Array.from(atob(words), (c) => c.charCodeAt(0)).buffer; }
const values = new Int16Array(buffer(motion.values));
const masks = motion.masks ? new Int8Array(buffer(motion.masks)) : null;
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// A context of ``rows`` x ``columns`` squares: {context, side, at(k): [x, y]}.
function squares(count, most) {
  const wide = canvas.parentElement.clientWidth;
  const columns = Math.max(1, Math.min(count, Math.floor(wide / (wide < 560 ? 90 : 110)), most));
  const side = Math.min(Math.floor(wide / columns) - 6, 340);
  const rows = Math.ceil(count / columns), ratio = window.devicePixelRatio || 1;
  const size = [columns * (side + 6), rows * (side + 6)];
  canvas.width = size[0] * ratio;
  canvas.height = size[1] * ratio;
  canvas.style.width = `${size[0]}px`;
  canvas.style.height = `${size[1]}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return { context, side, at: (k) => [(k % columns) * (side + 6) + 3, Math.floor(k / columns) * (side + 6) + 3] };
}

function boxes(frame) {
  const { context, side, at } = squares(motion.neurons, 12);
  const [height, width] = motion.area, cell = side / Math.max(height, width) / motion.fine;
  for (let n = 0; n < motion.neurons; n++) {
    const [x0, y0] = at(n);
    context.save();
    context.beginPath();
    context.rect(x0, y0, width * cell * motion.fine, height * cell * motion.fine);
    context.fillStyle = style("--none");
    context.fill();
    context.clip();
    for (let k = 0; k < motion.synapses; k++) {
      const [lowY, lowX, highY, highX, charge] = values.subarray(5 * ((frame * motion.neurons + n) * motion.synapses + k));
      const [x, y, w, h] = [x0 + lowX * cell, y0 + lowY * cell, (highX - lowX) * cell, (highY - lowY) * cell];
      context.fillStyle = context.strokeStyle = style(charge > 0 ? "--plus" : "--minus");
      context.beginPath();
      if (motion.round) context.ellipse(x + w / 2, y + h / 2, w / 2, h / 2, 0, 0, 7);
      else context.rect(x, y, w, h);
      context.globalAlpha = 0.15 + 0.75 * Math.sqrt(Math.abs(charge) / 1000);
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
    context.restore();
  }
}

function space(frame) {
  const { context, side, at } = squares(motion.planes.length, 3);
  const total = values.length / 2 / motion.epochs.length, scale = side / 2 / (motion.reach * motion.largest) * 0.85;
  let first = 0;
  motion.planes.forEach(([name, count], plane) => {
    const [x0, y0] = at(plane);
    context.save();
    context.beginPath();
    context.rect(x0, y0, side, side);
    context.fillStyle = style("--none");
    context.fill();
    context.clip();
    for (let n = first; n < first + count; n++) {
      const k = frame * total + n, mask = masks[k] / 100;
      context.globalAlpha = 0.25 + 0.65 * Math.abs(mask);
      context.fillStyle = style(mask > 0 ? "--plus" : "--minus");
      context.beginPath();
      context.arc(x0 + side / 2 + values[2 * k] * scale, y0 + side / 2 - values[2 * k + 1] * scale, count > 100 ? 2.2 : 4, 0, 7);
      context.fill();
    }
    context.globalAlpha = 1;
    context.fillStyle = style("--ink");
    context.font = "13px system-ui, sans-serif";
    context.fillText(`${name} (${count})`, x0 + 8, y0 + 18);
    context.restore();
    first += count;
  });
}

function draw() {
  const frame = Number(slider.value), accuracy = motion.accuracy[frame];
  (motion.kind === "boxes" ? boxes : space)(frame);
  text.textContent = `${motion.epochs[frame]}` + (accuracy === null ? "" : `, validation accuracy ${accuracy.toFixed(4)}`);
  canvas.setAttribute("aria-label", `Positions after epoch ${text.textContent}`);
}

let timer = 0;
function stop() {
  clearInterval(timer);
  timer = 0;
  play.setAttribute("aria-pressed", "false");
  play.textContent = "Play";
}
function step() {
  if (Number(slider.value) >= motion.epochs.length - 1) return stop();
  slider.value = Number(slider.value) + 1;
  draw();
}
play.addEventListener("click", () => {
  if (timer) return stop();
  if (Number(slider.value) >= motion.epochs.length - 1) slider.value = 0;
  play.setAttribute("aria-pressed", "true");
  play.textContent = "Pause";
  draw();
  timer = setInterval(step, STEP_MS);
});
slider.addEventListener("input", () => { stop(); draw(); });
document.addEventListener("themechange", draw);
addEventListener("resize", draw);
draw();
