/* The kernels of a build for the vector units of computers, chosen when the program runs. Compiled in place of nearwire.c, which it contains: a
 * kernel without a variant, or on a core without the unit, is the portable one. All compute the same integers.
 *
 *     level 0   portable C
 *     level 1   AVX2                          NEON
 *     level 2   AVX-512 with VNNI             NEON with dot product
 *
 * Computers have memory: the first inference expands every weight matrix, whatever its format, to a byte a weight in the order in which the unit
 * reads it, and every rectangle to the places of its corners (fast_plan). That memory is taken once, with malloc, and kept; where it cannot be
 * had, or where a matrix is so sparse or so large that this does not pay, the portable kernel is used.
 *
 * The variants are runtime/kernels/fast/NAME.h, one a format. Which of them stand for kernels of this build is written beside this file when it is
 * compiled (runtime/builds/sources.py): fast_hide.h and fast_show.h rename the portable kernels, fast_variants.h has the others. */
#include <stdlib.h>
#include <string.h>

#include "fast_hide.h" /* nearwire_NAME is portable_NAME in here */
#include "nearwire.c"
#include "fast_show.h"

#define FAST_ALIGN 64u

/* What was made of one layer at its first inference. `weights` is NULL where the portable kernel is used. */
typedef struct fast_plan {
    struct fast_plan *next;
    const void *key; /* the layer's biases */
    uint32_t inputs;
    uint32_t outputs;
    int32_t level;
    int8_t *weights; /* in the order of fast_place; boxes: the charges, int16_t */
    void *corners;   /* of boxes */
    int32_t *start;  /* what a sum starts with, an output; filled up to whole blocks */
    int32_t *shift;
    int32_t *sums;
} fast_plan;

static int32_t fast_limit = 2; /* the highest level that may be used */
static int32_t fast_found = -1;
static fast_plan *fast_plans;

int32_t nearwire_fast_level(void);
void nearwire_fast_limit(int32_t level);
static int32_t fast_level(void);

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
#define FAST_X86
#include "fast_x86.h"
#elif defined(__aarch64__) && defined(__GNUC__)
#include "fast_neon.h"
#else
#define FAST_NONE
static int32_t fast_ask(void)
{
    return 0;
}
#endif

static int32_t fast_level(void)
{
    if (fast_found < 0) {
        fast_found = fast_ask();
    }
    return fast_found < fast_limit ? fast_found : fast_limit;
}

/* The level in use. */
int32_t nearwire_fast_level(void)
{
    return fast_level();
}

/* No level above this one from now on; what was made for another level is freed. */
void nearwire_fast_limit(int32_t level)
{
    fast_limit = level;
    while (fast_plans != NULL) {
        fast_plan *const plan = fast_plans;
        fast_plans = plan->next;
        free(plan->weights);
        free(plan->corners);
        free(plan->start);
        free(plan);
    }
}

#ifndef FAST_NONE
#include "fast_plan.h"

#include "fast_matrix.h"
#else
#define FAST_PORTABLE_ONLY
#endif
#include "fast_kernels.h"

#include "fast_variants.h"
