/* Weight matrices of any format as one layout: see fast.c. A format is unpacked by a function that calls fast_set for every weight. */
#define FAST_LARGEST (64u << 20) /* bytes of one expanded matrix */
#define FAST_SPARSEST 24u        /* a matrix with fewer than one weight in so many is faster entry by entry */

/* A matrix being unpacked: first counted (weights NULL), then stored, output by output. */
typedef struct {
    int8_t *weights;
    uint32_t inputs;
    uint32_t outputs;
    uint32_t count; /* weights that are not zero */
} fast_matrix;

static inline void fast_set(fast_matrix *matrix, uint32_t output, uint32_t input, int32_t weight)
{
    if (weight == 0 || output >= matrix->outputs) {
        return;
    }
    if (matrix->weights == NULL) {
        matrix->count++;
        matrix->inputs = input >= matrix->inputs ? input + 1u : matrix->inputs;
    } else {
        matrix->weights[(size_t)output * matrix->inputs + input] = (int8_t)weight;
    }
}

/* The layer's weights in the order of fast_place. Chunks are FAST_CHUNK inputs; the last one of a row ends with the row, so it holds zeros for
 * what the chunk before it has; nothing behind the input is ever read. */
static int8_t *fast_laid_out(const fast_matrix *matrix, fast_plan *plan)
{
    const uint32_t chunk = fast_chunk(plan->level);
    const uint32_t chunks = (matrix->inputs + chunk - 1u) / chunk;
    const uint32_t last = (chunks - 1u) * chunk;
    const uint32_t moved = matrix->inputs < chunk ? 0u : last - (matrix->inputs - chunk); /* by how much the last chunk starts earlier */
    const size_t room = (size_t)chunks * chunk * ((matrix->outputs + 63u) & ~63u);
    int8_t *const place = room <= FAST_LARGEST ? fast_memory(room) : NULL;
    uint32_t i;
    uint32_t j;
    if (place == NULL) {
        return NULL;
    }
    for (j = 0; j < matrix->outputs; j++) {
        int32_t total = 0;
        for (i = 0; i < matrix->inputs; i++) {
            const int8_t weight = matrix->weights[(size_t)j * matrix->inputs + i];
            place[fast_place(plan->level, chunks, j, i < last ? i : i + moved)] = weight;
            total += weight;
        }
        plan->start[j] += FAST_ZERO * total; /* inputs are read as input - FAST_ZERO */
    }
    return place;
}

typedef void fast_unpack(fast_matrix *matrix, const void *const *from, uint32_t inputs);

/* Fills the plan's weights, or leaves it to the portable kernel. */
static void fast_expand(fast_plan *plan, uint32_t inputs, fast_unpack *unpack, const void *const *from)
{
    fast_matrix matrix = {NULL, 0u, plan->outputs, 0u};
    size_t bytes;
    unpack(&matrix, from, inputs);
    bytes = (size_t)matrix.inputs * matrix.outputs;
    plan->inputs = matrix.inputs;
    if (matrix.inputs == 0u || bytes > FAST_LARGEST || matrix.count < bytes / FAST_SPARSEST) {
        return;
    }
    matrix.weights = fast_memory(bytes);
    if (matrix.weights == NULL) {
        return;
    }
    unpack(&matrix, from, inputs);
    plan->weights = fast_laid_out(&matrix, plan);
    free(matrix.weights);
}

static inline fast_plan *fast_matrix_plan(const void *bias, uint32_t packed, uint32_t outputs, const uint8_t *shift, uint32_t shift_step, uint32_t inputs,
                                          fast_unpack *unpack, const void *const *from)
{
    fast_plan *const plan = fast_new_plan(bias, packed, outputs, shift, shift_step);
    if (plan != NULL) {
        fast_expand(plan, inputs, unpack, from);
    }
    return plan;
}

/* plan->sums = the layer's sums. */
static inline void fast_multiply(const fast_plan *plan, const uint8_t *input)
{
    uint8_t few[FAST_LONGEST] = {0};
    if (plan->inputs < fast_chunk(plan->level)) {
        memcpy(few, input, plan->inputs);
        input = few;
    }
    fast_sums(plan, input);
}

static inline void fast_hidden(const fast_plan *plan, const uint8_t *input, uint8_t *output)
{
    fast_multiply(plan, input);
    fast_finish(plan, output);
}

static inline void fast_last(const fast_plan *plan, const uint8_t *input, int32_t *scores)
{
    fast_multiply(plan, input);
    memcpy(scores, plan->sums, plan->outputs * sizeof *scores);
}

/* 256 * v + w in 16 bits. */
static inline int32_t fast_low(uint32_t half)
{
    return (int8_t)half;
}

static inline int32_t fast_high(uint32_t half)
{
    return ((int16_t)half - (int8_t)half) >> 8;
}

#ifdef FAST_DENSE_S8
static void fast_unpack_dense_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 4u) {
        for (i = 0; i < inputs; i++) {
            const uint32_t w = *word++;
            fast_set(matrix, j, i, (int32_t)(w & 255u) - 64);
            fast_set(matrix, j + 3u, i, (int32_t)((w >> 8) & 255u) - 64);
            fast_set(matrix, j + 2u, i, (int32_t)((w >> 16) & 255u) - 64);
            fast_set(matrix, j + 1u, i, (int32_t)(w >> 24) - 64);
        }
    }
}
#endif

#ifdef FAST_DENSE16_S8
static void fast_unpack_dense16_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 4u) {
        for (i = 0; i < inputs; i += 2u) {
            const uint32_t quads = inputs & ~3u;
            const uint32_t first = i < quads ? (i & ~3u) + (i & 2u) / 2u : i;
            const uint32_t second = first + (i < quads ? 2u : 1u);
            uint32_t k;
            for (k = 0; k < 4u; k += 2u) {
                const uint32_t w = *word++;
                fast_set(matrix, j + k, first, fast_low(w));
                fast_set(matrix, j + k + 1u, first, fast_high(w));
                fast_set(matrix, j + k, second, fast_low(w >> 16));
                fast_set(matrix, j + k + 1u, second, fast_high(w >> 16));
            }
        }
    }
}
#endif

#ifdef FAST_DENSE32_S8
static void fast_unpack_dense32_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 2u) {
        for (i = 0; i < inputs; i += 2u) {
            const uint32_t w = *word++;
            fast_set(matrix, j, i, (int32_t)(w & 255u) - 64);
            fast_set(matrix, j, i + 1u, (int32_t)((w >> 8) & 255u) - 64);
            fast_set(matrix, j + 1u, i, (int32_t)((w >> 16) & 255u) - 64);
            fast_set(matrix, j + 1u, i + 1u, (int32_t)(w >> 24) - 64);
        }
    }
}
#endif

#ifdef FAST_CSR_S8 /* from: counts, columns, weights; inputs: start */
static void fast_unpack_csr_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *const counts = from[0];
    const int8_t *column = from[1];
    const int8_t *weight = from[2];
    uint32_t j;
    for (j = 0; j < matrix->outputs; j++) {
        const uint32_t stride = (uint8_t)*column++;
        uint32_t k;
        for (k = 0; k < 4u * counts[j]; k++) {
            fast_set(matrix, j, (uint32_t)((int32_t)(inputs + k / 4u * stride) + *column++), *weight++);
        }
    }
}
#endif

#ifdef FAST_CSR16_S8 /* from: counts, columns, weights */
static void fast_unpack_csr16_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *const counts = from[0];
    const uint16_t *column = from[1];
    const int8_t *weight = from[2];
    uint32_t j;
    (void)inputs;
    for (j = 0; j < matrix->outputs; j++) {
        uint32_t k;
        for (k = 0; k < 2u * counts[j]; k++) {
            fast_set(matrix, j, *column++, *weight++);
        }
    }
}
#endif

#ifdef FAST_BLOCK4_S8 /* from: counts, columns, blocks; inputs: start */
static void fast_unpack_block4_s8(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint16_t *count = from[0];
    const int8_t *column = from[1];
    const uint32_t *word = from[2];
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 4u) {
        const uint32_t stride = (uint8_t)*column++;
        uint32_t pair;
        for (pair = 0; pair < *count; pair++) {
            uint32_t k;
            for (k = 0; k < 4u; k++) {
                const uint32_t half = word[k / 2u] >> (16u * (k & 1u));
                const uint32_t i = (uint32_t)((int32_t)(inputs + pair * stride) + column[k & 1u]);
                fast_set(matrix, j + (k & ~1u), i, fast_low(half));
                fast_set(matrix, j + (k | 1u), i, fast_high(half));
            }
            column += 2;
            word += 2;
        }
        count++;
    }
}
#endif

#ifdef FAST_COLUMNS_S4 /* from: blocks, pairs */
static void fast_unpack_columns_s4(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *word = from[0];
    const uint8_t *byte = from[1];
    uint32_t i;
    uint32_t j;
    uint32_t k;
    for (j = 0; j + 8u <= matrix->outputs; j += 8u) {
        for (i = 0; i < inputs; i++) {
            const uint32_t w = *word++;
            for (k = 0; k < 4u; k++) {
                fast_set(matrix, j + 2u * k, i, (int32_t)((w >> (4u * k)) & 15u) - 8);
                fast_set(matrix, j + 2u * k + 1u, i, (int32_t)((w >> (16u + 4u * k)) & 15u) - 8);
            }
        }
    }
    for (; j < matrix->outputs; j += 2u) {
        for (i = 0; i < inputs; i++) {
            const int32_t w = *byte++;
            fast_set(matrix, j, i, (w & 15) - 8);
            fast_set(matrix, j + 1u, i, (w >> 4) - 8);
        }
    }
}
#endif

/* Sixteen outputs a word, two bits each: value * scale - zero. */
static inline void fast_unpack_twos(fast_matrix *matrix, const uint32_t *word, uint32_t inputs, int32_t scale, int32_t zero)
{
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j += 16u) {
        for (i = 0; i < inputs; i++) {
            const uint32_t w = *word++;
            uint32_t k;
            for (k = 0; k < 8u; k++) {
                fast_set(matrix, j + 2u * k, i, (int32_t)((w >> (2u * k)) & 3u) * scale - zero);
                fast_set(matrix, j + 2u * k + 1u, i, (int32_t)((w >> (16u + 2u * k)) & 3u) * scale - zero);
            }
        }
    }
}

#ifdef FAST_COLUMNS_S2
static void fast_unpack_columns_s2(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    fast_unpack_twos(matrix, from[0], inputs, 1, 1);
}
#endif

#ifdef FAST_COLUMNS_O2
static void fast_unpack_columns_o2(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    fast_unpack_twos(matrix, from[0], inputs, 2, 3);
}
#endif

#if defined(FAST_COORDINATES_S8) || defined(FAST_EXPANDED_S8) /* from: geometry, senders, signs, receivers, table, axes */
static void fast_unpack_positions(fast_matrix *matrix, const void *const *from, uint32_t inputs)
{
    const uint32_t *const geometry = from[0];
    const uint8_t *const signs = from[2];
    const uint32_t axes = *(const uint32_t *)from[5];
    uint32_t i;
    uint32_t j;
    for (j = 0; j < matrix->outputs; j++) {
        for (i = 0; i < inputs; i++) {
            const uint32_t d2 = nearwire_squared_distance((const int8_t *)from[3] + j * axes, (const int8_t *)from[1] + i * axes, axes,
                                                          geometry[NEARWIRE_DISTANCES_GAP2]);
            if (d2 <= geometry[NEARWIRE_DISTANCES_CUTOFF2]) {
                const int32_t weight = nearwire_distance_weight(d2, geometry[NEARWIRE_DISTANCES_SHIFT], geometry[NEARWIRE_DISTANCES_STEP],
                                                                geometry[NEARWIRE_DISTANCES_FIRST], from[4]);
                fast_set(matrix, j, i, ((signs[i >> 3] >> (i & 7u)) & 1) != 0 ? -weight : weight);
            }
        }
    }
}
#endif
