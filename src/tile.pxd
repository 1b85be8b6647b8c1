# cython: cdivision=True
"""Register-blocked products: the one micro-kernel behind forward, backward and gradient.

    C (m, n) = [C +] [bias (m, 1) or (1, n) +] A (m, k) B (k, n)

Columns are vectors of LANES reals, taken two at a time; a lone last one is a panel of its own, LANES wide.

      b_step -> |B[k]: 2 vectors|
                ------------------
    A[0, k] o   | c00    c01     |     6 rows x 2 vectors of C stay in registers while k runs:
     ...    o   |      ...       |     2 loads of B and 6 broadcasts of A for 12 multiply-adds.
    A[5, k] o   | c50    c51     |
"""

from real cimport LANES, broadcast, load, real, store, vec


cdef struct Product:
    Py_ssize_t columns      # n; the array behind B and its panels is padded to whole vectors, C need not be
    Py_ssize_t strip_rows   # 6 or 4, of A that go together
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
                              const real* b, Py_ssize_t k, vec[2]* c) noexcept nogil:
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


cdef inline void tile(const int rows, const int vectors, const Product* p, Py_ssize_t row, Py_ssize_t panel) noexcept nogil:
    """`rows` rows from `row` on of panel `panel` of the product."""
    cdef vec[6][2] c
    cdef real[12 * 16] spill
    cdef const real* a = p.a + row * p.a_row
    cdef const real* b = p.b + panel * p.b_panel
    cdef Py_ssize_t c_row = p.c_row if vectors == 2 else p.c_row_last
    cdef real* out = p.c + panel * p.c_panel + row * c_row
    cdef Py_ssize_t valid = p.columns - panel * 2 * LANES
    cdef Py_ssize_t s, _s
    cdef int i, v
    for i in range(rows):
        for v in range(vectors):
            if p.column_bias != NULL:
                c[i][v] = load(p.column_bias + (2 * panel + v) * LANES)
            else:
                c[i][v] = broadcast(p.row_bias[row + i] if p.row_bias != NULL else 0)
    for _s in range(p.segments):
        multiply_add(rows, vectors, a, p.a_row, p.a_column, b, p.segment, c)
        a += p.a_segment
        b += p.segment * vectors * LANES
    multiply_add(rows, vectors, p.a + p.segments * p.a_segment + row * p.a_row_tail, p.a_row_tail, p.a_column, b, p.tail, c)

    if valid >= vectors * LANES:
        for i in range(rows):
            for v in range(vectors):
                if p.accumulate:
                    c[i][v] += load(out + i * c_row + v * LANES)
                store(out + i * c_row + v * LANES, c[i][v])
        return
    for i in range(rows):
        for v in range(vectors):
            store(spill + (2 * i + v) * LANES, c[i][v])
        for s in range(valid):
            if p.accumulate:
                out[i * c_row + s] += spill[2 * i * LANES + s]
            else:
                out[i * c_row + s] = spill[2 * i * LANES + s]


cdef inline void strip(const int rows, const Product* p, Py_ssize_t row) noexcept nogil:
    """All panels of `rows` rows, so that their A stays in the first-level cache."""
    cdef Py_ssize_t vectors = (p.columns + LANES - 1) // LANES
    cdef Py_ssize_t panel
    for panel in range(vectors // 2):
        tile(rows, 2, p, row, panel)
    if vectors % 2:
        tile(rows, 1, p, row, vectors // 2)


cdef inline void multiply(const Product* p, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """Rows first ... last of the product; each is the same whatever the others are.

    One to three rows take as long as four, since each sum waits for the one before: what would leave so few is halved.
    """
    cdef Py_ssize_t row = first, rows
    while row < last:
        rows = last - row
        rows = p.strip_rows if rows > p.strip_rows + 3 else (rows + 1) // 2 if rows > 6 else rows
        if rows == 6:
            strip(6, p, row)
        elif rows == 5:
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
