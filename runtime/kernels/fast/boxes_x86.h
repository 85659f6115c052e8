/* Corners, sums and the table of boxes_s8 for x86-64. */
typedef uint16_t fast_corner; /* a place in the table */

static inline fast_corner fast_corner_at(const nearwire_boxes_cell *table, uint32_t place)
{
    (void)table;
    return (fast_corner)place;
}

static inline size_t fast_synapse(uint32_t neuron, uint32_t synapse, uint32_t count)
{
    return (size_t)neuron * count + synapse;
}

/* Look-ups one by one: cores do two or three a cycle, and gathers are no faster. */
static void fast_boxes_sums(const fast_plan *plan, const nearwire_boxes_cell *table)
{
    const fast_corner *corner = plan->corners;
    const uint16_t *charge = (const uint16_t *)(const void *)plan->weights;
    uint32_t j;
    for (j = 0; j < plan->outputs; j++) {
        int32_t sum = plan->start[j];
        uint32_t left = plan->inputs;
        do {
            const uint32_t held = (nearwire_boxes_cell)((uint32_t)table[corner[3]] - table[corner[2]] - table[corner[1]] + table[corner[0]]);
            sum += (int32_t)held * ((int32_t)*charge++ - 64);
            corner += 4;
        } while (--left > 0u);
        plan->sums[j] = sum;
    }
}

/* Eight cells of a row at a time: three steps of shifting and adding make their running sums. */
static void fast_boxes_table(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    const nearwire_boxes_cell *above = table;
    nearwire_boxes_cell *at = table + columns + 1u;
    const __m128i drop = _mm_cvtsi32_si128((int)cut);
    for (; rows > 0u; rows--) {
        __m128i row = _mm_setzero_si128();
        uint32_t left = columns;
        uint32_t last;
        at++;
        above++;
        for (; left >= 8u; left -= 8u, input += 8, at += 8, above += 8) {
            __m128i sum = _mm_unpacklo_epi8(_mm_loadl_epi64((const __m128i *)(const void *)input), _mm_setzero_si128());
            sum = _mm_srl_epi16(sum, drop);
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 2));
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 4));
            sum = _mm_add_epi16(sum, _mm_slli_si128(sum, 8));
            sum = _mm_add_epi16(sum, row);
            row = _mm_shufflehi_epi16(sum, 0xff);
            row = _mm_unpackhi_epi64(row, row);
            _mm_storeu_si128((__m128i *)(void *)at, _mm_add_epi16(sum, _mm_loadu_si128((const __m128i *)(const void *)above)));
        }
        last = (uint32_t)_mm_extract_epi16(row, 0);
        for (; left > 0u; left--) {
            last += (uint32_t)*input++ >> cut;
            *at++ = (nearwire_boxes_cell)(last + *above++);
        }
        input += stride - columns;
    }
}
