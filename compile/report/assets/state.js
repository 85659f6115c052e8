// What is chosen in the map, and the words for it. Views read ``state`` and are told by ``changed``.
// ``state.now`` is what the network makes of ``state.sample`` with ``state.share`` percent of its synapses left out.
const { data, samples, bytes, law } = globalThis.nearwire;
const layers = data.map.layers;
const MEAN = -1, DRAWN = -2; // as the index of a sample

for (const mean of data.means) mean.values = bytes(mean.x);
for (const sample of [...data.means, ...samples]) if (sample.activity && !law.spiking) sample.activity = sample.activity.map(bytes);
const disagreeing = law.runs ? [...data.means, ...samples].filter((s) => s.activity && !law.agrees(s)) : [];
const live = law.runs && disagreeing.length === 0;
for (const sample of samples) sample.active = live || Boolean(sample.activity);
const offered = [...data.means, ...samples.filter((s) => s.active).slice(0, data.map.offered)];

const state = { layer: 0, neuron: null, sample: offered[0] ?? null, now: null, share: 0, order: "number", all: false, listeners: [] };
state.now = computed();

function computed() {
  if (!state.sample) return null;
  if (!live) return state.sample;
  const found = law.run(state.sample.values, state.share);
  const order = found.scores.map((_, k) => k).sort((a, b) => found.scores[b] - found.scores[a] || a - b);
  return { ...found, predicted: order[0], top: order.slice(0, 5).map((k) => [k, found.scores[k]]) };
}

const className = (k) => data.classes[k] ?? `class ${k}`;

function change(values) {
  Object.assign(state, values);
  if ("sample" in values || "share" in values) state.now = computed();
  for (const listener of state.listeners) listener(Object.keys(values));
}

function sampleName(sample) {
  if (!sample) return "no input";
  const now = sample === state.sample ? state.now : sample;
  const guess = className(now.predicted);
  if (sample.index === MEAN) return `mean of ${sample.label < 0 ? "the training data" : `all training samples of ${className(sample.label)}`}, taken for ${guess}`;
  if (sample.index === DRAWN) return `your drawing, taken for ${guess}`;
  return sample.label === now.predicted ? `test sample ${sample.index}: ${guess}` : `test sample ${sample.index}: ${className(sample.label)}, taken for ${guess}`;
}

// What arrives at a layer (-1: the network's input), bytes for drawing; null where no sample is shown.
function arriving(index) {
  if (!state.sample) return null;
  if (index === 0) return state.sample.values;
  const found = state.now.activity[index - 1];
  return law.spiking ? Uint8Array.from(found, (count) => Math.round(255 * count / law.most)) : found;
}

// One of the same values, in words.
function arrivingWords(index, cell) {
  const found = index === 0 ? state.sample.values : state.now.activity[index - 1];
  if (found[cell] === undefined) return "nothing";
  return index > 0 && law.spiking ? plural(found[cell], "spike") : `value ${found[cell]}`;
}

// The largest output of a neuron, and its outputs: a hidden neuron's bytes or number of spikes, the last layer's score. null without a sample.
function activity(index, neuron) {
  if (!state.sample) return null;
  const layer = layers[index];
  if (layer.last) return state.now.scores ? state.now.scores[neuron] : null;
  const each = layer.outputs / layer.neurons;
  return Math.max(...state.now.activity[index].subarray(neuron * each, (neuron + 1) * each));
}

// 0..1 for drawing.
function brightness(index, neuron) {
  const value = activity(index, neuron);
  if (value === null) return 0;
  if (!layers[index].last) return value / law.most;
  const low = Math.min(...state.now.scores), high = Math.max(...state.now.scores);
  return high > low ? (value - low) / (high - low) : 0;
}

function neuronName(index, neuron) {
  const layer = layers[index];
  if (layer.last) return `${layer.name}, output ${neuron}` + (data.classes[neuron] !== undefined ? ` (${data.classes[neuron]})` : "");
  return `${layer.name}, ${layer.maps ? "prototype" : "neuron"} ${neuron}`;
}

function plural(count, noun, nouns = `${noun}s`) { return `${count.toLocaleString("en")} ${count === 1 ? noun : nouns}`; }

function activityWords(index, neuron) {
  const value = activity(index, neuron);
  if (value === null) return "";
  if (layers[index].last) return `score ${value.toLocaleString("en")}`;
  return law.spiking ? `${plural(value, "spike")} in ${plural(state.now.executed, "step")}` : `activity ${value} of 255`;
}

const least = (layer) => (state.share ? layer.least[state.share] : -Infinity);

Object.assign(globalThis.nearwire, { state, change, live, disagreeing, className, DRAWN, offered, layers, sampleName, arriving, arrivingWords, activity, brightness, neuronName, activityWords, plural, least });
