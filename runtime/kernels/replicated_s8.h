/* replicated_s8: prototypes of box synapses at every position of a grid, then the maximum over each window of positions. A synapse is
 * one word, its rectangle given in cells of the kernel (at most 15 x 15):
 *     bits 24..31 channel          bits 15..18 top row     bits 7..10 left column
 *     bits 0..6 charge, signed     bits 19..22 height      bits 11..14 the column behind it
 * It costs four look-ups a position, whatever its size, in a table of sums of the input over all rectangles that start at its top left
 * corner. Of that table only the band of rows is kept that one row of windows needs. Columns that lie a stride apart are neighbours in
 * it, so that positions are too. Its cells wrap at 16 bits; the sums of rectangles, their differences, do not: at most 225 * 255.
 * NEARWIRE_REPLICATED_MEAN: some layer of the network hands on the mean of each window's bytes instead, a sum shifted to the right.
 * NEARWIRE_REPLICATED_CELLWISE: some layer of the network reads the channels of a cell beside each other.
 * `scratch` holds the sums of a row of windows, then the band; it must start as zeros. */
#ifndef NEARWIRE_REPLICATED_BIAS
#define NEARWIRE_REPLICATED_BIAS uint16_t /* uint32_t: some bias of the network needs more than 12 bits */
#endif
typedef union {
    int32_t sum;
    uint16_t cells[2];
} nearwire_replicated_word;

/* A rectangle's sum from the differences of its cells, which wrap at 16 bits. */
#ifdef NEARWIRE_REPLICATED_WIDE /* some rectangle of the network can hold more than 32767; none holds less than -NEARWIRE_REPLICATED_WIDE */
#define NEARWIRE_REPLICATED_BOX(cells) ((int32_t)(uint16_t)((cells) + NEARWIRE_REPLICATED_WIDE) - NEARWIRE_REPLICATED_WIDE)
#else
#define NEARWIRE_REPLICATED_BOX(cells) ((int32_t)(int16_t)(uint16_t)(cells))
#endif

/* What a cell adds to the table. Where the network's input has a zero point, that is taken off, so that the padding's zeros mean 0; it then
 * stands in place of `cut`, which such a network does not have. */
#ifdef NEARWIRE_REPLICATED_SIGNED
#define NEARWIRE_REPLICATED_VALUE(byte, zero_point) ((uint32_t)(byte) - (zero_point))
#else
#define NEARWIRE_REPLICATED_VALUE(byte, cut) ((uint32_t)(byte) >> (cut))
#endif

/* What `geometry` holds. */
enum {
    NEARWIRE_REPLICATED_CHANNELS,     /* bit 15, with NEARWIRE_REPLICATED_CELLWISE: the channels of a cell lie beside each other */
    NEARWIRE_REPLICATED_ROWS,         /* of the input */
    NEARWIRE_REPLICATED_WIDTH,        /* bytes of one of its rows, of one channel or of all that lie beside each other */
    NEARWIRE_REPLICATED_COLUMNS,      /* of these, that kernels reach */
    NEARWIRE_REPLICATED_BETWEEN,      /* cells from there to the same row of the next channel */
    NEARWIRE_REPLICATED_ABOVE,        /* rows of zero padding above the input */
    NEARWIRE_REPLICATED_RIGHT,        /* columns of zero padding right of it */
    NEARWIRE_REPLICATED_START,        /* place of the input's first column in a row of the table */
    NEARWIRE_REPLICATED_APART,        /* places from a column of the table to the next */
    NEARWIRE_REPLICATED_CELLS,        /* of a row of one channel */
    NEARWIRE_REPLICATED_WORDS,        /* of a row of all channels, two cells each */
    NEARWIRE_REPLICATED_BAND,         /* words of the rows that a row of windows needs */
    NEARWIRE_REPLICATED_KEPT,         /* of these, that the next row of windows needs again */
    NEARWIRE_REPLICATED_LEFT_OUT,     /* rows of the grid between two bands */
    NEARWIRE_REPLICATED_STEP,         /* cells of the table from a row of positions to the next */
    NEARWIRE_REPLICATED_POSITIONS,    /* rows of them */
    NEARWIRE_REPLICATED_LENGTH,       /* positions in a row */
    NEARWIRE_REPLICATED_LINE,         /* the same, rounded up to even */
    NEARWIRE_REPLICATED_POOL_ROWS,    /* of a window; smaller ones at the end. Bits 8..11: the shift of a mean, 0 for the maximum */
    NEARWIRE_REPLICATED_POOL_COLUMNS,
    NEARWIRE_REPLICATED_ACROSS,       /* outputs in a row */
    NEARWIRE_REPLICATED_OUTPUTS,      /* of a prototype */
    NEARWIRE_REPLICATED_SYNAPSES,     /* of a prototype */
    NEARWIRE_REPLICATED_SUMS,         /* words of scratch in front of the band */
    NEARWIRE_REPLICATED_PLACES        /* and behind: of the kernel's columns in a row of the table, one more than it has */
};

void nearwire_replicated_s8(const uint8_t *input, uint32_t cut, nearwire_replicated_word *scratch, const uint16_t *geometry,
                            const uint32_t *synapses, const NEARWIRE_REPLICATED_BIAS *bias, uint32_t prototypes, uint8_t *output);
