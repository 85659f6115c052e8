/* boxes_s8 for the vector units of computers. See runtime/firmware/fast.c. */
#ifndef FAST_PORTABLE_ONLY
#ifdef FAST_X86
#include "boxes_x86.h"
#else
#include "boxes_neon.h"
#endif

/* Rectangles: a plan holds the places of every synapse's four corners and its charge + 64, eight neurons beside each other. */

/* NULL where the portable kernel is used. */
static const fast_plan *fast_boxes_plan(const void *bias, uint32_t packed, uint32_t outputs, uint32_t extra, const nearwire_boxes_cell *table,
                                        const uint32_t *synapses)
{
    const uint32_t count = 4u + extra;
    const uint32_t room = (outputs + 7u) & ~7u;
    fast_plan *plan = NULL;
    uint16_t *charges;
    uint32_t j;
    uint32_t k;
    if (sizeof *table != 2u || fast_level() == 0) {
        return NULL;
    }
    plan = fast_found_plan(bias);
    if (plan != NULL) {
        return plan->weights != NULL ? plan : NULL;
    }
    plan = fast_new_plan(bias, packed, outputs, NULL, 0u);
    if (plan == NULL) {
        return NULL;
    }
    plan->inputs = count;
    plan->corners = fast_memory((size_t)room * count * 4u * sizeof(fast_corner));
    charges = fast_memory((size_t)room * count * sizeof *charges);
    if (plan->corners == NULL || charges == NULL) {
        free(charges);
        return NULL;
    }
    plan->weights = (int8_t *)charges;
    for (j = 0; j < room; j++) {
        for (k = 0; k < count; k++) {
            const uint32_t word = j < outputs ? synapses[j * count + k] : 0u;
            const size_t at = fast_synapse(j, k, count);
            const uint32_t width = (word >> 7) & 31u;
            fast_corner *const corner = (fast_corner *)plan->corners + 4u * at;
            corner[0] = fast_corner_at(table, word >> 22);
            corner[1] = fast_corner_at(table, (word >> 22) + width);
            corner[2] = fast_corner_at(table, (word >> 12) & 1023u);
            corner[3] = fast_corner_at(table, ((word >> 12) & 1023u) + width);
            charges[at] = (uint16_t)((word & 127u) ^ 64u); /* charge + 64 */
        }
    }
    return plan;
}
#endif

#define FAST_BOXES_PARAMETERS                                                                                                                       \
    NEARWIRE_BOXES_INPUT, uint32_t rows, uint32_t columns, uint32_t cut, uint32_t extra, nearwire_boxes_cell *table, const uint32_t *synapses
#ifdef NEARWIRE_BOXES_CHANNELS
#define FAST_BOXES_TABLE nearwire_boxes_table
#else
#define FAST_BOXES_TABLE fast_boxes_table
#endif
void nearwire_boxes_s8(FAST_BOXES_PARAMETERS, FAST_PACKED_PARAMETERS(NEARWIRE_BOXES_BIAS));
void nearwire_boxes_s8(FAST_BOXES_PARAMETERS, FAST_PACKED_PARAMETERS(NEARWIRE_BOXES_BIAS))
{
#ifndef FAST_PORTABLE_ONLY
    const fast_plan *const plan = fast_boxes_plan(bias, sizeof *bias, outputs, extra, table, synapses);
    if (plan != NULL) {
        FAST_BOXES_TABLE(NEARWIRE_BOXES_GIVEN, rows, columns, cut, table);
        fast_boxes_sums(plan, table);
        fast_finish(plan, output);
        return;
    }
#endif
    portable_boxes_s8(NEARWIRE_BOXES_GIVEN, rows, columns, cut, extra, table, synapses, bias, outputs, output);
}

void nearwire_boxes_s8_scores(FAST_BOXES_PARAMETERS, FAST_LAST_PARAMETERS);
void nearwire_boxes_s8_scores(FAST_BOXES_PARAMETERS, FAST_LAST_PARAMETERS)
{
#ifndef FAST_PORTABLE_ONLY
    const fast_plan *const plan = fast_boxes_plan(bias, 0, outputs, extra, table, synapses);
    if (plan != NULL) {
        FAST_BOXES_TABLE(NEARWIRE_BOXES_GIVEN, rows, columns, cut, table);
        fast_boxes_sums(plan, table);
        memcpy(scores, plan->sums, outputs * sizeof *scores);
        return;
    }
#endif
    portable_boxes_s8_scores(NEARWIRE_BOXES_GIVEN, rows, columns, cut, extra, table, synapses, bias, outputs, scores);
}
