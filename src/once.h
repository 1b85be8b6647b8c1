/* The loops that make numbers, each a function of which a build has one copy (once.pxi).
 *
 * Whether a * b + c * d becomes one fused operation or two, and which product is fused, is decided by the compiler for
 * each copy of a loop anew. Inlined where one thread runs it and where a team does, the same loop gave other last bits. */
#ifndef SHALLOWNET_C_ONCE_H
#define SHALLOWNET_C_ONCE_H

#include <stdint.h>

#include "real.h"

#if defined(__GNUC__) && !defined(__clang__)
#define ONCE static __attribute__((noipa)) /* neither inlined nor cloned for constant arguments */
#else
#define ONCE static __attribute__((noinline))
#endif

ONCE void layer_forward(const real *W, const real *b, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, Py_ssize_t n_in,
                        const real *A, Py_ssize_t samples, real *Z);
ONCE void layer_backward(const real *W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_in,
                         const real *dZ, Py_ssize_t samples, real *dA);
ONCE void layer_gradient(const real *dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, const real *F,
                         Py_ssize_t n_in, Py_ssize_t samples, int add, real *dW);
ONCE void rows_gradient(const real *dZ, Py_ssize_t n_out, Py_ssize_t samples, const real *X, Py_ssize_t n_in, int add, real *dW);
ONCE void gradient_lanes(const real *dZ, Py_ssize_t n_out, const real *A, Py_ssize_t n_in, Py_ssize_t vectors, int add,
                         real *dW);
ONCE void bias_gradient(const real *dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n, Py_ssize_t vectors, int add,
                        real *db);
ONCE void forward_rows(const real *packed, Py_ssize_t n_out, Py_ssize_t n_in, const real *X, Py_ssize_t m, int activation,
                       real leak, real *A);

ONCE void smooth_targets(real *Y, Py_ssize_t n, real keep, real share);
/* Apart from the two functions that call them, whose other activations need no kilobytes of stack. */
ONCE void activate_vectors(int activation, real *z, Py_ssize_t vectors);
ONCE void slope_vectors(int activation, const real *z, Py_ssize_t vectors, real *slope);
ONCE void activate(int activation, real leak, real *z, Py_ssize_t n);
ONCE void multiply_by_derivative(int activation, real leak, const real *kept, real *d, Py_ssize_t n);
ONCE double elementwise_loss(int loss, real parameter, int activation, real leak, real *Z, const real *Y, const real *w,
                             Py_ssize_t n, Py_ssize_t vectors, real *lanes);
ONCE double softmax(real most, real *Z, const real *Y, const real *w, Py_ssize_t n, Py_ssize_t vectors, real *lanes);
ONCE void softmax_derivative(const real *A, Py_ssize_t n, Py_ssize_t vectors, real *d);

/* dropout is a Dropout, step a Step, update an Update: structs that this header cannot name. */
ONCE void drop(const void *dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors, real *A);
ONCE void drop_back(const void *dropout, Py_ssize_t layer, Py_ssize_t first, Py_ssize_t n, Py_ssize_t vectors,
                    int activation, real leak, const real *kept, real *dA);

/* The ways between an array's rows and panels, which are long: a copy for each of their callers would be a quarter of a build. */
ONCE void load_rows(const real *X, Py_ssize_t m, Py_ssize_t n, const int64_t *order, Py_ssize_t first, Py_ssize_t rows,
                    real *A, real *F, Py_ssize_t samples, Py_ssize_t at);
ONCE void store_rows(const real *A, Py_ssize_t n, Py_ssize_t rows, real *out, Py_ssize_t step);
ONCE void to_features(const real *A, Py_ssize_t n, Py_ssize_t vectors, real *F, Py_ssize_t samples, Py_ssize_t at);

/* data is a rows_t. */
ONCE void sparse_forward(const real *W, Py_ssize_t step, const real *b, Py_ssize_t n, const void *data, Py_ssize_t first,
                         Py_ssize_t rows, Py_ssize_t counted, const real *w, Py_ssize_t samples, real *Z);
ONCE void sparse_gradient(const real *dZ, Py_ssize_t low, Py_ssize_t high, Py_ssize_t n, const void *data, Py_ssize_t first,
                          Py_ssize_t rows, const real *w, real *dW);
ONCE void transpose_matrix(const real *a, Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t last, int add,
                           real *t, Py_ssize_t step);

ONCE double penalty_of(const void *step);
ONCE void add_up(const void *step, Py_ssize_t first, Py_ssize_t last);
ONCE void regularise(void *step);
ONCE void apply_rule(const void *update, real *params, const real *gradient, Py_ssize_t first, Py_ssize_t n, double penalty);

/* What a member of a team does, or a thread by itself: a Step, Prediction, Derivation or Layer, the member's number, and the
 * team's size. */
ONCE void step_part(void *step, int member, int size);
ONCE void predict_part(void *prediction, int member, int size);
ONCE void input_derivatives_part(void *derivation, int member, int size);
ONCE void forward_part(void *layer, int member, int size);
ONCE void backward_part(void *layer, int member, int size);

#endif
