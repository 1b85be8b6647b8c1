"""What the calls of a build take besides a network, included by core.pyx: `Rows`, `Rule` and `Run`."""


cdef class Rows:
    """Samples for a network: X (m, n_0), Y (m, n_L) or classes (m,), weights (m,) or None; all of them, or those in `order`.

    For predictions there is X alone.

    Parameters
    ----------
    X, Y, weights : ndarray of one dtype, float32 or float64
        X may be sparse: an object with shape, data (k,), indices (k,) of int32 and indptr (m + 1,) of int64, as SciPy's CSR
        matrices have them. The indices are not checked here, and nobody may change them.
    classes : ndarray (m,), int64, or None
        Where Y is None; each is at least 0 and less than n_L, which is not checked here.
    smoothing : float
        Of the labels.
    order : ndarray (k,), int64, or None
        The numbers of the rows of a pass, in their order, which are not checked here; any may be left out or come again.
    """

    cdef rows_t rows
    cdef Py_ssize_t n_in, n_out
    cdef int itemsize
    cdef tuple held
    cdef const int64_t[::1] classes
    cdef const int64_t[::1] order
    cdef const int32_t[::1] columns
    cdef const int64_t[::1] starts

    def __cinit__(self, X not None, Y=None, const int64_t[::1] classes=None, weights=None, double smoothing=0.0,
                  const int64_t[::1] order=None):
        cdef Py_ssize_t m
        self.classes = classes
        if isinstance(X, cnp.ndarray):
            self.held, self.itemsize = (X, Y, weights), (<cnp.ndarray>X).descr.itemsize
            self.rows.X, self.n_in, m = data_of(X, 2, self.itemsize), size(X, 1), size(X, 0)
        else:
            m = self.hold_sparse(X, (Y, weights))
        self.rows.m, self.rows.Y, self.rows.weights = m, data_of(Y, 2, self.itemsize), data_of(weights, 1, self.itemsize)
        self.rows.classes = &classes[0] if classes is not None else NULL
        self.rows.smoothing, self.n_out, self.order = smoothing, size(Y, 1), order
        self.rows.taken, self.rows.stride = m if order is None else order.shape[0], 0
        self.rows.order = &order[0] if self.rows.taken > 0 and order is not None else NULL
        expect(Y is None or classes is None, "rows have either Y or classes")
        expect(size(Y, 0, m) == m and (classes is None or classes.shape[0] == m) and size(weights, 0, m) == m,
               f"Y, classes and weights must have {m} rows, as X has")

    cdef Py_ssize_t hold_sparse(self, X, others) except -1:
        """Keeps a sparse X, beside the other arrays; returns m."""
        cdef cnp.ndarray values
        cdef Py_ssize_t m
        try:
            m, self.n_in = X.shape
            values, self.columns, self.starts = X.data, X.indices, X.indptr
        except AttributeError:
            raise TypeError(f"the kernels take X as an ndarray or in CSR, got {type(X).__name__}") from None
        self.held, self.itemsize = (values, *others), values.descr.itemsize
        self.rows.values = data_of(values, 1, self.itemsize)
        expect(m >= 0 and self.starts.shape[0] == m + 1 and self.starts[0] == 0
               and self.starts[m] == self.columns.shape[0] == size(values, 0), "indptr must go with data and indices")
        self.rows.starts = &self.starts[0]
        self.rows.columns = &self.columns[0] if self.columns.shape[0] > 0 else NULL
        return m


cdef class Rule:
    """An update rule and what it goes on from: hyper (k,), state (n, P) and step (1,), both of which a training changes.

    Parameters
    ----------
    code : int
    hyper : ndarray, float64
        In the rule's own order, hyper[0] the learning rate.
    state : ndarray (n, P), float32 or float64
    step : ndarray (1,), int64
        Steps done.
    l2, l1 : float
        Penalties.
    clip_norm : float
        Greatest norm of a step's gradient; infinite for none.
    """

    cdef rule_t rule
    cdef double[MAX_HYPER] hyper
    cdef int itemsize
    cdef Py_ssize_t P
    cdef cnp.ndarray state
    cdef int64_t[::1] step

    def __cinit__(self, int code, const double[::1] hyper not None, cnp.ndarray state not None, int64_t[::1] step not None,
                  double l2=0.0, double l1=0.0, double clip_norm=float("inf")):
        cdef Py_ssize_t i
        self.itemsize, self.state, self.step = state.descr.itemsize, state, step
        self.rule.state = data_of(state, 2, self.itemsize, True)
        self.rule.vectors, self.P = size(state, 0), size(state, 1)
        expect(hyper.shape[0] <= MAX_HYPER and step.shape[0] == 1, f"a rule has at most {MAX_HYPER} numbers, and one step")
        for i in range(MAX_HYPER):
            self.hyper[i] = hyper[i] if i < hyper.shape[0] else 0
        self.rule.code, self.rule.hyper, self.rule.step = code, self.hyper, &step[0]
        self.rule.l2, self.rule.l1, self.rule.clip_norm = l2, l1, clip_norm


cdef class Run:
    """How a training goes: rows of a batch, dropout (L - 1,) or None, the scale of its costs, threads at most, and a flag (1,),
    or None, that whoever sets it to 1 ends the training by, as a Ctrl-C does. rounded: after each step the parameters are
    rounded to float32, whatever their dtype."""

    cdef run_t run
    cdef const int[::1] stop
    cdef const double[::1] dropout
    cdef Py_ssize_t n_hidden

    def __cinit__(self, Py_ssize_t batch_size, const double[::1] dropout=None, uint64_t dropout_seed=0,
                  double objective_scale=0.0, int n_threads=1, const int[::1] stop=None, bint rounded=False):
        expect(batch_size > 0, "a batch has at least one row")
        self.dropout, self.n_hidden = dropout, dropout.shape[0] if dropout is not None else -1
        self.run.batch_size, self.run.dropout_seed = batch_size, dropout_seed
        self.run.dropout = &dropout[0] if dropout is not None and dropout.shape[0] > 0 else NULL
        self.run.objective_scale, self.run.n_threads, self.stop, self.run.rounded = objective_scale, n_threads, stop, rounded
