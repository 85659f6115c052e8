
/* Sums of a layer that reads spikes: bias and the weights of the inputs that came, so the work is proportional to the events. `weights` holds,
 * input by input, w + 64 in bytes, four neurons a word: neurons 0, 2, 1, 3 from the low byte up, the last ones filled up with 64. */
void nearwire_events_s8_scores(const nearwire_event *events, uint32_t count, const uint32_t *weights, const int32_t *bias, uint32_t outputs,
                               int32_t *scores);
