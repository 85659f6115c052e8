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
