/* Plans: see fast.c. */

/* Memory for so many bytes whose address is a multiple of FAST_ALIGN's as far as malloc's is 16; NULL if there is none. */
static void *fast_memory(size_t bytes)
{
    void *place = NULL;
    if (posix_memalign(&place, FAST_ALIGN, bytes > 0u ? bytes : FAST_ALIGN) != 0) {
        return NULL;
    }
    memset(place, 0, bytes);
    return place;
}

static inline fast_plan *fast_found_plan(const void *key)
{
    fast_plan *plan = fast_plans;
    while (plan != NULL && plan->key != key) {
        plan = plan->next;
    }
    return plan;
}

/* A new plan with biases and shifts, but no weights yet. `bias` is int32_t, or, packed, a word of so many bytes; `shift` NULL: scores. NULL: no memory. */
static fast_plan *fast_new_plan(const void *bias, uint32_t packed, uint32_t outputs, const uint8_t *shift, uint32_t shift_step)
{
    fast_plan *const plan = calloc(1, sizeof *plan);
    const uint32_t room = (outputs + 63u) & ~63u;
    uint32_t j;
    if (plan == NULL) {
        return NULL;
    }
    plan->start = fast_memory(3u * sizeof(int32_t) * room);
    if (plan->start == NULL) {
        free(plan);
        return NULL;
    }
    plan->shift = plan->start + room;
    plan->sums = plan->shift + room;
    plan->key = bias;
    plan->outputs = outputs;
    plan->level = fast_level();
    for (j = 0; j < outputs; j++) {
        if (packed != 0) {
            const uint32_t both = packed == 2u ? ((const uint16_t *)bias)[j] : ((const uint32_t *)bias)[j];
            plan->start[j] = nearwire_packed_bias(both, packed);
            plan->shift[j] = (int32_t)nearwire_packed_shift(both, packed);
        } else {
            plan->start[j] = ((const int32_t *)bias)[j];
            plan->shift[j] = shift == NULL ? 0 : shift[j * shift_step];
        }
    }
    plan->next = fast_plans;
    fast_plans = plan;
    return plan;
}

static void fast_finish(const fast_plan *plan, uint8_t *output)
{
    uint32_t j = fast_requantise(plan, output);
    for (; j < plan->outputs; j++) {
        output[j] = nearwire_requantise(plan->sums[j], (uint32_t)plan->shift[j]);
    }
}
