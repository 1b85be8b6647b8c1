# cython: cdivision=True
"""Register-blocked products: the one micro-kernel behind forward, backward and gradient.

    C (m, n) = [C +] [bias (m, 1) or (1, n) +] A (m, k) B (k, n)

Columns are vectors of LANES reals, taken two at a time; a lone last one is a panel of its own, LANES wide. Of 64-byte vectors
half of a lone one is computed where no more counts.

      b_step -> |B[k]: 2 vectors|
                ------------------
    A[0, k] o   | c00    c01     |     TILE_ROWS, 6, rows x 2 vectors of C stay in registers while k runs:
     ...    o   |      ...       |     2 loads of B and 6 broadcasts of A for 12 multiply-adds.
    A[5, k] o   | c50    c51     |
"""

from geometry cimport CACHED_BYTES, MAX_PANEL, MAX_TILE_ROWS, PANEL, TILE_ROWS, TILE_VECTORS
from real cimport LANES, VECTOR_BYTES, broadcast, broadcast_half, half_vec, load, load_half, real, store, store_half, vec


cdef struct Product:
    Py_ssize_t columns      # n; the array behind B and its panels is padded to whole vectors, C need not be
    Py_ssize_t empty        # how many of them, less than a vector, are padding, whose numbers nobody needs
    Py_ssize_t strip_rows   # rows of A that are taken together: TILE_ROWS or SHORT_TILE_ROWS
    # A in segments of `segment` columns, `segments` of them and a last one of `tail`:
    const real* a
    Py_ssize_t a_row, a_column, a_segment
    Py_ssize_t segments, segment, tail
    Py_ssize_t a_row_tail
    # B in panels of two vectors, (k, 2 LANES) each, one after the other:
    const real* b
    Py_ssize_t b_panel
    const real* row_bias     # (m,) or NULL
    const real* column_bias  # (n,), padded to whole vectors, or NULL
    bint accumulate
    real* c
    Py_ssize_t c_row, c_row_last, c_panel   # c_row_last: in a lone last vector


cdef inline void multiply_add(const int rows, const int vectors, const real* a, Py_ssize_t a_row, Py_ssize_t a_column,
                              const real* b, Py_ssize_t k, vec[TILE_VECTORS]* c) noexcept nogil:
    """c (rows, vectors) += A (rows, k) B (k, vectors)."""
    cdef Py_ssize_t _step
    cdef int i
    cdef vec b0, b1
    cdef real w
    for _step in range(k):
        b0 = load(b)
        if vectors == 2:
            b1 = load(b + LANES)
        for i in range(rows):
            w = a[i * a_row]
            c[i][0] += w * b0
            if vectors == 2:
                c[i][1] += w * b1
        a += a_column
        b += vectors * LANES


cdef inline void tile(const int rows, const int vectors, const Product* p, const real* row_bias, const real* column_bias,
                      const real* a, const real* a_tail, const real* b, Py_ssize_t columns, real* out,
                      Py_ssize_t c_row) noexcept nogil:
    """`rows` rows of a panel of the product: all of its columns, or the first `columns`."""
    cdef vec[MAX_TILE_ROWS][TILE_VECTORS] c
    cdef real[MAX_TILE_ROWS * MAX_PANEL] spill
    cdef Py_ssize_t a_row = p.a_row, a_column = p.a_column
    cdef Py_ssize_t s, _s
    cdef int i
    # Each of these loops is an innermost one: only those are unrolled early enough for c to be registers throughout.
    if row_bias != NULL:
        for i in range(rows):
            c[i][0] = c[i][1] = broadcast(row_bias[i])
    elif column_bias != NULL:
        for i in range(rows):
            c[i][0] = load(column_bias)
            if vectors == 2:
                c[i][1] = load(column_bias + LANES)
    else:
        for i in range(rows):
            c[i][0] = c[i][1] = broadcast(0)
    for _s in range(p.segments):
        multiply_add(rows, vectors, a, a_row, a_column, b, p.segment, c)
        a += p.a_segment
        b += p.segment * vectors * LANES
    multiply_add(rows, vectors, a_tail, p.a_row_tail, a_column, b, p.tail, c)

    if columns >= vectors * LANES:
        if p.accumulate:
            for i in range(rows):
                c[i][0] += load(out + i * c_row)
                if vectors == 2:
                    c[i][1] += load(out + i * c_row + LANES)
        for i in range(rows):
            store(out + i * c_row, c[i][0])
            if vectors == 2:
                store(out + i * c_row + LANES, c[i][1])
        return
    for i in range(rows):
        store(spill + 2 * i * LANES, c[i][0])
        if vectors == 2:
            store(spill + (2 * i + 1) * LANES, c[i][1])
    for i in range(rows):
        for s in range(columns):
            if p.accumulate:
                out[i * c_row + s] += spill[2 * i * LANES + s]
            else:
                out[i * c_row + s] = spill[2 * i * LANES + s]


cdef inline void multiply_add_half(const int rows, const real* a, Py_ssize_t a_row, Py_ssize_t a_column, const real* b,
                                   Py_ssize_t k, half_vec* c) noexcept nogil:
    """c (rows, 1/2) += A (rows, k) B (k, 1/2), of a B whose rows are a vector long"""
    cdef Py_ssize_t _step
    cdef int i
    cdef half_vec b0
    for _step in range(k):
        b0 = load_half(b)
        for i in range(rows):
            c[i] += a[i * a_row] * b0
        a += a_column
        b += LANES


cdef inline void half_tile(const int rows, const Product* p, const real* row_bias, const real* column_bias, const real* a,
                           const real* a_tail, const real* b, Py_ssize_t columns, real* out, Py_ssize_t c_row) noexcept nogil:
    """`tile` for a last vector of which at most half counts; in a C of whole vectors the other half becomes 0."""
    cdef half_vec[MAX_TILE_ROWS] c
    cdef real[MAX_TILE_ROWS * MAX_PANEL] spill
    cdef Py_ssize_t s, _s
    cdef int i
    if row_bias != NULL:
        for i in range(rows):
            c[i] = broadcast_half(row_bias[i])
    elif column_bias != NULL:
        for i in range(rows):
            c[i] = load_half(column_bias)
    else:
        for i in range(rows):
            c[i] = broadcast_half(0)
    for _s in range(p.segments):
        multiply_add_half(rows, a, p.a_row, p.a_column, b, p.segment, c)
        a += p.a_segment
        b += p.segment * LANES
    multiply_add_half(rows, a_tail, p.a_row_tail, p.a_column, b, p.tail, c)

    if columns == LANES:
        if p.accumulate:
            for i in range(rows):
                c[i] += load_half(out + i * c_row)
        for i in range(rows):
            store(out + i * c_row, broadcast(0))
            store_half(out + i * c_row, c[i])
        return
    for i in range(rows):
        store_half(spill + i * LANES, c[i])
    for i in range(rows):
        for s in range(columns):
            if p.accumulate:
                out[i * c_row + s] += spill[i * LANES + s]
            else:
                out[i * c_row + s] = spill[i * LANES + s]


cdef inline void strip(const int rows, const Product* p, Py_ssize_t row) noexcept nogil:
    """All panels of `rows` rows, so that their A stays in the first-level cache."""
    cdef const real* a = p.a + row * p.a_row
    cdef const real* a_tail = p.a + p.segments * p.a_segment + row * p.a_row_tail
    cdef const real* row_bias = p.row_bias + row if p.row_bias != NULL else NULL
    cdef const real* column_bias = p.column_bias
    cdef const real* b = p.b
    cdef real* c = p.c + row * p.c_row
    cdef Py_ssize_t columns = p.columns
    while columns > LANES:
        tile(rows, 2, p, row_bias, column_bias, a, a_tail, b, columns, c, p.c_row)
        b += p.b_panel
        c += p.c_panel
        columns -= PANEL
        if column_bias != NULL:
            column_bias += PANEL
    if columns <= 0:
        return
    c += row * (p.c_row_last - p.c_row)
    if VECTOR_BYTES == 64 and columns - p.empty <= LANES // 2:
        half_tile(rows, p, row_bias, column_bias, a, a_tail, b, columns, c, p.c_row_last)
    else:
        tile(rows, 1, p, row_bias, column_bias, a, a_tail, b, columns, c, p.c_row_last)


cdef inline void strips(const Product* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Rows first ... last.

    One to three rows take as long as four, since each sum waits for the one before: what would leave so few is halved.
    """
    cdef Py_ssize_t row = first, rows
    while row < last:
        rows = last - row
        rows = p.strip_rows if rows > p.strip_rows + 3 else (rows + 1) // 2 if rows > TILE_ROWS else rows
        if TILE_ROWS >= 8 and rows == 8:
            strip(8, p, row)
        elif TILE_ROWS >= 7 and rows == 7:
            strip(7, p, row)
        elif TILE_ROWS >= 6 and rows == 6:
            strip(6, p, row)
        elif TILE_ROWS >= 5 and rows == 5:
            strip(5, p, row)
        elif rows == 4:
            strip(4, p, row)
        elif rows == 3:
            strip(3, p, row)
        elif rows == 2:
            strip(2, p, row)
        else:
            strip(1, p, row)
        row += rows


cdef inline void multiply(const Product* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Rows first ... last of the product; each is the same whatever the others are.

    They are made for as many panels as stay in the second-level cache, then for the next.
    """
    cdef Product group = p[0]
    cdef Py_ssize_t panels = (p.columns + PANEL - 1) // PANEL, left = p.columns
    cdef Py_ssize_t bytes = (p.segments * p.segment + p.tail) * PANEL * <Py_ssize_t>sizeof(real)    # of a panel of B
    if panels * bytes > 2 * CACHED_BYTES:
        panels = CACHED_BYTES // bytes if bytes < CACHED_BYTES else 1
    while left > 0:
        group.columns = left if left < panels * PANEL else panels * PANEL
        strips(&group, first, last)
        left -= group.columns
        group.b += panels * p.b_panel
        group.c += panels * p.c_panel
        if p.column_bias != NULL:
            group.column_bias += panels * PANEL
