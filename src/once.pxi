# The bodies of the functions in once.h: each of a module's own, by which the C compiler makes one copy for all callers.

from libc.stdint cimport int64_t

from api cimport rows_t

cimport activations
cimport batch
cimport dense
cimport dropout
cimport from_rows
cimport from_z
cimport input_derivatives
cimport layers
cimport losses
cimport optimizers
cimport panels
cimport prediction
cimport sparse
cimport step
cimport threads


cdef void once_layer_forward "layer_forward" (const real* W, const real* b, Py_ssize_t first, Py_ssize_t last,
                                              Py_ssize_t n_out, Py_ssize_t n_in, const real* A, Py_ssize_t samples,
                                              real* Z) noexcept nogil:
    dense.forward(W, b, first, last, n_out, n_in, A, samples, Z)


cdef void once_layer_backward "layer_backward" (const real* W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last,
                                                Py_ssize_t n_in, const real* dZ, Py_ssize_t samples,
                                                real* dA) noexcept nogil:
    dense.backward(W, n_out, first, last, n_in, dZ, samples, dA)


cdef void once_layer_gradient "layer_gradient" (const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out,
                                                const real* F, Py_ssize_t n_in, Py_ssize_t samples, bint add,
                                                real* dW) noexcept nogil:
    dense.gradient(dZ, first, last, n_out, F, n_in, samples, add, dW)


cdef void once_rows_gradient "rows_gradient" (const real* dZ, Py_ssize_t n_out, Py_ssize_t samples, const real* X,
                                              Py_ssize_t n_in, bint add, real* dW) noexcept nogil:
    from_rows.rows_gradient(dZ, n_out, samples, X, n_in, add, dW)


cdef void once_gradient_lanes "gradient_lanes" (const real* dZ, Py_ssize_t n_out, const real* A, Py_ssize_t n_in,
                                                Py_ssize_t vectors, bint add, real* dW) noexcept nogil:
    dense.gradient_lanes(dZ, n_out, A, n_in, vectors, add, dW)


cdef void once_bias_gradient "bias_gradient" (const real* dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n,
                                              Py_ssize_t vectors, bint add, real* db) noexcept nogil:
    dense.bias_gradient(dZ, first, last, n, vectors, add, db)


cdef void once_forward_rows "forward_rows" (const real* packed, Py_ssize_t n_out, Py_ssize_t n_in, const real* X,
                                            Py_ssize_t m, int activation, real leak, real* A) noexcept nogil:
    dense.forward_rows(packed, n_out, n_in, X, m, activation, leak, A)


cdef void once_smooth_targets "smooth_targets" (real* Y, Py_ssize_t n, real keep, real share) noexcept nogil:
    panels.smooth_targets(Y, n, keep, share)


cdef void once_activate_vectors "activate_vectors" (int activation, real* z, Py_ssize_t vectors) noexcept nogil:
    from_z.activate_vectors(activation, z, vectors * LANES)


cdef void once_slope_vectors "slope_vectors" (int activation, const real* z, Py_ssize_t vectors, real* slope) noexcept nogil:
    from_z.slope_vectors(activation, z, vectors * LANES, slope)


cdef void once_activate "activate" (int activation, real leak, real* z, Py_ssize_t n) noexcept nogil:
    activations.activate(activation, leak, z, n)


cdef void once_multiply_by_derivative "multiply_by_derivative" (int activation, real leak, const real* kept, real* d,
                                                                Py_ssize_t n) noexcept nogil:
    activations.multiply_by_derivative(activation, leak, kept, d, n)


cdef double once_elementwise_loss "elementwise_loss" (int loss, real parameter, int activation, real leak, real* Z,
                                                      const real* Y, const real* w, Py_ssize_t n,
                                                      Py_ssize_t vectors, real* lanes) noexcept nogil:
    return losses.elementwise_loss(loss, parameter, activation, leak, Z, Y, w, n, vectors, lanes)


cdef double once_softmax "softmax" (real most, real* Z, const real* Y, const real* w, Py_ssize_t n,
                                    Py_ssize_t vectors, real* lanes) noexcept nogil:
    return losses.softmax(most, Z, Y, w, n, vectors, lanes)


cdef void once_softmax_derivative "softmax_derivative" (const real* A, Py_ssize_t n, Py_ssize_t vectors,
                                                        real* d) noexcept nogil:
    losses.softmax_derivative(A, n, vectors, d)


cdef void once_drop "drop" (const void* rates, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors,
                            real* A) noexcept nogil:
    dropout.drop(<const dropout.Dropout*>rates, layer, first, n, vectors, A)


cdef void once_drop_back "drop_back" (const void* rates, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n,
                                      Py_ssize_t vectors, int activation, real leak, const real* kept,
                                      real* dA) noexcept nogil:
    dropout.drop_back(<const dropout.Dropout*>rates, layer, first, n, vectors, activation, leak, kept, dA)


cdef void once_load_rows "load_rows" (const real* X, Py_ssize_t m, Py_ssize_t n, const int64_t* order, Py_ssize_t first,
                                      Py_ssize_t rows, real* A, real* F, Py_ssize_t samples, Py_ssize_t at) noexcept nogil:
    if F == NULL:   # known to the compiler, since it is asked within the loops
        panels.load_rows(X, m, n, order, first, rows, A, NULL, 0, 0)
    else:
        panels.load_rows(X, m, n, order, first, rows, A, F, samples, at)


cdef void once_store_rows "store_rows" (const real* A, Py_ssize_t n, Py_ssize_t rows, real* out, Py_ssize_t step) noexcept nogil:
    panels.store_rows(A, n, rows, out, step)


cdef void once_to_features "to_features" (const real* A, Py_ssize_t n, Py_ssize_t vectors, real* F, Py_ssize_t samples,
                                          Py_ssize_t at) noexcept nogil:
    panels.to_features(A, n, vectors, F, samples, at)


cdef void once_sparse_forward "sparse_forward" (const real* W, Py_ssize_t step, const real* b, Py_ssize_t n, const void* data,
                                                Py_ssize_t first, Py_ssize_t rows, Py_ssize_t counted, const real* w,
                                                Py_ssize_t samples, real* Z) noexcept nogil:
    sparse.forward(W, step, b, n, <const rows_t*>data, first, rows, counted, w, samples, Z)


cdef void once_sparse_gradient "sparse_gradient" (const real* dZ, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n,
                                                  const void* data, Py_ssize_t first, Py_ssize_t rows, const real* w,
                                                  real* dW) noexcept nogil:
    sparse.gradient(dZ, low, high, n, <const rows_t*>data, first, rows, w, dW)


cdef void once_transpose_matrix "transpose_matrix" (const real* a, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t first,
                                                    Py_ssize_t last, bint add, real* t, Py_ssize_t step) noexcept nogil:
    if add:     # known to the compiler, since it is asked within the loops
        sparse.turn(a, rows, columns, first, last, True, t, step)
    else:
        sparse.turn(a, rows, columns, first, last, False, t, step)


cdef double once_penalty_of "penalty_of" (const void* s) noexcept nogil:
    return step.penalty_of(<const step.Step*>s)


cdef void once_add_up "add_up" (const void* s, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    step.add_up(<const step.Step*>s, first, last)


cdef void once_regularise "regularise" (void* s) noexcept nogil:
    step.regularise(<step.Step*>s)


cdef void once_apply_rule "apply_rule" (const void* update, real* params, const real* gradient, Py_ssize_t first, Py_ssize_t n,
                                        double penalty) noexcept nogil:
    optimizers.apply_rule(<const optimizers.Update*>update, params, gradient, first, n, penalty)


cdef void once_step_part "step_part" (void* s, int member, int size) noexcept nogil:
    batch.take_part(<step.Step*>s, threads.team_of(member, size))


cdef void once_predict_part "predict_part" (void* p, int member, int size) noexcept nogil:
    prediction.predict_part(<prediction.Prediction*>p, threads.team_of(member, size))


cdef void once_input_derivatives_part "input_derivatives_part" (void* p, int member, int size) noexcept nogil:
    input_derivatives.derivatives_part(<input_derivatives.Derivation*>p, threads.team_of(member, size))


cdef void once_forward_part "forward_part" (void* p, int member, int size) noexcept nogil:
    layers.forward_part(<layers.Layer*>p, threads.team_of(member, size))


cdef void once_backward_part "backward_part" (void* p, int member, int size) noexcept nogil:
    layers.backward_part(<layers.Layer*>p, threads.team_of(member, size))
