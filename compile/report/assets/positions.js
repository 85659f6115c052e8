// Layers whose neurons have positions: squared distances, and the weights that follow from them (runtime/network/kinds/spatial.py).
const { data, bytes } = globalThis.nearwire;

const integers = (text) => { const raw = bytes(text); return new Int16Array(raw.buffer, 0, raw.length / 2); };
for (const layer of data.map.layers.filter((one) => one.form === "space")) {
  layer.table = new Int8Array(bytes(layer.table).buffer);
  layer.sender = integers(layer.sender);
  layer.receiver = integers(layer.receiver);
  layer.sign = new Int8Array(bytes(layer.sign).buffer);
}

// Squared distance between a sender and a receiver of a layer, in steps.
function distance2(layer, receiver, sender) {
  let sum = layer.gap2;
  for (let k = 0; k < layer.coordinates; k++) {
    const step = layer.receiver[receiver * layer.coordinates + k] - layer.sender[sender * layer.coordinates + k];
    sum += step * step;
  }
  return sum;
}

// The (outputs * inputs) weights of a layer: its table by the code of the squared distance (runtime/network/law.py), those longer than -least left out.
function matrix(layer, least) {
  const receivers = layer.receiver.length / layer.coordinates, senders = layer.sign.length;
  const found = new Int8Array(receivers * senders), limit = Math.min(layer.cutoff2 ?? Infinity, -least), m = layer.mantissa_bits;
  for (let j = 0; j < receivers; j++) {
    for (let i = 0; i < senders; i++) {
      const d2 = distance2(layer, j, i);
      if (d2 > limit) continue;
      const held = Math.max(d2, 1), exponent = 31 - Math.clz32(held);
      const fraction = (exponent >= m ? held >> (exponent - m) : held << (m - exponent)) - (1 << m);
      const code = Math.min(Math.max(((exponent << m) | fraction) - layer.code_base, 0), layer.table.length - 1);
      found[j * senders + i] = layer.table[code] * layer.sign[i];
    }
  }
  return found;
}

globalThis.nearwire.positions = { distance2, matrix };
