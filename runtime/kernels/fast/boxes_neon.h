/* Corners, sums and the table of boxes_s8 for AArch64. */
typedef const uint16_t *fast_corner; /* a cell of the table */

static inline fast_corner fast_corner_at(const nearwire_boxes_cell *table, uint32_t place)
{
    return (fast_corner)(const void *)(table + place);
}

static inline size_t fast_synapse(uint32_t neuron, uint32_t synapse, uint32_t count)
{
    return ((size_t)(neuron / 8u) * count + synapse) * 8u + neuron % 8u;
}

#define FAST_LOOK_UP(lane)                                           \
    do {                                                             \
        a = vld1q_lane_u16(corner[4 * (lane)], a, lane);             \
        b = vld1q_lane_u16(corner[4 * (lane) + 1], b, lane);         \
        c = vld1q_lane_u16(corner[4 * (lane) + 2], c, lane);         \
        d = vld1q_lane_u16(corner[4 * (lane) + 3], d, lane);         \
    } while (0)

/* Eight neurons at a time: a corner each is one load into its lane. The sum of (charge + 64) * held, less 64 * the sum of what is held. */
static void fast_boxes_sums(const fast_plan *plan, const nearwire_boxes_cell *table)
{
    const fast_corner *corner = plan->corners;
    const uint16_t *charge = (const uint16_t *)(const void *)plan->weights;
    uint32_t j;
    (void)table;
    for (j = 0; j < plan->outputs; j += 8u) {
        uint32x4_t low = vdupq_n_u32(0);
        uint32x4_t high = vdupq_n_u32(0);
        uint32x4_t low_held = vdupq_n_u32(0);
        uint32x4_t high_held = vdupq_n_u32(0);
        uint32_t left = plan->inputs;
        do {
            uint16x8_t a = vdupq_n_u16(0);
            uint16x8_t b = vdupq_n_u16(0);
            uint16x8_t c = vdupq_n_u16(0);
            uint16x8_t d = vdupq_n_u16(0);
            uint16x8_t charges = vld1q_u16(charge);
            FAST_LOOK_UP(0);
            FAST_LOOK_UP(1);
            FAST_LOOK_UP(2);
            FAST_LOOK_UP(3);
            FAST_LOOK_UP(4);
            FAST_LOOK_UP(5);
            FAST_LOOK_UP(6);
            FAST_LOOK_UP(7);
            d = vaddq_u16(vsubq_u16(d, c), vsubq_u16(a, b));
            low = vmlal_u16(low, vget_low_u16(d), vget_low_u16(charges));
            high = vmlal_high_u16(high, d, charges);
            low_held = vaddw_u16(low_held, vget_low_u16(d));
            high_held = vaddw_high_u16(high_held, d);
            corner += 32;
            charge += 8;
        } while (--left > 0u);
        low = vsubq_u32(low, vshlq_n_u32(low_held, 6));
        high = vsubq_u32(high, vshlq_n_u32(high_held, 6));
        vst1q_s32(plan->sums + j, vaddq_s32(vreinterpretq_s32_u32(low), vld1q_s32(plan->start + j)));
        vst1q_s32(plan->sums + j + 4, vaddq_s32(vreinterpretq_s32_u32(high), vld1q_s32(plan->start + j + 4)));
    }
}

static void fast_boxes_table(const uint8_t *input, uint32_t stride, uint32_t rows, uint32_t columns, uint32_t cut, nearwire_boxes_cell *table)
{
    const nearwire_boxes_cell *above = table;
    nearwire_boxes_cell *at = table + columns + 1u;
    const int16x8_t drop = vdupq_n_s16((int16_t)(0 - (int32_t)cut));
    const uint16x8_t zero = vdupq_n_u16(0);
    for (; rows > 0u; rows--) {
        uint16x8_t row = zero;
        uint32_t left = columns;
        uint32_t last;
        at++;
        above++;
        for (; left >= 8u; left -= 8u, input += 8, at += 8, above += 8) {
            uint16x8_t sum = vshlq_u16(vmovl_u8(vld1_u8(input)), drop);
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 7));
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 6));
            sum = vaddq_u16(sum, vextq_u16(zero, sum, 4));
            sum = vaddq_u16(sum, row);
            row = vdupq_laneq_u16(sum, 7);
            vst1q_u16((uint16_t *)(void *)at, vaddq_u16(sum, vld1q_u16((const uint16_t *)(const void *)above)));
        }
        last = vgetq_lane_u16(row, 0);
        for (; left > 0u; left--) {
            last += (uint32_t)*input++ >> cut;
            *at++ = (nearwire_boxes_cell)(last + *above++);
        }
        input += stride - columns;
    }
}
