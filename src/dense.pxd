# cython: cdivision=True
"""One layer on a block of samples: forward, backward, gradient. A, Z and d... are panels (panels.pxd); W is row-major."""

from geometry cimport PANEL, PIECE_ROWS, SHORT_TILE_ROWS, TILE_ROWS, TILE_VECTORS, panel_width, vectors_of
from once cimport activate, load_rows
from real cimport LANES, LOG2_LANES, MAX_LANES, broadcast, load, real, store, sum_each, vec, vec_sum
from tile cimport Product, multiply

cdef enum:
    MAX_LANE_SUMS = 256     # vectors: 16 KB at most, half of a first-level cache
    PACKED_BYTES = 131072   # the largest W that is packed into panels
    SMALL_BYTES = 16384     # the largest W in panels that may be read for each four rows instead of six
    WIDE_BYTES = 131072     # the smallest W that is wide: more than a first-level cache by far
    COPIED_ROWS = 128       # of W in `backward`, the most that are copied: they and a panel of B fit into a first-level cache
    PIECE_COLUMNS = 48
    CHUNK_BYTES = 16384     # the part of Z that is still in the first-level cache when g is applied to it


cdef inline bint is_wide(Py_ssize_t n_out, Py_ssize_t n_in) noexcept nogil:
    return n_in * n_out * <Py_ssize_t>sizeof(real) >= WIDE_BYTES


cdef inline void forward(const real* W, const real* b, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, Py_ssize_t n_in,
                         const real* A, Py_ssize_t samples, real* Z) noexcept nogil:
    """Rows first ... last of Z (n_out, m) = W (n_out, n_in) A (n_in, m) + b (n_out, 1), m = samples in panels; lanes past the
    last sample hold any finite numbers"""
    cdef Product p
    p.columns, p.strip_rows = vectors_of(samples) * LANES, TILE_ROWS
    p.empty = p.columns - samples
    p.a, p.a_row, p.a_column = W, n_in, 1
    p.segments, p.segment, p.a_segment = 0, 0, 0
    p.tail, p.a_row_tail = n_in, n_in
    p.b, p.b_panel = A, n_in * PANEL
    p.row_bias, p.column_bias, p.accumulate = b, NULL, False
    p.c, p.c_row, p.c_row_last, p.c_panel = Z, PANEL, LANES, n_out * PANEL
    multiply(&p, first, last)


cdef inline bint rows_pay(Py_ssize_t n_out, Py_ssize_t n_in) noexcept nogil:
    """Whether forward_rows beats forward for one layer by itself: W stays in cache, and few lanes are left empty."""
    return n_in * n_out * <Py_ssize_t>sizeof(real) <= PACKED_BYTES and (n_out % LANES == 0 or n_out >= 4 * LANES)


cdef inline Py_ssize_t packed_size(Py_ssize_t n_out, Py_ssize_t n_in) noexcept nogil:
    """Reals that pack_rows writes."""
    return vectors_of(n_out) * LANES * (n_in + 1)


cdef inline void pack_rows(const real* W, const real* b, Py_ssize_t n_out, Py_ssize_t n_in, real* packed) noexcept nogil:
    """packed <- W (n_out, n_in) in panels whose lanes are units, and b (n_out,), zeros in the lanes past the last one"""
    cdef Py_ssize_t padded = vectors_of(n_out) * LANES, j
    load_rows(W, n_out, n_in, NULL, 0, n_out, packed, NULL, 0, 0)
    for j in range(padded):
        packed[padded * n_in + j] = b[j] if j < n_out else <real>0


cdef inline void forward_rows(const real* packed, Py_ssize_t n_out, Py_ssize_t n_in, const real* X, Py_ssize_t m,
                              int activation, real leak, real* A) noexcept nogil:
    """A (m, n_out) = g(X (m, n_in) W^T + b), X and A row-major as they lie, W and b from `pack_rows`"""
    cdef Product p
    cdef Py_ssize_t chunk = CHUNK_BYTES // (n_out * <Py_ssize_t>sizeof(real)) // TILE_ROWS * TILE_ROWS + TILE_ROWS  # whole strips
    cdef Py_ssize_t padded = vectors_of(n_out) * LANES
    cdef Py_ssize_t first = 0, rows
    p.columns, p.empty, p.strip_rows = n_out, 0, TILE_ROWS
    if padded % PANEL == 0 and padded * n_in * <Py_ssize_t>sizeof(real) <= SMALL_BYTES:
        p.strip_rows = SHORT_TILE_ROWS  # with fewer sums in registers the next tile begins before the one before has ended
    p.a_row, p.a_column = n_in, 1
    p.segments, p.segment, p.a_segment = 0, 0, 0
    p.tail, p.a_row_tail = n_in, n_in
    p.b, p.b_panel = packed, n_in * PANEL
    p.row_bias, p.column_bias, p.accumulate = NULL, packed + padded * n_in, False
    p.c_row, p.c_row_last, p.c_panel = n_out, n_out, PANEL
    while first < m:
        rows = chunk if chunk < m - first else m - first
        p.a, p.c = X + first * n_in, A + first * n_out
        multiply(&p, 0, rows)
        activate(activation, leak, A + first * n_out, rows * n_out)
        first += rows


cdef inline void backward(const real* W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_in,
                          const real* dZ, Py_ssize_t samples, real* dA) noexcept nogil:
    """Rows first ... last of dA (n_in, m) = W^T (n_in, n_out) dZ (n_out, m), m = samples in panels

    A wide W is taken piece by piece: a strip takes but six numbers of each cache line of W, and these do not stay in cache
    until the next strip if there are too many. Pieces of few rows are copied for more than a few samples, which pays where
    vectors are shorter than a cache line. The order of the sums is that of the pieces, copied or not: how many samples there
    are depends on the threads.
    """
    cdef real[COPIED_ROWS * PIECE_COLUMNS] piece
    cdef bint wide = is_wide(n_out, n_in), copied
    cdef Py_ssize_t most_rows = PIECE_ROWS if wide else n_out, most_columns
    cdef Py_ssize_t left = vectors_of(samples), width, column, columns, row, rows, i, j
    cdef Product p
    p.strip_rows, p.a_row, p.a_row_tail = TILE_ROWS, 1, 1
    p.segments, p.segment, p.a_segment = 0, 0, 0
    p.b_panel, p.c_panel, p.empty = n_out * PANEL, n_in * PANEL, left * LANES - samples
    p.row_bias, p.column_bias = NULL, NULL
    p.c_row, p.c_row_last = PANEL, LANES
    while left > 0:     # of a wide W the whole panels, then a lone last vector, whose rows lie closer together
        width = PANEL if left > 1 else LANES
        p.columns = (left - left % TILE_VECTORS if wide and left > 1 else left) * LANES
        copied = PIECE_ROWS <= COPIED_ROWS and wide and left >= 4
        p.a_column = PIECE_COLUMNS if copied else n_in
        most_columns = PIECE_COLUMNS if copied else last - first
        column = first
        while column < last:
            columns = most_columns if most_columns < last - column else last - column
            p.c = dA + column * width
            row = 0
            while row < n_out:
                rows = most_rows if most_rows < n_out - row else n_out - row
                p.a = W + row * n_in + column
                if copied:
                    for i in range(rows):
                        for j in range(columns):
                            piece[i * PIECE_COLUMNS + j] = p.a[i * n_in + j]
                    p.a = piece
                p.b, p.tail, p.accumulate = dZ + row * width, rows, row > 0
                multiply(&p, 0, columns)
                row += rows
            column += columns
        dZ += p.columns * n_out
        dA += p.columns * n_in
        left -= p.columns // LANES


cdef inline void gradient(const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, const real* F,
                          Py_ssize_t n_in, Py_ssize_t samples, bint add, real* dW) noexcept nogil:
    """Rows first ... last of dW (n_out, n_in) = [dW +] dZ (n_out, m) A^T (m, n_in), A^T in feature panels F, m = samples"""
    cdef Product p
    cdef Py_ssize_t vectors = vectors_of(samples)
    p.columns, p.empty, p.strip_rows = n_in, 0, TILE_ROWS
    p.a, p.a_row, p.a_column = dZ, PANEL, 1
    p.segments, p.segment, p.a_segment = samples // PANEL, PANEL, n_out * PANEL
    p.tail, p.a_row_tail = samples % PANEL, panel_width((vectors - 1) // TILE_VECTORS, vectors)
    p.b, p.b_panel = F, vectors * LANES * PANEL
    p.row_bias, p.column_bias, p.accumulate = NULL, NULL, add
    p.c, p.c_row, p.c_row_last, p.c_panel = dW, n_in, n_in, PANEL
    multiply(&p, first, last)


cdef inline bint lanes_pay(Py_ssize_t n_out, Py_ssize_t n_in, Py_ssize_t samples, bint features_ready) noexcept nogil:
    """Whether gradient_lanes beats gradient: an estimate of the vector operations of each, transposing included."""
    cdef Py_ssize_t vectors = vectors_of(samples), columns = vectors_of(n_in)
    # A tile of one vector has six sums under way, of eight that a core could have: its operations count 4/3.
    cdef Py_ssize_t products = n_out * samples * (3 * columns + columns % 2) // 3
    if not features_ready:
        products += n_in * vectors * (LOG2_LANES + 1)
    return n_out * n_in <= MAX_LANE_SUMS and n_out * n_in * (vectors + 5) < products


cdef inline void outer_step(const int rows, const int columns, const real* z, const real* a, Py_ssize_t step,
                            vec* c) noexcept nogil:
    """c (rows, columns) += z (rows,) a (columns,)^T, lane by lane, of one vector of samples; rows of both are `step` apart"""
    cdef vec[4] a_j
    cdef int i, j
    for j in range(columns):
        a_j[j] = load(a + j * step)
    for i in range(rows * columns):
        c[i] += load(z + i // columns * step) * a_j[i % columns]


cdef inline void outer_tile(const int rows, const int columns, const real* dZ, Py_ssize_t n_out, Py_ssize_t row,
                            const real* A, Py_ssize_t n_in, Py_ssize_t column, Py_ssize_t vectors, vec* sums) noexcept nogil:
    """sums (n_out, n_in), lane by lane, = dZ A^T for `rows` rows from `row` on and `columns` columns from `column` on"""
    cdef vec[8] c
    cdef const real* z = dZ + row * PANEL
    cdef const real* a = A + column * PANEL
    cdef Py_ssize_t _panel
    cdef int i
    # No loop over c is nested in another, as in `tile`.
    for i in range(rows * columns):
        c[i] = broadcast(0)
    for _panel in range(vectors // 2):
        outer_step(rows, columns, z, a, PANEL, c)
        outer_step(rows, columns, z + LANES, a + LANES, PANEL, c)
        z += n_out * PANEL
        a += n_in * PANEL
    if vectors % 2:
        outer_step(rows, columns, z - row * LANES, a - column * LANES, LANES, c)
    for i in range(rows * columns):
        sums[(row + i // columns) * n_in + column + i % columns] = c[i]


cdef inline void outer_strip(const int rows, const real* dZ, Py_ssize_t n_out, Py_ssize_t row, const real* A, Py_ssize_t n_in,
                             Py_ssize_t vectors, vec* sums) noexcept nogil:
    cdef Py_ssize_t column = 0
    while column + 4 <= n_in:
        outer_tile(rows, 4, dZ, n_out, row, A, n_in, column, vectors, sums)
        column += 4
    if column + 2 <= n_in:
        outer_tile(rows, 2, dZ, n_out, row, A, n_in, column, vectors, sums)
        column += 2
    if column < n_in:
        outer_tile(rows, 1, dZ, n_out, row, A, n_in, column, vectors, sums)


cdef inline void gradient_lanes(const real* dZ, Py_ssize_t n_out, const real* A, Py_ssize_t n_in, Py_ssize_t vectors, bint add,
                                real* dW) noexcept nogil:
    """dW (n_out, n_in) = [dW +] dZ (n_out, m) A^T (m, n_in), both in sample panels, for at most MAX_LANE_SUMS weights

    Lanes stay samples to the end, so nothing is transposed and a narrow layer leaves no lane empty.
    """
    cdef vec[MAX_LANE_SUMS] sums
    cdef Py_ssize_t row = 0, i = 0
    while row + 2 <= n_out:
        outer_strip(2, dZ, n_out, row, A, n_in, vectors, sums)
        row += 2
    if row < n_out:
        outer_strip(1, dZ, n_out, row, A, n_in, vectors, sums)
    while i + LANES <= n_out * n_in:
        store(dW + i, (load(dW + i) if add else broadcast(0)) + sum_each(sums + i))
        i += LANES
    while i < n_out * n_in:
        dW[i] = (dW[i] if add else <real>0) + vec_sum(sums[i])
        i += 1


cdef inline vec row_lanes(const real* dZ, Py_ssize_t n, Py_ssize_t j, Py_ssize_t vectors) noexcept nogil:
    """The sum of row j of dZ (n, m), lane by lane."""
    cdef vec total = broadcast(0), other = broadcast(0)    # two sums: each waits for the one before
    cdef const real* z = dZ + j * PANEL
    cdef Py_ssize_t _p
    for _p in range(vectors // 4):
        total += load(z) + load(z + LANES)
        z += n * PANEL
        other += load(z) + load(z + LANES)
        z += n * PANEL
    if vectors % 4 >= 2:
        total += load(z) + load(z + LANES)
        z += n * PANEL
    if vectors % 2:
        other += load(z - j * LANES)
    return total + other


cdef inline void bias_gradient(const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n, Py_ssize_t vectors, bint add,
                               real* db) noexcept nogil:
    """Elements first ... last of db (n,) = [db +] sum over samples of dZ (n, m); lanes past the last sample hold zeros"""
    cdef vec[MAX_LANES] r
    cdef Py_ssize_t j = first
    cdef int i
    while j + LANES <= last:
        for i in range(LANES):
            r[i] = row_lanes(dZ, n, j + i, vectors)
        store(db + j, (load(db + j) if add else broadcast(0)) + sum_each(r))
        j += LANES
    while j < last:
        db[j] = (db[j] if add else <real>0) + vec_sum(row_lanes(dZ, n, j, vectors))
        j += 1
