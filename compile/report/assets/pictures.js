// Pictures of what neurons read: the arrangement of a layer's inputs, the weights of a neuron in it, colours of signed values.
const { bytes, rgb, data } = globalThis.nearwire;

const signed = (text) => (text === null || text === undefined ? null : new Int8Array(bytes(text).buffer));
const reals = (text) => new Float32Array(bytes(text).buffer);

for (const layer of data.map.layers) {
  if (layer.form === "space") continue;
  layer.scale = reals(layer.scale);
  if (layer.form === "weights") layer.weight = signed(layer.weight);
  else {
    layer.edges = layer.wide ? new Uint16Array(bytes(layer.edges).slice().buffer) : bytes(layer.edges);
    layer.charge = signed(layer.charge);
    layer.channel = layer.channel === null ? null : bytes(layer.channel);
  }
}

// Where the channels of a layer's inputs lie beside each other: {height, width, at(channel)} in cells, one cell between channels.
function mosaic({ height, width, channels }) {
  if (channels === 1) return { height, width, at: () => [0, 0] };
  const columns = Math.min(channels, Math.max(1, Math.ceil(Math.sqrt(1.4 * channels * height / width))));
  const rows = Math.ceil(channels / columns);
  return {
    height: rows * (height + 1) - 1,
    width: columns * (width + 1) - 1,
    at: (c) => [Math.floor(c / columns) * (height + 1), (c % columns) * (width + 1)],
  };
}

// The synapses of a box neuron that are strong enough: {k, low, high (y, x), charge, channel}.
function rectangles(layer, neuron, least) {
  const found = [];
  for (let k = 0; k < layer.synapses; k++) {
    const at = neuron * layer.synapses + k;
    const [lowY, lowX, highY, highX] = layer.edges.subarray(4 * at, 4 * at + 4);
    const charge = layer.charge[at];
    const area = (highY - lowY) * (highX - lowX);
    if (charge === 0 || area === 0 || Math.abs(charge) * area < least) continue;
    found.push({ k, lowY, lowX, highY, highX, charge, area, channel: layer.channel ? layer.channel[at] : 0 });
  }
  return found;
}

// {height, width, values}: the weights of a neuron, over its area or over the arrangement of the layer's inputs.
function weights(layer, neuron, least) {
  const kernel = layer.form === "boxes" && layer.maps;
  const plan = kernel ? { height: layer.area[0], width: layer.area[1], at: () => [0, 0] } : mosaic(layer.reads);
  const values = new Float32Array(plan.height * plan.width);
  if (layer.form === "boxes") {
    for (const box of rectangles(layer, neuron, least)) {
      const [y0, x0] = plan.at(box.channel);
      for (let y = box.lowY; y < box.highY; y++) for (let x = box.lowX; x < box.highX; x++) values[(y0 + y) * plan.width + x0 + x] += box.charge;
    }
  } else if (layer.weight) {
    const { height, width } = layer.reads;
    for (let i = 0; i < layer.inputs; i++) {
      const w = layer.weight[neuron * layer.inputs + i];
      if (Math.abs(w) < least) continue;
      const cell = i % (height * width);
      const [y0, x0] = plan.at(Math.floor(i / (height * width)));
      values[(y0 + Math.floor(cell / width)) * plan.width + x0 + cell % width] = w;
    }
  }
  return { height: plan.height, width: plan.width, values };
}

// One pixel between two colours.
function shade(pixels, at, from, to, share) {
  for (let c = 0; c < 3; c++) pixels[at + c] = from[c] + (to[c] - from[c]) * share;
  pixels[at + 3] = 255;
}

function mix(from, to, share) { return from.map((v, k) => Math.round(v + (to[k] - v) * share)); }

// Signed values as colours: orange above zero, blue below, strong where |value| nears ``largest``.
function paintSigned(canvas, picture, largest) {
  const [none, plus, minus] = ["--none", "--plus", "--minus"].map(rgb);
  canvas.width = picture.width;
  canvas.height = picture.height;
  const image = new ImageData(picture.width, picture.height);
  for (let k = 0; k < picture.values.length; k++) {
    const value = picture.values[k];
    shade(image.data, 4 * k, none, value > 0 ? plus : minus, Math.sqrt(Math.min(Math.abs(value) / largest, 1)));
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Bytes in the arrangement of ``reads`` as shades from the card's colour to the ink's.
function paintBytes(canvas, reads, values, strength = 1) {
  const plan = mosaic(reads);
  const [low, high] = [rgb("--card"), rgb("--ink")];
  canvas.width = plan.width;
  canvas.height = plan.height;
  const image = new ImageData(plan.width, plan.height);
  const area = reads.height * reads.width;
  for (let i = 0; i < area * reads.channels; i++) {
    const [y0, x0] = plan.at(Math.floor(i / area));
    const at = (y0 + Math.floor((i % area) / reads.width)) * plan.width + x0 + (i % area) % reads.width;
    shade(image.data, 4 * at, low, high, (i < values.length ? values[i] : 0) / 255 * strength);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
  return plan;
}

globalThis.nearwire.pictures = { mosaic, rectangles, weights, paintSigned, paintBytes, mix };
