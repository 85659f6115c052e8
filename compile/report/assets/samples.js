// Unpacks the data of the page and draws samples; the other scripts of the report use what is put on ``nearwire`` here.
const data = JSON.parse(document.getElementById("data").textContent);

function bytes(text) {
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) found[k] = raw.charCodeAt(k);
  return found;
}

function style(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }

const colours = new Map(); // by name, until the theme changes
document.addEventListener("themechange", () => colours.clear());

function rgb(name) {
  if (!colours.has(name)) colours.set(name, parse(style(name)));
  return colours.get(name);
}

function parse(text) {
  return [1, 3, 5].map((k) => parseInt(text.slice(k, k + 2), 16));
}

// A canvas of a sample (height, width, channels of data.input): grey, colour where there are three channels, a curve where there is one row.
function paint(canvas, values) {
  const { height, width, channels } = data.input;
  if (height === 1) return curve(canvas, values, width);
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const area = height * width;
  for (let k = 0; k < area; k++) {
    for (let c = 0; c < 3; c++) image.data[4 * k + c] = values[channels === 3 ? c * area + k : k];
    image.data[4 * k + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

function curve(canvas, values, width) {
  canvas.classList.add("curve");
  canvas.width = 224;
  canvas.height = 112;
  const context = canvas.getContext("2d");
  context.fillStyle = style("--wash");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.strokeStyle = style("--s0");
  context.lineWidth = 6;
  context.beginPath();
  for (let k = 0; k < width; k++) context.lineTo((k + 0.5) * canvas.width / width, 108 - values[k] * 104 / 255);
  context.stroke();
}

for (const sample of data.samples) sample.values = bytes(sample.x);
globalThis.nearwire = { data, bytes, style, rgb, paint, samples: data.samples, choose: null };
