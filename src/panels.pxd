# cython: cdivision=True
"""The two layouts of a block of samples, and the ways between them and a row-major array.

Sample panels, (V, n, PANEL) for V panels: lanes are samples, the notes' own (n, m) orientation, cut into strips that one
register tile takes at once. Feature panels, (n / PANEL, samples, PANEL): lanes are features. In both, an odd last vector
is a panel of its own, LANES wide, so that an array of v vectors has v LANES n elements and no holes.
"""

from libc.stdint cimport int64_t
from libc.string cimport memset

from geometry cimport PANEL, TILE_VECTORS, panel_width, vector_at, vectors_of
from real cimport LANES, MAX_LANES, broadcast, load, prefetch, real, store, transpose, vec


cdef enum:
    AHEAD = 64      # numbers of a row that are on their way into cache: a CPU does not foresee what LANES rows at once need


cdef inline Py_ssize_t row_of(const int64_t* order, Py_ssize_t first, Py_ssize_t rows, Py_ssize_t s) noexcept nogil:
    """Row of the data behind sample s of a block; lanes past the last sample repeat it, so that they hold honest numbers."""
    s = s if s < rows else rows - 1
    return order[first + s] if order != NULL else first + s


cdef inline int feature_step(Py_ssize_t n, Py_ssize_t k) noexcept nogil:
    """Distance between one sample and the next in the feature panel of feature k."""
    return panel_width(k // PANEL, vectors_of(n))


cdef inline real* feature(real* F, Py_ssize_t n, Py_ssize_t samples, Py_ssize_t s, Py_ssize_t k) noexcept nogil:
    """Where features k ... k + LANES of sample s stand in the feature panels F; k is a multiple of LANES."""
    return F + (k // PANEL) * samples * PANEL + s * feature_step(n, k) + k % PANEL


cdef inline void transpose_vector(const real* a, int width, Py_ssize_t n, real* f, int step) noexcept nogil:
    """f (LANES samples, `step` apart, of LANES features) <- a (features, `width` apart, of LANES samples); past n they are 0"""
    cdef vec[MAX_LANES] r
    cdef int i
    if n >= LANES:
        for i in range(LANES):
            r[i] = load(a + i * width)
    else:
        for i in range(LANES):
            r[i] = load(a + i * width) if i < n else broadcast(0)
    transpose(r)
    for i in range(LANES):
        store(f + i * step, r[i])


cdef inline void load_rows(const real* X, Py_ssize_t m, Py_ssize_t n, const int64_t* order, Py_ssize_t first,
                           Py_ssize_t rows, real* A, real* F, Py_ssize_t samples, Py_ssize_t at) noexcept nogil:
    """A (sample panels) <- the rows first ... first + rows of X (m, n), in `order`; unless F is NULL, they also become the
    samples from `at` on of the feature panels F, which hold `samples`."""
    cdef Py_ssize_t vectors = vectors_of(rows)
    cdef Py_ssize_t whole = n - n % LANES
    cdef Py_ssize_t v, k, row, greatest
    cdef int i, width, step = 0
    cdef bint together      # whether the rows of a vector are one after the other in X
    cdef const real* x[MAX_LANES]
    cdef real* a
    cdef real* f = F
    cdef vec[MAX_LANES] r
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        a = A + vector_at(v, n)
        together = order == NULL and (v + 1) * LANES <= rows
        if together:
            greatest = first + v * LANES + LANES - 1
            for i in range(LANES):
                x[i] = X + (first + v * LANES + i) * n
        else:
            greatest = 0
            for i in range(LANES):
                row = row_of(order, first, rows, v * LANES + i)
                greatest = row if row > greatest else greatest
                x[i] = X + row * n
        if whole == 0 and n > 2 and greatest * n + LANES <= m * n:    # a vector ends in the rows after its own
            for i in range(LANES):
                r[i] = load(x[i])
            transpose(r)
            for i in range(LANES):
                if i < n:
                    store(a + i * width, r[i])
        elif whole == 0 and n <= 2 and together:    # n is a literal below
            if n == 1:
                store(a, load(x[0]))
            else:
                for i in range(LANES):
                    a[i] = x[0][2 * i]
                for i in range(LANES):
                    a[width + i] = x[0][2 * i + 1]
        elif whole == 0:
            for i in range(LANES):
                for k in range(n):
                    a[k * width + i] = x[i][k]
        else:
            k = 0
            while k < whole:
                for i in range(LANES):
                    r[i] = load(x[i] + k)
                if k + AHEAD < n:
                    for i in range(LANES):
                        prefetch(x[i] + k + AHEAD)
                if F != NULL:
                    if k % PANEL == 0:
                        f = feature(F, n, samples, at + v * LANES, k)
                        step = feature_step(n, k)
                    for i in range(LANES):
                        store(f + i * step, r[i])
                    f += LANES
                transpose(r)
                for i in range(LANES):
                    store(a + (k + i) * width, r[i])
                k += LANES
            if whole < n:    # the last vector of a row, of which a part is there already
                for i in range(LANES):
                    r[i] = load(x[i] + n - LANES)
                transpose(r)
                for i in range(LANES):
                    store(a + (n - LANES + i) * width, r[i])
        if F != NULL and whole < n:
            f = feature(F, n, samples, at + v * LANES, whole)
            transpose_vector(a + whole * width, width, n - whole, f, feature_step(n, whole))


cdef inline void to_features(const real* A, Py_ssize_t n, Py_ssize_t vectors, real* F, Py_ssize_t samples,
                             Py_ssize_t at) noexcept nogil:
    """The samples from `at` on of F (feature panels that hold `samples`) <- A (sample panels); features past n are 0."""
    cdef Py_ssize_t v, k
    cdef int width
    cdef const real* a
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        a = A + vector_at(v, n)
        k = 0
        while k < n:
            transpose_vector(a + k * width, width, n - k, feature(F, n, samples, at + v * LANES, k), feature_step(n, k))
            k += LANES


cdef inline void store_rows(const real* A, Py_ssize_t n, Py_ssize_t rows, real* out, Py_ssize_t step) noexcept nogil:
    """out (rows, n), whose rows are `step` apart, <- A (sample panels)"""
    cdef Py_ssize_t vectors = vectors_of(rows)
    cdef Py_ssize_t whole = n - n % LANES
    cdef Py_ssize_t v, k
    cdef int i, width, valid
    cdef const real* a
    cdef real* o
    cdef vec[MAX_LANES] r
    for v in range(vectors):
        width = panel_width(v // TILE_VECTORS, vectors)
        a = A + vector_at(v, n)
        o = out + v * LANES * step
        valid = <int>(rows - v * LANES) if rows - v * LANES < LANES else LANES
        k = 0
        while k < whole:
            for i in range(LANES):
                r[i] = load(a + (k + i) * width)
            transpose(r)
            if valid == LANES:
                for i in range(LANES):
                    store(o + i * step + k, r[i])
            else:
                for i in range(valid):
                    store(o + i * step + k, r[i])
            k += LANES
        if 0 < whole < n:    # the last vector of a row, of which a part is there already
            for i in range(LANES):
                r[i] = load(a + (n - LANES + i) * width)
            transpose(r)
            for i in range(valid):
                store(o + i * step + n - LANES, r[i])
        elif whole == 0:
            for i in range(valid):
                for k in range(n):
                    o[i * step + k] = a[k * width + i]


cdef inline void load_classes(const int64_t* classes, Py_ssize_t n, const int64_t* order, Py_ssize_t first, Py_ssize_t rows,
                              real* Y) noexcept nogil:
    """Y (sample panels) <- 1 at each sample's class, 0 elsewhere"""
    cdef Py_ssize_t vectors = vectors_of(rows)
    cdef Py_ssize_t s, v
    memset(Y, 0, vectors * LANES * n * sizeof(real))
    for s in range(vectors * LANES):
        v = s // LANES
        Y[vector_at(v, n) + classes[row_of(order, first, rows, s)] * panel_width(v // TILE_VECTORS, vectors) + s % LANES] = 1


cdef inline void smooth_targets(real* Y, Py_ssize_t reals, real keep, real share) noexcept nogil:
    """y <- keep y + share, `reals` numbers"""
    cdef Py_ssize_t i
    for i in range(reals):
        Y[i] = keep * Y[i] + share


cdef inline void load_weights(const real* weights, const int64_t* order, Py_ssize_t first, Py_ssize_t rows,
                              real* w) noexcept nogil:
    """w <- the samples' weights, 1 each where `weights` is NULL; 0 in the lanes past the last sample"""
    cdef Py_ssize_t s
    for s in range(vectors_of(rows) * LANES):
        w[s] = 0
    for s in range(rows):
        w[s] = weights[row_of(order, first, rows, s)] if weights != NULL else 1


cdef inline double sum_of_weights(const real* weights, const int64_t* order, Py_ssize_t first,
                                  Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t s
    cdef double total = 0
    if weights == NULL:
        return <double>rows
    for s in range(rows):
        total += <double>weights[row_of(order, first, rows, s)]
    return total


cdef inline Py_ssize_t first_that_counts(const real* weights, const int64_t* order, Py_ssize_t first,
                                         Py_ssize_t rows) noexcept nogil:
    """The first of `rows` rows from `first` on whose weight is not 0; -1 if there is none"""
    cdef Py_ssize_t s
    for s in range(rows):
        if weights == NULL or weights[row_of(order, first, rows, s)] != <real>0:
            return first + s
    return -1


cdef inline void put_sample(const real* x, Py_ssize_t n, Py_ssize_t vectors, Py_ssize_t s, real* A) noexcept nogil:
    """Sample s of A (sample panels) <- x (n,), or 0 where x is NULL"""
    cdef Py_ssize_t v = s // LANES, k
    cdef int width = panel_width(v // TILE_VECTORS, vectors)
    cdef real* a = A + vector_at(v, n) + s % LANES
    for k in range(n):
        a[k * width] = x[k] if x != NULL else 0


cdef inline void clear_past(real* A, Py_ssize_t n, Py_ssize_t rows) noexcept nogil:
    """A (sample panels) <- 0 in the lanes past the last sample"""
    cdef Py_ssize_t vectors = vectors_of(rows), s
    for s in range(rows, vectors * LANES):
        put_sample(NULL, n, vectors, s, A)
