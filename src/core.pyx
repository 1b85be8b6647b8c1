# cython: boundscheck=False, wraparound=False, initializedcheck=False
"""What Python hands to the kernels, built once for all CPUs: arrays are checked here and are pointers from here on.

The call of a network is in calls.pxi, `Predictor` in predictor.pxi; `Rows`, `Rule` and `Run` are in arguments.pxi,
trainings of several networks in together.pxi.
"""

cimport numpy as cnp
from api cimport (
    API_VERSION, MAX_HYPER, NO_MEMORY, PYTHON_ERROR, UNFIT_DATA, derivatives_t, fit_t, kernels_t, layer_t, model_t, rows_t,
    rule_t, run_t,
)
from arrays cimport is_contiguous, is_plain
from cpython.exc cimport PyErr_Occurred
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport free, malloc

cnp.import_array()

include "calls.pxi"

cdef void* data_of(object a, int n_dim, int itemsize, bint written=False) except? NULL:
    """Where a lies, NULL for None; an error unless it is an array as the kernels take it, and writeable if it is written."""
    cdef int type_number = cnp.NPY_FLOAT32 if itemsize == sizeof(float) else cnp.NPY_FLOAT64
    if a is None:
        return NULL
    if not is_contiguous(a, n_dim, type_number):
        raise ValueError(f"the kernels take C-contiguous arrays of float{8 * itemsize} in {n_dim} dimensions, got "
                         f"{type(a).__name__} {getattr(a, 'dtype', '')} of shape {getattr(a, 'shape', None)}")
    if written and not cnp.PyArray_ISWRITEABLE(a):
        raise ValueError("an array that the kernels write to is read-only")
    return cnp.PyArray_DATA(a)


cdef Py_ssize_t size(object a, int axis, Py_ssize_t absent=-1):
    """Length of an axis of what has been through `data_of`; `absent` for None."""
    return cnp.PyArray_DIM(a, axis) if a is not None else absent


cdef int expect(bint fits, str what) except -1:
    """Raises an error unless shapes go together: the package has checked them, but memory must not depend on that."""
    if not fits:
        raise ValueError(what)
    return 0


cdef int passed(int code, str what) except -1:
    """Raises the Python error that a kernel has left, or MemoryError."""
    if code == NO_MEMORY:
        raise MemoryError(f"no memory for the workspace of {what}")
    if code == PYTHON_ERROR and PyErr_Occurred() == NULL:
        raise KeyboardInterrupt(STOPPED)
    return code


cdef str STOPPED = "another member of the team has ended its work"


cdef const int* flag_of(const int[::1] stop) except? NULL:
    """Where the kernels look for the flag, NULL for None; an error where it is up."""
    if stop is None:
        return NULL
    expect(stop.shape[0] == 1, "stop must have one element")
    if stop[0]:
        raise KeyboardInterrupt(STOPPED)
    return &stop[0]


cdef void take_part(void* shared, int member) noexcept with gil:
    """What a member does: `shared` is the tuple of `Kernels.team`."""
    part, stop, errors = <tuple>shared
    try:
        part(member)
    except BaseException as error:
        stop[0] = 1
        errors.append(error)


cdef class Kernels:
    """One build of the kernels.

    Parameters
    ----------
    capsule : capsule "shallownet_c.kernels"
        The build's table of functions.
    """

    cdef const kernels_t* table
    cdef readonly object capsule
    cdef readonly int itemsize, lanes, vector_bytes

    def __cinit__(self, capsule):
        cdef const kernels_t* table = <const kernels_t*>PyCapsule_GetPointer(capsule, "shallownet_c.kernels")
        if table.abi != API_VERSION:
            raise ImportError(f"kernels of boundary version {table.abi} in a package of version {API_VERSION}: the "
                              f"installation is a mixture of two")
        self.table, self.capsule = table, capsule
        self.itemsize, self.lanes, self.vector_bytes = table.itemsize, table.lanes, table.vector_bytes

    @property
    def records(self):
        """What is known of pieces of work, by which the build chooses between a team and one thread: (rows, fields)."""
        cdef cnp.npy_intp[2] shape = [self.table.record_rows, self.table.record_fields]
        return cnp.PyArray_SimpleNewFromData(2, shape, cnp.NPY_DOUBLE, self.table.records)

    @property
    def record_fields(self):
        """Names of the columns of `records`."""
        return tuple((<bytes>self.table.record_names).decode().split())

    def max_threads(self):
        """The limit of OMP_NUM_THREADS and threadpoolctl; 1 in a build without OpenMP"""
        return self.table.max_threads()

    def team(self, part, int n_threads, int[::1] stop not None):
        """part(member) by each member of a team, 0 being the thread that calls; raises the first error of any, when all are done.

        The member that ends with an error sets stop (1,) to 1.
        """
        cdef list errors = []
        cdef tuple shared = (part, stop, errors)
        cdef void* address = <void*>shared
        with nogil:
            self.table.team(take_part, address, n_threads)
        if errors:
            raise errors[0]

    def first_nonfinite(self, a):
        """Number of the first row of a (m, n) that holds a NaN or an infinity, -1 if there is none"""
        cdef const void* data = data_of(a, 2, self.itemsize)
        cdef Py_ssize_t m = size(a, 0, 0), n = size(a, 1, 0)
        with nogil:
            m = self.table.first_nonfinite(data, m, n)
        return m


cdef class Network:
    """Layers, functions and loss bound to their parameters (P,), and `net(x)`.

    Parameters
    ----------
    kernels : Kernels
        The build for the dtype of params.
    params : ndarray (P,), float32 or float64
        W[1] (n_1, n_0) row by row, b[1] (n_1,), W[2], ...; kept, not copied. Where they are read-only, nothing trains them.
    sizes : ndarray (L + 1,), intp
        n_0, ..., n_L.
    activations : ndarray (L,), intc
        Codes of g[1], ..., g[L].
    leak : float
        Slope of leaky ReLU for z < 0.
    loss : int
        Code of the loss.
    loss_parameter : float
        The parameter of that loss, see model_t.

    Raises
    ------
    TypeError
        If it is called for an object that is a network already: its memory may be in use by another thread.
    """

    cdef readonly cnp.ndarray _params
    cdef readonly Kernels _kernels
    cdef const kernels_t* table
    cdef model_t model
    cdef layer_t* layer
    cdef Py_ssize_t n_in, n_out
    cdef int type_number
    cdef caller_t caller
    cdef const char* params_end
    cdef bint gives_float       # in the place of an array of one element
    cdef vectorcallfunc vectorcall

    def __cinit__(self):
        self.vectorcall = call_network

    def __init__(self, Kernels kernels not None, cnp.ndarray params not None, const Py_ssize_t[::1] sizes,
                 const int[::1] activations, double leak, int loss, double loss_parameter):
        cdef Py_ssize_t layers = activations.shape[0], P = 0, widest = 0, l
        cdef layer_t* layer
        if self.layer != NULL:
            raise TypeError(f"{type(self).__name__}.__init__ can be called only once for each object: make a new one")
        if layers < 1 or sizes.shape[0] != layers + 1:
            raise ValueError(f"sizes has {sizes.shape[0]} elements, activations {layers}: needs one more than that, and a layer")
        data_of(params, 1, kernels.itemsize)
        for l in range(layers):
            # By division: a product of sizes may be more than a number of elements can be.
            if sizes[l] < 1 or sizes[l + 1] < 1 or sizes[l] >= (params.shape[0] - P) // sizes[l + 1]:
                raise ValueError(f"sizes must be at least 1, and those of {params.shape[0]} parameters")
            P += sizes[l + 1] * (sizes[l] + 1)
            widest = max(widest, sizes[l + 1])
        expect(params.shape[0] == P, f"params must have shape ({P},), got ({params.shape[0]},)")
        layer = <layer_t*>malloc(layers * sizeof(layer_t))
        if layer == NULL:
            raise MemoryError("no memory for the layers of a network")
        P = 0
        for l in range(layers):
            layer[l].n_in, layer[l].n_out, layer[l].activation = sizes[l], sizes[l + 1], activations[l]
            layer[l].W, layer[l].b = P, P + sizes[l + 1] * sizes[l]
            P = layer[l].b + sizes[l + 1]
        self.layer, self._params, self._kernels, self.table = layer, params, kernels, kernels.table
        self.model.layers, self.model.layer, self.model.leak = layers, layer, leak
        self.model.loss, self.model.loss_parameter = loss, loss_parameter
        self.model.params, self.model.P, self.model.widest = cnp.PyArray_DATA(params), P, widest
        self.model.turned = NULL
        self.n_in, self.n_out, self.type_number = sizes[0], sizes[layers], cnp.PyArray_TYPE(params)
        self.params_end = <const char*>self.model.params + P * kernels.itemsize
        self.caller.row, self.caller.net = kernels.table.row, &self.model
        self.caller.n_in, self.caller.n_out, self.caller.itemsize = self.n_in, self.n_out, kernels.itemsize

    def __dealloc__(self):
        free(self.layer)

    def __call__(self, X, out=None):
        """A[L] for the rows of X (m, n_0), shape (m, n_L), or for one sample X (n_0,), shape (n_L,); see `predict`."""
        return output_of(self, X, out)

    def _plain_cost_and_grad(self, X, Y, int n_threads, threads_for=None, Py_ssize_t least_work=0):
        """(J, its gradient (P,)) where X (m, n_0) and Y (m, n_L) are plain arrays that the loss takes; otherwise None.

        Not for softmax, whose Y has more to be checked. Unless it is None, threads_for(work) says how many threads there may be
        for so many multiply-adds, if they are at least `least_work`.
        """
        cdef rows_t rows
        cdef void* g
        cdef cnp.npy_intp P = self.model.P
        cdef double J = 0
        cdef int code
        if (self.layer == NULL or not is_plain(X, 2, self.type_number) or not is_plain(Y, 2, self.type_number)
                or cnp.PyArray_DIM(X, 1) != self.n_in or cnp.PyArray_DIM(Y, 1) != self.n_out
                or cnp.PyArray_DIM(X, 0) == 0 or cnp.PyArray_DIM(X, 0) != cnp.PyArray_DIM(Y, 0)):
            return None
        if threads_for is not None and cnp.PyArray_DIM(X, 0) * P >= least_work:
            n_threads = threads_for(cnp.PyArray_DIM(X, 0) * P)
        grad = cnp.PyArray_EMPTY(1, &P, self.type_number, 0)
        rows.m, rows.X, rows.Y, g = cnp.PyArray_DIM(X, 0), cnp.PyArray_DATA(X), cnp.PyArray_DATA(Y), cnp.PyArray_DATA(grad)
        rows.classes, rows.weights, rows.order, rows.smoothing, rows.taken, rows.stride = NULL, NULL, NULL, 0, rows.m, 0
        rows.values, rows.columns, rows.starts = NULL, NULL, NULL
        with nogil:
            code = self.table.cost_and_grad(&self.model, &rows, g, n_threads, &J)
        passed(code, "a gradient")
        return (J, grad) if code != UNFIT_DATA else None


include "predictor.pxi"
include "arguments.pxi"


cdef int initialised(Network net) except -1:
    """Raises for an object of a class whose __init__ never ran."""
    if net.layer == NULL:
        raise TypeError("the network has not been initialised")
    return 0


cdef int trainable(Network net) except -1:
    """Raises for a network over memory that nobody may write to."""
    return expect(cnp.PyArray_ISWRITEABLE(net._params), "the network's parameters are read-only, so that nothing can train it")


cdef int fits(Network net, Rows rows) except -1:
    """Raises unless these rows are for that network."""
    initialised(net)
    expect(rows.itemsize == net._kernels.itemsize and rows.n_in == net.n_in and rows.n_out in (-1, net.n_out),
           "X and Y must have the network's dtype and numbers of columns")
    return 0


cdef int have_targets(Rows rows) except -1:
    return expect(rows.rows.Y != NULL or rows.rows.classes != NULL or rows.rows.m == 0, "rows must have either Y or classes")


cdef int can_train(Network net, Rows rows, Rule rule, Run run, const int64_t[:, ::1] order, Py_ssize_t epochs) except -1:
    """Raises unless these go together in a training of so many epochs."""
    fits(net, rows)
    have_targets(rows)
    expect(rule.itemsize == rows.itemsize and rule.P == net.model.P, "the rule's state must be that of the network")
    expect(run.n_hidden in (-1, net.model.layers - 1), "dropout must have an element for each hidden layer")
    trainable(net)
    return expect(order is None or (order.shape[0] == epochs and order.shape[1] == rows.rows.taken), "order must be (epochs, m)")


def predict(Network net not None, X, out, int n_threads=1):
    """out (m, n_L) = A[L] of X (m, n_0), which may be sparse, see `Rows`"""
    cdef Rows rows = Rows(X)
    cdef void* a
    cdef int code
    fits(net, rows)
    a = data_of(out, 2, rows.itemsize, True)
    expect(size(out, 0) == rows.rows.m and size(out, 1) == net.n_out, "X and out must fit the network")
    with nogil:
        code = net.table.predict(&net.model, &rows.rows, a, n_threads)
    passed(code, "a prediction")


def gradient(Network net not None, Rows rows not None, grad, int n_threads=1, bint training=False,
             const int[::1] stop=None):
    """grad (P,) += d sum_i w_i L(a_i, y_i) / d params, unless it is None; returns (sum_i w_i L(a_i, y_i), sum_i w_i).

    training: one call of many, for which less work is enough for threads. stop: as that of Run.
    """
    cdef double[2] sums
    cdef const int* flag = flag_of(stop)
    cdef void* g
    cdef int code
    fits(net, rows)
    have_targets(rows)
    g = data_of(grad, 1, rows.itemsize, True)
    expect(size(grad, 0, net.model.P) == net.model.P, "grad must have an element for each parameter")
    if rows.rows.taken == 0:
        return 0.0, 0.0
    with nogil:
        code = net.table.gradient(&net.model, &rows.rows, g, n_threads, training, flag, sums)
    passed(code, "a gradient")
    return sums[0], sums[1]


def train(Network net not None, Rows rows not None, Rule rule not None, Run run not None, const int64_t[:, ::1] order,
          const double[::1] rates not None, double[::1] cost not None):
    """Epochs of minibatch descent in place on the parameters and the rule's state, one for each element of cost.

    order (epochs, m) has row numbers, which are not checked here, as many in each epoch as the rows have in theirs; None takes
    the rows' own. rates (epochs,) are the learning rates, cost (epochs,) is filled. See training.pxd for what is minimised and
    how it ends.
    """
    cdef rows_t data
    cdef run_t how = run.run
    cdef int code
    can_train(net, rows, rule, run, order, cost.shape[0])
    expect(rates.shape[0] == cost.shape[0], "rates and cost must have an element for each epoch")
    if cost.shape[0] == 0 or rows.rows.taken == 0:
        return
    data = rows.rows
    if order is not None:
        data.order, data.stride = &order[0, 0], data.taken
    how.epochs, how.rates, how.cost, how.stop = cost.shape[0], &rates[0], &cost[0], flag_of(run.stop)
    with nogil:
        code = net.table.train(&net.model, &data, &rule.rule, &how)
    passed(code, "a training run")
    expect(code != UNFIT_DATA, "the state has fewer rows than the rule needs")


include "together.pxi"


def step(Network net not None, Rule rule not None, grad, double weight_sum):
    """One step of the rule on grad (P,), the gradient of sum_i w_i L(a_i, y_i), and weight_sum > 0; grad is used up."""
    cdef void* g
    cdef int code
    initialised(net)
    g = data_of(grad, 1, net._kernels.itemsize, True)
    trainable(net)
    expect(rule.itemsize == net._kernels.itemsize and rule.P == size(grad, 0) == net.model.P,
           "grad and the rule's state must be those of the network")
    with nogil:
        code = net.table.step(&net.model, g, weight_sum, &rule.rule)
    expect(code != UNFIT_DATA, "the state has fewer rows than the rule needs")


def output_gradient(Kernels kernels not None, int activation, double leak, int loss, double loss_parameter, Z,
                    Rows rows not None):
    """Z (m, n) <- dZ, the derivatives of sum_i w_i L(a_i, y_i) by Z, whose a are g(Z); returns that sum.

    The rows' X has no effect.
    """
    cdef layer_t layer
    cdef model_t net
    cdef void* z = data_of(Z, 2, kernels.itemsize, True)
    cdef double total
    cdef rows_t targets
    cdef int code
    have_targets(rows)
    expect(rows.itemsize == kernels.itemsize and rows.rows.m == rows.rows.taken == size(Z, 0) and rows.n_out in (-1, size(Z, 1))
           and size(Z, 1) > 0, "Z must go with the rows")
    if rows.rows.m == 0:
        return 0.0
    targets = rows.rows
    targets.X = NULL
    layer.n_in, layer.n_out, layer.W, layer.b, layer.activation = 0, size(Z, 1), 0, 0, activation
    net.layers, net.layer, net.leak, net.loss, net.loss_parameter = 1, &layer, leak, loss, loss_parameter
    net.params, net.P, net.widest, net.turned = NULL, 0, layer.n_out, NULL
    with nogil:
        code = kernels.table.output_gradient(&net, &targets, z, &total)
    passed(code, "a layer")
    return total


def input_derivatives(Network net not None, X, out, V=None, U=None, Y=None, classes=None, int n_threads=1):
    """Derivatives by X (m, n_0), of each row by itself: out (m, n_L, n_0) = da / dx, or by one of the others

    out (m, n_0) = sum_j V_j da_j / dx of V (m, n_L), out (m, n_L) = sum_k U_k da / dx_k of U (m, n_0), or out (m, n_0) =
    dL(a, y) / dx of Y (m, n_L) or classes (m,), see `Rows`.
    """
    cdef derivatives_t call
    cdef Rows rows
    cdef Py_ssize_t m, n_0 = net.n_in, n = net.n_out
    cdef int itemsize, code, given = (V is not None) + (U is not None) + (Y is not None or classes is not None)
    initialised(net)
    itemsize = net._kernels.itemsize
    call.rows.X, m = data_of(X, 2, itemsize), size(X, 0, 0)
    call.rows.m, call.rows.Y, call.rows.classes, call.rows.order = m, NULL, NULL, NULL
    if Y is not None or classes is not None:
        rows = Rows(X, Y, classes)
        fits(net, rows)
        call.rows = rows.rows
    call.V, call.U, call.out = data_of(V, 2, itemsize), data_of(U, 2, itemsize), data_of(out, 2 if given else 3, itemsize, True)
    call.n_threads = n_threads
    expect(given <= 1, "V, U and targets exclude each other")
    expect(size(X, 1) == n_0 and size(V, 0, m) == m and size(V, 1, n) == n and size(U, 0, m) == m and size(U, 1, n_0) == n_0,
           "X, V and U must fit the network")
    expect(size(out, 0) == m and size(out, 1) == (n_0 if given and U is None else n) and (given or size(out, 2) == n_0),
           "out must fit the network")
    with nogil:
        code = net.table.input_derivatives(&net.model, &call)
    passed(code, "derivatives")
