/* cut_u8: drops the `cut` lowest bits of every input byte, for networks that read fewer bits. */
void nearwire_cut_u8(const uint8_t *input, uint32_t inputs, uint32_t cut, uint8_t *output);

