/* The three products of a layer, functions of their own (kernels.pyx): inlined wherever a layer is, as all else here, their
   tiles took nearly half of the compiler's time. */
#ifndef SHALLOWNET_C_PRODUCTS_H
#define SHALLOWNET_C_PRODUCTS_H

#include "real.h"

static void layer_forward(const real *W, const real *b, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, Py_ssize_t n_in,
                          const real *A, Py_ssize_t vectors, real *Z);
static void layer_backward(const real *W, Py_ssize_t n_out, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_in,
                           const real *dZ, Py_ssize_t vectors, real *dA);
static void layer_gradient(const real *dZ, Py_ssize_t first, Py_ssize_t last, Py_ssize_t n_out, const real *F,
                           Py_ssize_t n_in, Py_ssize_t samples, int add, real *dW);

#endif
