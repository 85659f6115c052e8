
/* Weights that come from positions: w_ji = sign_i * table[code], with the squared distance of sender i and receiver j in position steps,
 *     d2 = gap2 + sum over the axes of (sender - receiver)^2,      w_ji = 0 where d2 > cutoff2
 * and its code: exponent and `m` leading bits, counted from the code of the table's first entry. d2 is at least 1 and at most 2^31.
 * Positions lie axis by axis, neuron by neuron; bit i % 8 of signs[i / 8] is 1 where sender i is inhibitory. */

/* What `geometry` holds. */
enum {
    NEARWIRE_DISTANCES_GAP2,
    NEARWIRE_DISTANCES_CUTOFF2,
    NEARWIRE_DISTANCES_SHIFT,  /* 31 - m */
    NEARWIRE_DISTANCES_STEP,   /* 2^m */
    NEARWIRE_DISTANCES_FIRST   /* 30 * 2^m - the code of the table's first entry, modulo 2^32 */
};

static inline uint32_t nearwire_leading_zeros(uint32_t value)
{
#if defined(__ARM_FEATURE_CLZ) || defined(__x86_64__) || defined(__aarch64__) || defined(__riscv_zbb)
    return (uint32_t)__builtin_clz(value);
#else
    uint32_t zeros = 0;
    if ((value >> 16) == 0u) {
        zeros += 16u;
        value <<= 16;
    }
    if ((value >> 24) == 0u) {
        zeros += 8u;
        value <<= 8;
    }
    if ((value >> 28) == 0u) {
        zeros += 4u;
        value <<= 4;
    }
    if ((value >> 30) == 0u) {
        zeros += 2u;
        value <<= 2;
    }
    return zeros + 1u - (value >> 31);
#endif
}

/* |w| of a squared distance within the cutoff. */
static inline int32_t nearwire_distance_weight(uint32_t d2, uint32_t shift, uint32_t step, uint32_t first, const int8_t *table)
{
    const uint32_t zeros = nearwire_leading_zeros(d2);
    return table[((d2 << zeros) >> shift) - zeros * step + first];
}

/* gap2 + the squared distance of two positions. */
static inline uint32_t nearwire_squared_distance(const int8_t *a, const int8_t *b, uint32_t axes, uint32_t gap2)
{
    do {
        const int32_t d = (int32_t)*a++ - *b++;
        gap2 += (uint32_t)(d * d);
    } while (--axes > 0u);
    return gap2;
}
