/* The sizes that the vectors' width does not say, for each CPU level.
 *
 * A tile is TILE_ROWS rows of a product by TILE_VECTORS vectors, whose sums stay in registers: 12 of 16 (SSE, AVX2) or of
 * 32 (AVX-512, NEON), where more were no faster. What is short is taken in strips of SHORT_TILE_ROWS. On the way back a wide W
 * is taken PIECE_ROWS rows at a time. CACHED_BYTES is the part of a product's B that shares a second-level cache with its A
 * and C: of 512 KB or more, and of 1 MB or more where there is AVX-512. */
#ifndef SHALLOWNET_C_GEOMETRY_H
#define SHALLOWNET_C_GEOMETRY_H

#include "real.h"

#if VECTOR_BYTES == 64
enum { TILE_ROWS = 6, SHORT_TILE_ROWS = 4, PIECE_ROWS = 32 * LANES, CACHED_BYTES = 262144 };
#elif VECTOR_BYTES == 32
enum { TILE_ROWS = 6, SHORT_TILE_ROWS = 4, PIECE_ROWS = 128, CACHED_BYTES = 131072 };
#else
enum { TILE_ROWS = 6, SHORT_TILE_ROWS = 4, PIECE_ROWS = 128, CACHED_BYTES = 131072 };
#endif
enum {
    MAX_TILE_ROWS = 8,
    TILE_VECTORS = 2,
    PANEL = TILE_VECTORS * LANES,   /* the width of a panel */
    MAX_PANEL = TILE_VECTORS * MAX_LANES,
    FEW_ROWS = LANES / 2,           /* of a batch that goes through the network row by row */
    /* Of scratch for one sample: a thread may have as little as 128 kB of stack (musl). */
    STACK_VECTORS = 16384 / VECTOR_BYTES
};

#endif
