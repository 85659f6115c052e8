/* Variants for AArch64; see fast.c. NEON is in every core; the dot product is asked for when the program runs. */
#include <arm_neon.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#define FAST_HWCAP_ASIMDDP (1u << 20)
#if defined(__ARM_FEATURE_DOTPROD)
#define DOTPROD
#elif defined(__clang__)
#define DOTPROD __attribute__((target("dotprod")))
#else
#define DOTPROD __attribute__((target("arch=armv8.2-a+dotprod")))
#endif

static int32_t fast_ask(void)
{
#if defined(__linux__)
    return (getauxval(AT_HWCAP) & FAST_HWCAP_ASIMDDP) != 0u ? 2 : 1;
#else
    return 1;
#endif
}

/* Chunks of 16 inputs, read as input - 128. Dot product: blocks of 16 outputs, in a block chunk by chunk, in a chunk by fours of inputs, each
 * output's four weights beside each other. Without: blocks of 4 outputs, each output's chunk beside the next one's; chunks by fours where
 * there are four, so that an output's 64 weights are one load. */
#define FAST_LONGEST 16u
#define FAST_ZERO 128

static inline uint32_t fast_chunk(int32_t level)
{
    (void)level;
    return 16u;
}

static inline size_t fast_place(int32_t level, uint32_t chunks, uint32_t output, uint32_t input)
{
    const uint32_t chunk = input / 16u;
    const uint32_t lane = input % 16u;
    if (level >= 2) {
        return ((size_t)(output / 16u) * chunks + chunk) * 256u + (lane / 4u) * 64u + (output % 16u) * 4u + lane % 4u;
    }
    if (chunk < (chunks - 1u) / 4u * 4u) {
        return ((size_t)(output / 4u) * chunks + chunk / 4u * 4u) * 64u + (output % 4u) * 64u + (chunk % 4u) * 16u + lane;
    }
    return ((size_t)(output / 4u) * chunks + chunk) * 64u + (output % 4u) * 16u + lane;
}

static inline int8x16_t fast_sixteen(const uint8_t *input)
{
    return vreinterpretq_s8_u8(veorq_u8(vld1q_u8(input), vdupq_n_u8(128)));
}

#define FAST_LANES(g)                                           \
    do {                                                        \
        const int8x16x4_t w = vld1q_s8_x4(weights + 64 * (g));  \
        s0 = vdotq_laneq_s32(s0, w.val[0], x, g);               \
        s1 = vdotq_laneq_s32(s1, w.val[1], x, g);               \
        s2 = vdotq_laneq_s32(s2, w.val[2], x, g);               \
        s3 = vdotq_laneq_s32(s3, w.val[3], x, g);               \
    } while (0)

static DOTPROD void fast_sums_dot(const fast_plan *plan, const uint8_t *input)
{
    const uint8_t *const last = plan->inputs < 16u ? input : input + plan->inputs - 16u;
    const uint32_t chunks = (plan->inputs + 15u) / 16u;
    const int8_t *weights = plan->weights;
    uint32_t j;
    for (j = 0; j < plan->outputs; j += 16u) {
        int32x4_t s0 = vld1q_s32(plan->start + j);
        int32x4_t s1 = vld1q_s32(plan->start + j + 4);
        int32x4_t s2 = vld1q_s32(plan->start + j + 8);
        int32x4_t s3 = vld1q_s32(plan->start + j + 12);
        const uint8_t *at = input;
        uint32_t left = chunks;
        int8x16_t x;
        for (; left > 1u; left--, at += 16, weights += 256) {
            x = fast_sixteen(at);
            FAST_LANES(0);
            FAST_LANES(1);
            FAST_LANES(2);
            FAST_LANES(3);
        }
        x = fast_sixteen(last);
        FAST_LANES(0);
        FAST_LANES(1);
        FAST_LANES(2);
        FAST_LANES(3);
        weights += 256;
        vst1q_s32(plan->sums + j, s0);
        vst1q_s32(plan->sums + j + 4, s1);
        vst1q_s32(plan->sums + j + 8, s2);
        vst1q_s32(plan->sums + j + 12, s3);
    }
}

/* Four products of -128..127 and -63..63 fit 16 bits. */
static inline int32x4_t fast_sixty_four(int32x4_t sum, int8x16x4_t x, const int8_t *weights)
{
    const int8x16x4_t w = vld1q_s8_x4(weights);
    int16x8_t low = vmull_s8(vget_low_s8(x.val[0]), vget_low_s8(w.val[0]));
    int16x8_t high = vmull_high_s8(x.val[0], w.val[0]);
    low = vmlal_s8(low, vget_low_s8(x.val[1]), vget_low_s8(w.val[1]));
    high = vmlal_high_s8(high, x.val[1], w.val[1]);
    low = vmlal_s8(low, vget_low_s8(x.val[2]), vget_low_s8(w.val[2]));
    high = vmlal_high_s8(high, x.val[2], w.val[2]);
    low = vmlal_s8(low, vget_low_s8(x.val[3]), vget_low_s8(w.val[3]));
    high = vmlal_high_s8(high, x.val[3], w.val[3]);
    return vpadalq_s16(vpadalq_s16(sum, low), high);
}

/* Two products are 16129 at most. */
static inline int32x4_t fast_one_chunk(int32x4_t sum, int8x16_t x, int8x16_t w)
{
    const int16x8_t both = vmlal_high_s8(vmull_s8(vget_low_s8(x), vget_low_s8(w)), x, w);
    return vpadalq_s16(sum, both);
}

static void fast_sums_plain(const fast_plan *plan, const uint8_t *input)
{
    const uint8_t *const last = plan->inputs < 16u ? input : input + plan->inputs - 16u;
    const uint32_t chunks = (plan->inputs + 15u) / 16u;
    const int8_t *weights = plan->weights;
    uint32_t j;
    for (j = 0; j < plan->outputs; j += 4u) {
        int32x4_t s0 = vdupq_n_s32(0);
        int32x4_t s1 = vdupq_n_s32(0);
        int32x4_t s2 = vdupq_n_s32(0);
        int32x4_t s3 = vdupq_n_s32(0);
        const uint8_t *at = input;
        uint32_t left = chunks;
        for (; left > 4u; left -= 4u, at += 64, weights += 256) {
            int8x16x4_t x;
            x.val[0] = fast_sixteen(at);
            x.val[1] = fast_sixteen(at + 16);
            x.val[2] = fast_sixteen(at + 32);
            x.val[3] = fast_sixteen(at + 48);
            s0 = fast_sixty_four(s0, x, weights);
            s1 = fast_sixty_four(s1, x, weights + 64);
            s2 = fast_sixty_four(s2, x, weights + 128);
            s3 = fast_sixty_four(s3, x, weights + 192);
        }
        for (; left > 0u; left--, at += 16, weights += 64) {
            const int8x16_t x = fast_sixteen(left > 1u ? at : last);
            const int8x16x4_t w = vld1q_s8_x4(weights);
            s0 = fast_one_chunk(s0, x, w.val[0]);
            s1 = fast_one_chunk(s1, x, w.val[1]);
            s2 = fast_one_chunk(s2, x, w.val[2]);
            s3 = fast_one_chunk(s3, x, w.val[3]);
        }
        s0 = vpaddq_s32(vpaddq_s32(s0, s1), vpaddq_s32(s2, s3));
        vst1q_s32(plan->sums + j, vaddq_s32(s0, vld1q_s32(plan->start + j)));
    }
}

static inline void fast_sums(const fast_plan *plan, const uint8_t *input)
{
    if (plan->level >= 2) {
        fast_sums_dot(plan, input);
    } else {
        fast_sums_plain(plan, input);
    }
}

/* Whole eights of outputs; returns how many. */
static uint32_t fast_requantise(const fast_plan *plan, uint8_t *output)
{
    uint32_t j;
    for (j = 0; j + 8u <= plan->outputs; j += 8u) {
        const int32x4_t low = vshlq_s32(vld1q_s32(plan->sums + j), vnegq_s32(vld1q_s32(plan->shift + j)));
        const int32x4_t high = vshlq_s32(vld1q_s32(plan->sums + j + 4), vnegq_s32(vld1q_s32(plan->shift + j + 4)));
        vst1_u8(output + j, vqmovn_u16(vcombine_u16(vqmovun_s32(low), vqmovun_s32(high))));
    }
    return j;
}
