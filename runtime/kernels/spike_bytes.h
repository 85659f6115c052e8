
/* bytes[i] = 1 where i is an event, else 0: what a kernel that reads all inputs, spikes or not, is given. */
void nearwire_spike_bytes(const nearwire_event *events, uint32_t count, uint8_t *bytes, uint32_t inputs);
