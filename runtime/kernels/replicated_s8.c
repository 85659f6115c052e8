#include "nearwire.h"

/* Keeps a compiler from trading a pointer that steps along for several indices, which cost registers and instructions. */
#if defined(__GNUC__)
#define NEARWIRE_REPLICATED_KEEP(value) __asm__("" : "+r"(value))
#else
#define NEARWIRE_REPLICATED_KEEP(value) ((void)0)
#endif

#if defined(__ARM_FEATURE_DSP) && !defined(__ARM_BIG_ENDIAN) && !defined(NEARWIRE_REPLICATED_WIDE)
#define NEARWIRE_REPLICATED_PAIRS
#include <arm_acle.h>
#endif

static void nearwire_replicated_s8_copy(const nearwire_replicated_word *from, const nearwire_replicated_word *end, nearwire_replicated_word *to)
{
    do {
        *to++ = *from++;
    } while (from != end);
}

/* Fills the band from the row that starts at `start`, which belongs to row `y` of the input; returns y behind the band. The band's first
 * row may hold anything: whatever a column starts with, differences do not see. Cells left of the input stay zero. */
static NEARWIRE_NOINLINE uint32_t nearwire_replicated_s8_band(const uint8_t *input, uint32_t cut, const uint16_t *geometry,
                                                           nearwire_replicated_word *start, const nearwire_replicated_word *end, uint32_t y)
{
    do {
        const uint32_t words = geometry[NEARWIRE_REPLICATED_WORDS];
        NEARWIRE_REPLICATED_KEEP(geometry);
        if (y < geometry[NEARWIRE_REPLICATED_ROWS]) {
            const uint8_t *from = input + y * geometry[NEARWIRE_REPLICATED_WIDTH];
#ifdef NEARWIRE_REPLICATED_CELLWISE
            const uint8_t *row = from;
            const uint32_t cellwise = geometry[NEARWIRE_REPLICATED_CHANNELS] >> 15;
            const uint32_t step = cellwise != 0u ? geometry[NEARWIRE_REPLICATED_CHANNELS] & 0x7fffu : 1u;
#else
            const uint32_t step = 1;
#endif
            uint16_t *line = (uint16_t *)start;
#ifdef NEARWIRE_REPLICATED_CELLWISE
            uint32_t channels = geometry[NEARWIRE_REPLICATED_CHANNELS] & 0x7fffu;
#else
            uint32_t channels = geometry[NEARWIRE_REPLICATED_CHANNELS];
#endif
            do {
                uint16_t *at = line + geometry[NEARWIRE_REPLICATED_START];
                const uint8_t *const stop = from + geometry[NEARWIRE_REPLICATED_COLUMNS] * step;
                uint32_t more = geometry[NEARWIRE_REPLICATED_RIGHT];
                uint32_t sum = 0;
                NEARWIRE_REPLICATED_KEEP(geometry);
                line += geometry[NEARWIRE_REPLICATED_CELLS];
                for (;;) {
                    if (from != stop) {
                        sum += NEARWIRE_REPLICATED_VALUE(*from, cut);
                        from += step;
                    } else if (more-- == 0u) {
                        break;
                    }
                    *at = (uint16_t)(*(at - 2u * words) + sum);
                    at += geometry[NEARWIRE_REPLICATED_APART];
                    if (at >= line) {
                        at -= geometry[NEARWIRE_REPLICATED_CELLS] - 1u;
                    }
                }
                from += geometry[NEARWIRE_REPLICATED_BETWEEN];
#ifdef NEARWIRE_REPLICATED_CELLWISE
                if (cellwise != 0u) {
                    from = ++row;
                }
#endif
            } while (--channels > 0u);
        } else {
            nearwire_replicated_s8_copy(start - words, start, start);
        }
        start += words;
        y++;
    } while (start != end);
    return y;
}

/* Adds charge * (sum over the rectangle) to the sums of a row of positions: in pairs, or one by one. */
static inline void nearwire_replicated_s8_row(const uint16_t *top, const uint16_t *bottom, int32_t width, int32_t charge, int32_t *sum,
                                           const int32_t *end)
{
#if defined(__thumb__) && !defined(__thumb2__) /* eight registers */
    do {
        uint32_t box = *top;
        NEARWIRE_REPLICATED_KEEP(top);
        NEARWIRE_REPLICATED_KEEP(bottom);
        NEARWIRE_REPLICATED_KEEP(sum);
        box -= top[width];
        NEARWIRE_REPLICATED_KEEP(box);
        box -= *bottom;
        NEARWIRE_REPLICATED_KEEP(box);
        box += bottom[width];
        *sum += NEARWIRE_REPLICATED_BOX(box) * charge;
        top++;
        bottom++;
        sum++;
    } while (sum != end);
#else
    const uint16_t *top_right = top + width;
    const uint16_t *bottom_right = bottom + width;
    do {
        NEARWIRE_REPLICATED_KEEP(top);
        NEARWIRE_REPLICATED_KEEP(top_right);
        NEARWIRE_REPLICATED_KEEP(bottom);
        NEARWIRE_REPLICATED_KEEP(bottom_right);
        NEARWIRE_REPLICATED_KEEP(sum);
#ifdef NEARWIRE_REPLICATED_PAIRS
        {
            uint32_t a, b, c, d;
            __builtin_memcpy(&a, top, 4);
            __builtin_memcpy(&b, top_right, 4);
            __builtin_memcpy(&c, bottom, 4);
            __builtin_memcpy(&d, bottom_right, 4);
            top += 2;
            top_right += 2;
            bottom += 2;
            bottom_right += 2;
            a = __uadd16(__usub16(a, b), __usub16(d, c));
            sum[0] = __smlabb((int32_t)a, charge, sum[0]);
            sum[1] = __smlatb((int32_t)a, charge, sum[1]);
            sum += 2;
        }
#else
        *sum += NEARWIRE_REPLICATED_BOX((uint32_t)*top++ - *top_right++ - *bottom++ + *bottom_right++) * charge;
        sum++;
#endif
    } while (sum != end);
#endif
}

/* The sums of one prototype at all positions of `rows` rows, added to `sums`; returns the next prototype. */
static NEARWIRE_NOINLINE const uint32_t *nearwire_replicated_s8_sums(const uint16_t *table, const uint16_t *geometry, const uint32_t *synapses,
                                                                  int32_t *sums, uint32_t rows)
{
    const uint32_t *const last = synapses + geometry[NEARWIRE_REPLICATED_SYNAPSES];
    do {
        const uint32_t word = *synapses++;
        const uint32_t pitch = 2u * geometry[NEARWIRE_REPLICATED_WORDS];
        const uint32_t left = geometry[NEARWIRE_REPLICATED_PLACES + ((word >> 7) & 15u)];
        const int32_t width = (int32_t)geometry[NEARWIRE_REPLICATED_PLACES + ((word >> 11) & 15u)] - (int32_t)left;
        const int32_t charge = (int32_t)((word & 127u) ^ 64u) - 64;
        const uint16_t *top = table + (word >> 24) * geometry[NEARWIRE_REPLICATED_CELLS] + ((word >> 15) & 15u) * pitch + left;
        uint32_t height = ((word >> 19) & 15u) * pitch;
        int32_t *sum = sums;
        uint32_t more = rows;
        NEARWIRE_REPLICATED_KEEP(height);
        do {
            int32_t *const next = sum + geometry[NEARWIRE_REPLICATED_LINE];
            NEARWIRE_REPLICATED_KEEP(top);
#ifdef NEARWIRE_REPLICATED_PAIRS
            nearwire_replicated_s8_row(top, top + height, width, charge, sum, next);
#else
            nearwire_replicated_s8_row(top, top + height, width, charge, sum, sum + geometry[NEARWIRE_REPLICATED_LENGTH]);
#endif
            sum = next;
            top += geometry[NEARWIRE_REPLICATED_STEP];
        } while (--more > 0u);
    } while (synapses != last);
    return synapses;
}

#ifdef NEARWIRE_REPLICATED_MEAN
/* A row of outputs: the mean of each window's requantised sums. The sums are zero afterwards. */
static NEARWIRE_NOINLINE void nearwire_replicated_s8_mean(int32_t *sums, const uint16_t *geometry, uint32_t rows, uint32_t bias, uint8_t *output)
{
    const int32_t *const end = sums + geometry[NEARWIRE_REPLICATED_LENGTH];
    const uint32_t shift = geometry[NEARWIRE_REPLICATED_POOL_ROWS] >> 8;
    const int32_t first = nearwire_packed_bias(bias, sizeof(NEARWIRE_REPLICATED_BIAS));
    bias = nearwire_packed_shift(bias, sizeof(NEARWIRE_REPLICATED_BIAS));
    do {
        const uint32_t left = (uint32_t)(end - sums);
        const uint32_t columns = left < geometry[NEARWIRE_REPLICATED_POOL_COLUMNS] ? left : geometry[NEARWIRE_REPLICATED_POOL_COLUMNS];
        uint32_t total = (1u << shift) >> 1;
        int32_t *line = sums;
        uint32_t more = rows;
        do {
            int32_t *at = line;
            do {
                const int32_t sum = *at;
                *at++ = 0;
                NEARWIRE_REPLICATED_KEEP(at);
                total += nearwire_requantise(sum + first, bias);
            } while (at != line + columns);
            line += geometry[NEARWIRE_REPLICATED_LINE];
        } while (--more > 0u);
        *output++ = (uint8_t)(total >> shift);
        sums += columns;
    } while (sums != end);
}
#endif

#ifndef NEARWIRE_REPLICATED_MEAN_ONLY
/* A row of outputs: the largest sum of each window, requantised. The sums are zero afterwards. */
static NEARWIRE_NOINLINE void nearwire_replicated_s8_pool(int32_t *sums, const uint16_t *geometry, uint32_t rows, uint32_t bias, uint8_t *output)
{
    const int32_t *const end = sums + geometry[NEARWIRE_REPLICATED_LENGTH];
    do {
        const uint32_t left = (uint32_t)(end - sums);
        const uint32_t columns = left < geometry[NEARWIRE_REPLICATED_POOL_COLUMNS] ? left : geometry[NEARWIRE_REPLICATED_POOL_COLUMNS];
        int32_t best = INT32_MIN;
        int32_t *line = sums;
        uint32_t more = rows;
        do {
            int32_t *at = line;
            do {
                const int32_t sum = *at;
                *at++ = 0;
                NEARWIRE_REPLICATED_KEEP(at);
                best = sum > best ? sum : best;
            } while (at != line + columns);
            line += geometry[NEARWIRE_REPLICATED_LINE];
        } while (--more > 0u);
        *output++ = nearwire_requantise_packed(best, bias, sizeof(NEARWIRE_REPLICATED_BIAS));
        sums += columns;
    } while (sums != end);
}
#endif

#ifndef NEARWIRE_REPLICATED_MEAN
#define NEARWIRE_REPLICATED_POOL(geometry) nearwire_replicated_s8_pool
#elif defined(NEARWIRE_REPLICATED_MEAN_ONLY)
#define NEARWIRE_REPLICATED_POOL(geometry) nearwire_replicated_s8_mean
#else
#define NEARWIRE_REPLICATED_POOL(geometry) \
    ((geometry)[NEARWIRE_REPLICATED_POOL_ROWS] > 255u ? nearwire_replicated_s8_mean : nearwire_replicated_s8_pool)
#endif

void nearwire_replicated_s8(const uint8_t *input, uint32_t cut, nearwire_replicated_word *scratch, const uint16_t *geometry,
                            const uint32_t *synapses, const NEARWIRE_REPLICATED_BIAS *bias, uint32_t prototypes, uint8_t *output)
{
    nearwire_replicated_word *const table = scratch + geometry[NEARWIRE_REPLICATED_SUMS];
    uint32_t positions = geometry[NEARWIRE_REPLICATED_POSITIONS];
    uint32_t filled = geometry[NEARWIRE_REPLICATED_WORDS];
    uint32_t y = 0u - geometry[NEARWIRE_REPLICATED_ABOVE];
    for (;;) {
#ifdef NEARWIRE_REPLICATED_MEAN
        const uint32_t pool = geometry[NEARWIRE_REPLICATED_POOL_ROWS] & 255u;
#else
        const uint32_t pool = geometry[NEARWIRE_REPLICATED_POOL_ROWS];
#endif
        const uint32_t rows = positions < pool ? positions : pool;
        const uint32_t *from = synapses;
        uint8_t *to = output;
        uint32_t p;
        y = nearwire_replicated_s8_band(input, cut, geometry, table + filled, table + geometry[NEARWIRE_REPLICATED_BAND], y);
        for (p = 0; p < prototypes; p++) {
            from = nearwire_replicated_s8_sums((const uint16_t *)table, geometry, from, &scratch->sum, rows);
            NEARWIRE_REPLICATED_POOL(geometry)(&scratch->sum, geometry, rows, bias[p], to);
            to += geometry[NEARWIRE_REPLICATED_OUTPUTS];
        }
        positions -= rows;
        if (positions == 0u) {
            return;
        }
        filled = geometry[NEARWIRE_REPLICATED_KEPT];
        nearwire_replicated_s8_copy(table + (geometry[NEARWIRE_REPLICATED_BAND] - filled), table + geometry[NEARWIRE_REPLICATED_BAND], table);
        y += geometry[NEARWIRE_REPLICATED_LEFT_OUT];
        output += geometry[NEARWIRE_REPLICATED_ACROSS];
    }
}
