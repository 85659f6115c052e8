// What is chosen in the map, and the words for it. Views read ``state`` and are told by ``changed``.
const { data, samples, bytes } = globalThis.nearwire;
const layers = data.map.layers;

const offered = samples.filter((s) => s.active);
if (data.mean) offered.unshift(Object.assign(data.mean, { values: bytes(data.mean.x) }));
for (const sample of offered) sample.activity = sample.activity.map(bytes);

const state = { layer: 0, neuron: null, sample: offered[0] ?? null, share: 0, order: "number", all: false, listeners: [] };

function change(values) {
  Object.assign(state, values);
  for (const listener of state.listeners) listener(Object.keys(values));
}

function sampleName(sample) {
  if (!sample) return "no input";
  const guess = data.classes[sample.predicted];
  if (sample.index < 0) return `mean of the training data, taken for ${guess}`;
  return sample.label === sample.predicted ? `test sample ${sample.index}: ${guess}` : `test sample ${sample.index}: ${data.classes[sample.label]}, taken for ${guess}`;
}

// What arrives at a layer (-1: the network's input), bytes; null where no sample is shown.
function arriving(index) {
  if (!state.sample) return null;
  return index === 0 ? state.sample.values : state.sample.activity[index - 1];
}

// The largest output of a neuron, and its outputs: a hidden neuron's bytes, the last layer's score. null without a sample.
function activity(index, neuron) {
  if (!state.sample) return null;
  const layer = layers[index];
  if (layer.last) return state.sample.scores ? state.sample.scores[neuron] : null;
  const each = layer.outputs / layer.neurons;
  return Math.max(...state.sample.activity[index].subarray(neuron * each, (neuron + 1) * each));
}

// 0..1 for drawing.
function brightness(index, neuron) {
  const value = activity(index, neuron);
  if (value === null) return 0;
  if (!layers[index].last) return value / 255;
  const low = Math.min(...state.sample.scores), high = Math.max(...state.sample.scores);
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
  return layers[index].last ? `score ${value.toLocaleString("en")}` : `activity ${value} of 255`;
}

const least = (layer) => (state.share ? layer.least[state.share] : -Infinity);

Object.assign(globalThis.nearwire, { state, change, offered, layers, sampleName, arriving, activity, brightness, neuronName, activityWords, plural, least });
