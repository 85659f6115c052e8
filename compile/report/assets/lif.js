// Spiking networks by the integer law of runtime/network/spiking/integers.py, coding.py and readout.py: replaces law.run and law.agrees of a network that
// spikes. Whole numbers below 2**31 only, so this browser makes the spikes that the reference makes; ``agrees`` compares every one.
const { data, samples, bytes, law } = globalThis.nearwire;
const spiking = data.map.spiking, layers = data.map.layers;
const [LOW, HIGH] = [-(2 ** 15), 2 ** 15 - 1], SEED = 2463534242;
const clamp = (value) => Math.min(Math.max(value, LOW), HIGH);

// The input's spikes at every step under coding rate or latency: Uint8Arrays of 0 and 1.
function coded(values) {
  const { steps } = spiking;
  const found = Array.from({ length: steps }, () => new Uint8Array(values.length));
  if (spiking.coding === "latency") {
    values.forEach((u, i) => { if (u >= 3) found[Math.floor(((255 - u) * (steps - 1) + 127) / 255)][i] = 1; });
    return found;
  }
  let x = SEED;
  for (const step of found) {
    for (let i = 0; i < values.length; i++) {
      if (i % 4 === 0) {
        x = (x ^ (x << 13)) >>> 0;
        x = (x ^ (x >>> 17)) >>> 0;
        x = (x ^ (x << 5)) >>> 0;
      }
      step[i] = values[i] > ((x >>> (8 * (i % 4))) & 255) ? 1 : 0;
    }
  }
  return found;
}

// One step of a neuron: its membrane, before it is read as a spike.
function stepped(membrane, current, { threshold, decay }) {
  const fired = membrane > threshold;
  const kept = fired && spiking.reset === "zero" ? 0 : membrane;
  const moved = ((kept * decay + 16384) >> 15) + current;
  return clamp(fired && spiking.reset === "subtract" ? moved - threshold : moved);
}

// Scores after a step that are read from the last layer's membranes and spikes, in place.
function read(scores, membranes, spikes, t) {
  for (let j = 0; j < scores.length; j++) {
    if (spiking.readout === "membrane") scores[j] += membranes[j];
    else if (spiking.readout === "count") scores[j] += spikes[j];
    else if (spikes[j] && !scores[j]) scores[j] = spiking.steps - t;
  }
}

function decided(scores, t) {
  const left = spiking.steps - 1 - t;
  if (left === 0) return true;
  if (spiking.exit_lead === null) return false;
  if (spiking.readout === "first") return scores.some((score) => score > 0);
  if (scores.length === 1) return false;
  const [best, second] = [...scores].sort((a, b) => b - a);
  return best - second > spiking.exit_lead * left;
}

// What ``law.run`` gives for other networks, counts of spikes in the executed steps in place of bytes, and: input (coded; null under coding
// direct), spikes of every layer, step by step, neuron by neuron, membranes of the last layer likewise, executed (steps).
function run(values, share) {
  const { steps } = spiking, direct = spiking.coding === "direct";
  const input = direct ? null : coded(values);
  let steady = null;
  if (direct) {
    const seen = Int32Array.from(values, (u) => (u >> data.map.law.cut) - data.map.law.zero_point);
    steady = law.sums(layers[0], seen, share).map((sum, j) => clamp((sum + (1 << (layers[0].shift[j] - 1))) >> layers[0].shift[j]));
  }
  const state = layers.map((layer) => new Int16Array(layer.outputs));
  const spikes = layers.map((layer) => new Uint8Array(steps * layer.outputs));
  const last = layers.length - 1, membranes = new Int16Array(steps * layers[last].outputs);
  const scores = Array(layers[last].outputs).fill(0);
  let executed = 0, final = null;
  for (let t = 0; t < steps; t++) {
    let arriving = direct ? null : input[t];
    layers.forEach((layer, k) => {
      const current = k === 0 && direct ? steady : law.sums(layer, arriving, share).map((sum) => sum << layer.lift);
      const own = spikes[k].subarray(t * layer.outputs, (t + 1) * layer.outputs);
      for (let j = 0; j < layer.outputs; j++) {
        state[k][j] = stepped(state[k][j], current[j], layer);
        own[j] = state[k][j] > layer.threshold ? 1 : 0;
      }
      arriving = own;
    });
    membranes.set(state[last], t * layers[last].outputs);
    read(scores, state[last], arriving, t);
    if (final === null && decided(scores, t)) [executed, final] = [t + 1, [...scores]];
  }
  return { activity: counted(spikes, executed), input, spikes, membranes, executed, scores: final };
}

// Spikes of every neuron of the hidden layers in the steps that are run.
function counted(spikes, executed) {
  return layers.slice(0, -1).map((layer, k) => {
    const found = new Uint16Array(layer.outputs);
    for (let t = 0; t < executed; t++) for (let j = 0; j < layer.outputs; j++) found[j] += spikes[k][t * layer.outputs + j];
    return found;
  });
}

// What came with the page of a sample, as ``run`` gives it.
function unpack(sample) {
  sample.spikes = sample.spikes.map((text, k) => {
    const packed = bytes(text);
    return Uint8Array.from({ length: spiking.steps * layers[k].outputs }, (_, at) => (packed[at >> 3] >> (7 - (at & 7))) & 1);
  });
  sample.membranes = new Int16Array(bytes(sample.membranes).buffer);
  sample.input = spiking.coding === "direct" ? null : coded(sample.values);
  sample.activity = counted(sample.spikes, sample.executed);
}

function agrees(sample) {
  const own = run(sample.values, 0);
  const same = (a, b) => a.length === b.length && a.every((v, k) => v === b[k]);
  return sample.top.every(([k, score]) => own.scores[k] === score) && own.executed === sample.executed
    && same(sample.membranes, own.membranes) && sample.spikes.every((part, k) => same(part, own.spikes[k]));
}

if (spiking) {
  for (const mean of data.means) mean.values = bytes(mean.x);
  for (const sample of [...data.means, ...samples]) if (sample.spikes) unpack(sample);
  Object.assign(law, { run, agrees });
}
Object.assign(law, { spiking, most: spiking ? spiking.steps : 255 }); // most: what a hidden neuron's activity can be
