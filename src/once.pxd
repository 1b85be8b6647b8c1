"""The loops that make numbers, as functions of which a build has one copy: see once.h. Their bodies are in once.pxi."""

from libc.stdint cimport int64_t

from real cimport real

cdef extern from "once.h" nogil:
    void layer_forward(const real* W, const real* b, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, Py_ssize_t n_in,
                       const real* A, Py_ssize_t samples, real* Z)
    void layer_backward(const real* W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_in, const real* dZ,
                        Py_ssize_t samples, real* dA)
    void layer_gradient(const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, const real* F, Py_ssize_t n_in,
                        Py_ssize_t samples, bint add, real* dW)
    void rows_gradient(const real* dZ, Py_ssize_t n_out, Py_ssize_t samples, const real* X, Py_ssize_t n_in, bint add, real* dW)
    void gradient_lanes(const real* dZ, Py_ssize_t n_out, const real* A, Py_ssize_t n_in, Py_ssize_t vectors, bint add,
                        real* dW)
    void bias_gradient(const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n, Py_ssize_t vectors, bint add,
                       real* db)
    void forward_rows(const real* packed, Py_ssize_t n_out, Py_ssize_t n_in, const real* X, Py_ssize_t m, int activation,
                      real leak, real* A)
    void smooth_targets(real* Y, Py_ssize_t n, real keep, real share)
    void activate_vectors(int activation, real* z, Py_ssize_t vectors)
    void slope_vectors(int activation, const real* z, Py_ssize_t vectors, real* slope)
    void activate(int activation, real leak, real* z, Py_ssize_t n)
    void multiply_by_derivative(int activation, real leak, const real* kept, real* d, Py_ssize_t n)
    double elementwise_loss(int loss, real parameter, int activation, real leak, real* Z, const real* Y, const real* w,
                            Py_ssize_t n, Py_ssize_t vectors, real* lanes)
    double softmax(real most, real* Z, const real* Y, const real* w, Py_ssize_t n, Py_ssize_t vectors, real* lanes)
    void softmax_derivative(const real* A, Py_ssize_t n, Py_ssize_t vectors, real* d)
    void drop(const void* dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors, real* A)
    void drop_back(const void* dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors, int activation,
                   real leak, const real* kept, real* dA)
    void load_rows(const real* X, Py_ssize_t m, Py_ssize_t n, const int64_t* order, Py_ssize_t first, Py_ssize_t rows,
                   real* A, real* F, Py_ssize_t samples, Py_ssize_t at)
    void store_rows(const real* A, Py_ssize_t n, Py_ssize_t rows, real* out, Py_ssize_t step)
    void to_features(const real* A, Py_ssize_t n, Py_ssize_t vectors, real* F, Py_ssize_t samples, Py_ssize_t at)
    void sparse_forward(const real* W, Py_ssize_t step, const real* b, Py_ssize_t n, const void* data, Py_ssize_t first,
                        Py_ssize_t rows, Py_ssize_t counted, const real* w, Py_ssize_t samples, real* Z)
    void sparse_gradient(const real* dZ, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n, const void* data, Py_ssize_t first,
                         Py_ssize_t rows, const real* w, real* dW)
    void transpose_matrix(const real* a, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t last, bint add,
                          real* t, Py_ssize_t step)
    double penalty_of(const void* step)
    void add_up(const void* step, Py_ssize_t first, Py_ssize_t last)
    void regularise(void* step)
    void apply_rule(const void* update, real* params, const real* gradient, Py_ssize_t first, Py_ssize_t n, double penalty)
    void step_part(void* step, int member, int size)
    void predict_part(void* prediction, int member, int size)
    void input_derivatives_part(void* derivation, int member, int size)
    void forward_part(void* layer, int member, int size)
    void backward_part(void* layer, int member, int size)
