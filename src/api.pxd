"""api.h for Cython."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "api.h" nogil:
    enum: API_VERSION
    enum: DONE, PYTHON_ERROR, NO_MEMORY, UNFIT_DATA
    enum: MAX_HYPER

    ctypedef struct layer_t:
        Py_ssize_t n_in, n_out
        Py_ssize_t W, b
        int activation

    ctypedef struct model_t:
        Py_ssize_t layers
        const layer_t* layer
        double leak
        int loss
        double loss_parameter
        void* params
        Py_ssize_t P
        Py_ssize_t widest
        const void* turned
        Py_ssize_t turned_step
        double nonzeros

    ctypedef struct rows_t:
        Py_ssize_t m
        const void* X
        const void* values
        const int32_t* columns
        const int64_t* starts
        const void* Y
        const int64_t* classes
        const void* weights
        const int64_t* order
        Py_ssize_t taken
        Py_ssize_t stride
        double smoothing

    ctypedef struct rule_t:
        int code
        const double* hyper
        void* state
        Py_ssize_t vectors
        int64_t* step
        double l2, l1
        double clip_norm

    ctypedef struct run_t:
        Py_ssize_t epochs, batch_size
        const double* rates
        double* cost
        const double* dropout
        uint64_t dropout_seed
        double objective_scale
        int n_threads
        bint rounded
        const int* stop

    ctypedef struct fit_t:
        const model_t* net
        const rows_t* data
        const rule_t* rule
        double* cost

    ctypedef struct dense_t:
        Py_ssize_t m, n_in, n_out
        int activation
        double leak
        const void* X
        const void* W
        const void* b
        void* A
        const void* dA
        const void* kept
        void* dW
        void* db
        void* dX
        int n_threads

    ctypedef struct derivatives_t:
        rows_t rows
        const void* V
        const void* U
        void* out
        int n_threads

    ctypedef void (*part_t)(void* shared, int member) noexcept nogil

    ctypedef struct kernels_t:
        int abi, itemsize, lanes, vector_bytes
        int (*max_threads)() noexcept nogil
        void (*team)(part_t part, void* shared, int n_threads) noexcept nogil
        int (*row)(const model_t*, const void* x, void* out) noexcept nogil
        Py_ssize_t (*pack)(const model_t*, void* packed) noexcept nogil
        int (*packed_row)(const model_t*, const void* x, void* out) noexcept nogil
        int (*predict)(const model_t*, const rows_t*, void* out, int n_threads) noexcept nogil
        int (*gradient)(const model_t*, const rows_t*, void* grad, int n_threads, int training, const int* stop,
                        double* sums) noexcept nogil
        int (*cost_and_grad)(const model_t*, const rows_t*, void* grad, int n_threads, double* J) noexcept nogil
        int (*train)(const model_t*, const rows_t*, const rule_t*, const run_t*) noexcept nogil
        int (*how_many_together)(const model_t*, Py_ssize_t rows) noexcept nogil
        int (*train_together)(const fit_t*, Py_ssize_t n, const run_t*) noexcept nogil
        int (*step)(const model_t*, void* grad, double weight_sum, const rule_t*) noexcept nogil
        int (*output_gradient)(const model_t*, const rows_t*, void* Z, double* loss_sum) noexcept nogil
        int (*input_derivatives)(const model_t*, const derivatives_t*) noexcept nogil
        int (*layer)(const dense_t*) noexcept nogil
        int (*layer_backward)(const dense_t*) noexcept nogil
        Py_ssize_t (*first_nonfinite)(const void* a, Py_ssize_t m, Py_ssize_t n) noexcept nogil
        double* records
        int record_rows, record_fields
        const char* record_names
