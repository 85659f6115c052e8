// The network itself, by the integer law of runtime/network/law.py: bytes in, every layer's bytes and the scores out. Whole numbers below 2**31 only,
// so this browser computes what the reference computes; ``agrees`` says whether it does. Of a network that spikes lif.js computes the rest.
const { data, bytes, pictures, positions } = globalThis.nearwire;
const layers = data.map.layers, law = data.map.law;
const kept = new Map(); // synapses that stay, by layer and share: the last share only

for (const layer of layers) {
  layer.bias = new Int32Array(bytes(layer.bias).buffer);
  layer.shift = layer.shift === null ? null : bytes(layer.shift);
}

// What is kept of a layer at a share left out: a weight matrix, or the rectangles of every neuron.
function synapses(layer, share) {
  const found = kept.get(layer);
  if (found && found.share === share) return found.what;
  const least = share ? layer.least[share] : -Infinity;
  let what;
  if (layer.form === "boxes") what = Array.from({ length: layer.neurons }, (_, j) => pictures.rectangles(layer, j, least));
  else what = layer.form === "space" ? positions.matrix(layer, least) : layer.weight.map((w) => (Math.abs(w) < least ? 0 : w));
  kept.set(layer, { share, what });
  return what;
}

function product(layer, values, share) {
  const matrix = synapses(layer, share);
  const sums = new Int32Array(layer.outputs);
  for (let j = 0; j < layer.outputs; j++) {
    let sum = layer.bias[j];
    for (let i = 0, at = j * layer.inputs; i < layer.inputs; i++, at++) sum += matrix[at] * values[i];
    sums[j] = sum;
  }
  return sums;
}

// Sums over the cells above and left of each corner, with ``[py, px]`` cells of zeros around every channel: {table, width, height}.
function integral(values, { height, width, channels }, [py, px]) {
  const [h, w] = [height + 2 * py + 1, width + 2 * px + 1];
  const table = new Int32Array(channels * h * w);
  for (let c = 0; c < channels; c++) {
    for (let y = 1; y < h; y++) {
      for (let x = 1, row = 0; x < w; x++) {
        const [cy, cx] = [y - 1 - py, x - 1 - px];
        if (cy >= 0 && cy < height && cx >= 0 && cx < width) row += values[(c * height + cy) * width + cx];
        table[(c * h + y) * w + x] = table[(c * h + y - 1) * w + x] + row;
      }
    }
  }
  return { table, height: h, width: w };
}

// The sum of one neuron's rectangles with their corner at [y0, x0].
function charged({ table, height, width }, boxes, y0, x0) {
  let sum = 0;
  for (const b of boxes) {
    const [top, low] = [(b.channel * height + y0 + b.lowY) * width + x0, (b.channel * height + y0 + b.highY) * width + x0];
    sum += b.charge * (table[low + b.highX] - table[low + b.lowX] - table[top + b.highX] + table[top + b.lowX]);
  }
  return sum;
}

function requantise(sum, shift) { return Math.min(Math.max((sum + (1 << (shift - 1))) >> shift, 0), 255); }

function field(layer, values, share) {
  const boxes = synapses(layer, share), sums = integral(values, layer.reads, [0, 0]);
  return Int32Array.from(boxes, (own, j) => layer.bias[j] + charged(sums, own, 0, 0));
}

// Prototypes at every position, pooled: bytes, or sums where it is the last layer.
function replicated(layer, values, share) {
  const { rows, columns, padding, stride, pool, positions, mean } = layer.maps;
  const boxes = synapses(layer, share), table = integral(values, layer.reads, padding);
  const out = layer.last ? new Int32Array(layer.outputs) : new Uint8Array(layer.outputs);
  for (let p = 0; p < layer.neurons; p++) {
    for (let at = 0; at < rows * columns; at++) {
      const [y0, x0] = [Math.floor(at / columns) * pool[0], (at % columns) * pool[1]];
      let best = -(2 ** 31), total = 0;
      for (let y = y0; y < Math.min(y0 + pool[0], positions[0]); y++) {
        for (let x = x0; x < Math.min(x0 + pool[1], positions[1]); x++) {
          const sum = layer.bias[p] + charged(table, boxes[p], y * stride[0], x * stride[1]);
          if (mean) total += requantise(sum, layer.shift[p]);
          else best = Math.max(best, sum);
        }
      }
      const k = p * rows * columns + at;
      if (mean) out[k] = (total + (1 << (mean - 1))) >> mean;
      else out[k] = layer.last ? best : requantise(best, layer.shift[p]);
    }
  }
  return out;
}

// A layer's sums, for layers that do not pool.
function sums(layer, values, share) { return layer.form === "boxes" ? field(layer, values, share) : product(layer, values, share); }

// {activity: bytes of every hidden layer, scores} for input bytes, with a share (whole percent) of the synapses left out.
function run(input, share) {
  let values = Int32Array.from(input, (u) => (u >> law.cut) - law.zero_point);
  const activity = [];
  for (const layer of layers) {
    let out;
    if (layer.form === "boxes" && layer.maps) out = replicated(layer, values, share);
    else {
      out = sums(layer, values, share);
      if (!layer.last) out = Uint8Array.from(out, (sum, j) => requantise(sum, layer.shift[j]));
    }
    if (layer.last) return { activity, scores: [...out] };
    activity.push(out);
    values = out;
  }
  return null;
}

// Whether this browser computes what the reference computed for a sample whose activity came with the page.
function agrees(sample) {
  const own = run(sample.values, 0);
  const same = (a, b) => a.length === b.length && a.every((v, k) => v === b[k]);
  return sample.top.every(([k, score]) => own.scores[k] === score) && (sample.activity ?? []).every((part, k) => same(part, own.activity[k]));
}

globalThis.nearwire.law = { runs: law.runs, run, agrees, sums };
