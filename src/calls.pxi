"""The call of a network on one row: from NumPy's C API straight to the row kernel of the chosen build.

Typed memoryviews would cost several times the arithmetic of a small network, and a tuple and a dict of arguments as much as that.
Arrays, lists and tuples of one row are taken here; everything else goes to `_predict`, which is written in Python.
"""

cimport cython
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.list cimport PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_CheckExact
from cpython.ref cimport PyObject
from cpython.tuple cimport PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE


cdef extern from "calls.h":
    ctypedef PyObject** arguments_t     # of constant pointers
    ctypedef object (*vectorcallfunc)(PyObject*, arguments_t, size_t, PyObject*)
    ctypedef struct caller_t:
        int (*row)(const model_t*, const void* x, void* out) noexcept nogil
        const model_t* net
        Py_ssize_t n_in, n_out
        int itemsize
    Py_ssize_t PyVectorcall_NARGS(size_t nargsf)
    void let_type_vectorcall(PyObject* type, PyObject* base, Py_ssize_t offset)
    bint is_called_by(PyObject* self, PyObject* base)
    object call_by_type(PyObject* self, object arguments, object more)
    long long PyLong_AsLongLongAndOverflow(object x, int* overflow)

cdef class Network

cdef enum:
    CONVERTED = 256     # elements of a row that is converted on the stack


cdef bint is_one_row(object a, Py_ssize_t n):
    """Whether a is an ndarray (n,) or (1, n)."""
    return cnp.PyArray_CheckExact(a) and (
        cnp.PyArray_NDIM(a) == 1 and cnp.PyArray_DIM(a, 0) == n
        or cnp.PyArray_NDIM(a) == 2 and cnp.PyArray_DIM(a, 0) == 1 and cnp.PyArray_DIM(a, 1) == n)


cdef bint is_exact(object item, double* value):
    """Whether an item of a list is a number that NumPy would make the same double of; value <- that."""
    cdef int overflow
    cdef long long whole
    if PyFloat_Check(item):
        value[0] = PyFloat_AS_DOUBLE(item)
        return True
    if not PyLong_CheckExact(item):
        return False
    whole = PyLong_AsLongLongAndOverflow(item, &overflow)
    value[0] = <double>whole
    return overflow == 0 and -(1LL << 53) <= whole <= 1LL << 53


cdef void put(Network net, void* to, Py_ssize_t i, double value) noexcept:
    if net.type_number == cnp.NPY_FLOAT32:
        (<float*>to)[i] = <float>value
    else:
        (<double*>to)[i] = value


cdef const void* converted(Network net, object X, void* to):
    """Where the numbers of one row lie as the kernels take them: in X itself, or in `to` (CONVERTED,); NULL for any other X"""
    cdef Py_ssize_t i, step
    cdef const char* item
    cdef double value
    cdef int type_number
    if is_one_row(X, net.n_in):
        type_number = cnp.PyArray_TYPE(X)
        if type_number == net.type_number and cnp.PyArray_ISCARRAY_RO(X):
            return cnp.PyArray_DATA(X)
        if (net.n_in > CONVERTED or not cnp.PyArray_ISBEHAVED_RO(X)
                or type_number != cnp.NPY_FLOAT32 and type_number != cnp.NPY_FLOAT64):
            return NULL
        item, step = <const char*>cnp.PyArray_DATA(X), cnp.PyArray_STRIDE(X, cnp.PyArray_NDIM(X) - 1)
        for i in range(net.n_in):
            put(net, to, i, (<const float*>item)[0] if type_number == cnp.NPY_FLOAT32 else (<const double*>item)[0])
            item += step
        return to
    if net.n_in > CONVERTED:
        return NULL
    if PyList_CheckExact(X):
        with cython.critical_section(X):    # of a build without the GIL
            if PyList_GET_SIZE(X) != net.n_in:
                return NULL
            for i in range(net.n_in):
                if not is_exact(<object>PyList_GET_ITEM(X, i), &value):
                    return NULL
                put(net, to, i, value)
        return to
    if PyTuple_CheckExact(X) and PyTuple_GET_SIZE(X) == net.n_in:
        for i in range(net.n_in):
            if not is_exact(<object>PyTuple_GET_ITEM(X, i), &value):
                return NULL
            put(net, to, i, value)
        return to
    return NULL


cdef object output_of_converted(Network net, object X, object out):
    """`output_of` for what is no plain (n_0,) array"""
    cdef double[CONVERTED] memory
    cdef cnp.npy_intp[2] shape = [1, net.n_out]
    cdef const void* x = converted(net, X, memory) if net.layer != NULL else NULL
    cdef int n_dim
    if x == NULL:
        return net._predict(X, out)
    n_dim = cnp.PyArray_NDIM(X) if cnp.PyArray_CheckExact(X) else 1
    if out is None and n_dim == 2:
        return computed(net, x, cnp.PyArray_EMPTY(2, shape, net.type_number, 0))
    if out is not None and (n_dim != 1 or not is_room(net, out)):
        return net._predict(X, out)
    return result_for(net, x, out)


cdef inline bint is_room(Network net, object out):
    """Whether out is a plain (n_L,) array that may be written to, apart from the parameters."""
    cdef const char* at
    if not is_plain(out, 1, net.type_number) or cnp.PyArray_DIM(out, 0) != net.n_out or not cnp.PyArray_ISWRITEABLE(out):
        return False
    at = <const char*>cnp.PyArray_DATA(out)
    return net.params_end <= at or at + net.n_out * net.caller.itemsize <= <const char*>net.model.params


cdef inline int compute(Network net, const void* x, void* out) except -1:
    if net.caller.row(net.caller.net, x, out) != 0:
        raise MemoryError("no memory for the workspace of one row")
    return 0


cdef inline object computed(Network net, const void* x, object out):
    compute(net, x, cnp.PyArray_DATA(out))
    return out


cdef inline object result_for(Network net, const void* x, object out):
    """A[L] of x (n_0,), in `out` unless that is None"""
    cdef double value
    if out is not None:
        return computed(net, x, out)
    if not net.gives_float:
        return computed(net, x, cnp.PyArray_EMPTY(1, <cnp.npy_intp*>&net.n_out, net.type_number, 0))
    compute(net, x, &value)
    return <double>(<float*>&value)[0] if net.type_number == cnp.NPY_FLOAT32 else value


cdef inline object output_of(Network net, object X, object out):
    """A[L] for the rows of X (m, n_0), or for one sample X (n_0,)"""
    if net.layer == NULL or not is_plain(X, 1, net.type_number) or cnp.PyArray_DIM(X, 0) != net.n_in:
        return output_of_converted(net, X, out)
    if out is not None and not is_room(net, out):
        return net._predict(X, out)
    return result_for(net, cnp.PyArray_DATA(X), out)


cdef object call_in_general(PyObject* self, arguments_t arguments, Py_ssize_t n, PyObject* names):
    """A call with arguments as Python passes them to `__call__`, which says what is wrong with them."""
    cdef Py_ssize_t i
    more = {}
    if names != NULL:
        for i in range(PyTuple_GET_SIZE(<object>names)):
            more[<object>PyTuple_GET_ITEM(<object>names, i)] = <object>arguments[n + i]
    return call_by_type(self, tuple([<object>arguments[i] for i in range(n)]), more)


cdef object call_network(PyObject* self, arguments_t arguments, size_t nargsf, PyObject* names):
    """net(X), net(X, out) and net(X, out=out), without a tuple and a dict of arguments"""
    cdef Py_ssize_t n = PyVectorcall_NARGS(nargsf)
    if is_called_by(self, <PyObject*>Network):
        if names == NULL:
            if n == 1:
                return output_of(<Network>self, <object>arguments[0], None)
            if n == 2:
                return output_of(<Network>self, <object>arguments[0], <object>arguments[1])
        elif n == 1 and PyTuple_GET_SIZE(<object>names) == 1 and PyTuple_GET_ITEM(<object>names, 0) == <PyObject*>OUT:
            return output_of(<Network>self, <object>arguments[0], <object>arguments[1])
    return call_in_general(self, arguments, n, names)


cdef object OUT = "out"
cdef Py_ssize_t vectorcall_offset


def let_vectorcall(kind):
    """Calls of objects of the class, a kind of Network, go to `call_network`, unless the class has a `__call__` of its own."""
    if not issubclass(kind, Network):
        raise TypeError(f"{kind!r} is no kind of Network")
    let_type_vectorcall(<PyObject*>kind, <PyObject*>Network, vectorcall_offset)
