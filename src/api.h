/* The boundary between what is built once (core.pyx, layer.pyx) and the builds of the kernels: the structs that a build
 * takes, and one table of its functions.
 *
 * A build's element type has no name here: its arrays are void *. They are C-contiguous, and the code that fills these
 * structs has checked their shapes. */
#ifndef SHALLOWNET_C_API_H
#define SHALLOWNET_C_API_H

#include <Python.h>
#include <stdint.h>

/* Raise this with every change below: a build of another version is refused. */
#define API_VERSION 5

/* What functions return that may fail. */
enum { DONE = 0, PYTHON_ERROR = -1, NO_MEMORY = -2, UNFIT_DATA = -3 };

enum { MAX_HYPER = 8 };

typedef struct {
    Py_ssize_t n_in, n_out;
    Py_ssize_t W, b;            /* where W (n_out, n_in) and b (n_out,) begin in the parameters */
    int activation;
} layer_t;

typedef struct {
    Py_ssize_t layers;          /* L */
    const layer_t *layer;       /* of layers 1 ... L */
    double leak;                /* of leaky ReLU */
    int loss;
    double loss_parameter;      /* delta of huber, quantile of pinball, greatest log_loss that is reported */
    void *params;               /* (P,): W[1], b[1], W[2], b[2], ... */
    Py_ssize_t P;
    Py_ssize_t widest;          /* the greatest of n_1 ... n_L */
    const void *turned;         /* for sparse rows: W[1] transposed, (n_0, n_1), a number of the next row */
    Py_ssize_t turned_step;     /* so far from that of a row; or NULL */
    double nonzeros;            /* of a sparse row, on the average */
} model_t;

typedef struct {
    Py_ssize_t m;               /* of X, Y, classes and weights */
    const void *X;              /* (m, n_0), or NULL where the rows are sparse: in row i */
    const void *values;         /* values[j] in column columns[j], starts[i] <= j < starts[i + 1], */
    const int32_t *columns;     /* in any order, more than once or not at all; */
    const int64_t *starts;      /* (m + 1,) */
    const void *Y;              /* (m, n_L), or NULL and */
    const int64_t *classes;     /* (m,) */
    const void *weights;        /* (m,) or NULL */
    const int64_t *order;       /* (taken,) rows in the order of use, or NULL for 0, 1, 2, ... */
    Py_ssize_t taken;           /* rows of a pass, m where order is NULL */
    Py_ssize_t stride;          /* from one epoch's order to the next one's; 0: they are the same */
    double smoothing;           /* of labels: the part of each that is shared among all classes */
} rows_t;

typedef struct {
    int code;
    const double *hyper;        /* (MAX_HYPER,), in the rule's own order, zeros after them */
    void *state;                /* (vectors, P) */
    Py_ssize_t vectors;
    int64_t *step;              /* steps done: 0, 1, 2, ... */
    double l2, l1;
    double clip_norm;           /* of the whole gradient; infinite: it is left as it is */
} rule_t;

typedef struct {
    Py_ssize_t epochs, batch_size;
    const double *rates;        /* (epochs,): they stand for hyper[0] */
    double *cost;               /* (epochs,) */
    const double *dropout;      /* (L - 1,) or NULL */
    uint64_t dropout_seed;
    double objective_scale;
    int n_threads;
    int rounded;                /* parameters of double to those that a float has, after each step */
    const int *stop;            /* not 0: the call ends as after a Ctrl-C; or NULL */
} run_t;

/* A training of several, in which each has costs of its own; rates and the rest of run_t are the same for all. */
typedef struct {
    const model_t *net;
    const rows_t *data;
    const rule_t *rule;
    double *cost;               /* (epochs,) */
} fit_t;

/* One layer by itself. */
typedef struct {
    Py_ssize_t m, n_in, n_out;
    int activation;
    double leak;
    const void *X;              /* (m, n_in) */
    const void *W;              /* (n_out, n_in) */
    const void *b;              /* (n_out,) */
    void *A;                    /* (m, n_out) */
    const void *dA;             /* (m, n_out) */
    const void *kept;           /* (m, n_out): what g' is computed from, A or Z */
    void *dW;
    void *db;
    void *dX;                   /* (m, n_in) or NULL */
    int n_threads;
} dense_t;

/* Derivatives with respect to the inputs, of each row by itself. */
typedef struct {
    rows_t rows;                /* X; the targets as well: out (m, n_0) = dL(a, y) / dx */
    const void *V;              /* (m, n_L): out (m, n_0) = sum_j V_j da_j / dx, or NULL */
    const void *U;              /* (m, n_0): out (m, n_L) = sum_k U_k da / dx_k, or NULL */
    void *out;                  /* with none of these (m, n_L, n_0), da / dx */
    int n_threads;
} derivatives_t;

/* What a member of a team does with what all of them share. */
typedef void (*part_t)(void *shared, int member);

typedef struct {
    int abi, itemsize, lanes, vector_bytes;
    int (*max_threads)(void);
    void (*team)(part_t part, void *shared, int n_threads);
    int (*row)(const model_t *, const void *x, void *out);
    Py_ssize_t (*pack)(const model_t *, void *packed);   /* how many elements; packed may be NULL */
    int (*packed_row)(const model_t *, const void *x, void *out);   /* its params are what pack has written */
    int (*predict)(const model_t *, const rows_t *, void *out, int n_threads);   /* of X alone, all rows */
    int (*gradient)(const model_t *, const rows_t *, void *grad, int n_threads, int training, const int *stop, double *sums);
    int (*cost_and_grad)(const model_t *, const rows_t *, void *grad, int n_threads, double *J);
    int (*train)(const model_t *, const rows_t *, const rule_t *, const run_t *);
    int (*how_many_together)(const model_t *, Py_ssize_t rows);   /* how many train_together takes, in batches of so many rows; or 1 */
    int (*train_together)(const fit_t *, Py_ssize_t n, const run_t *);
    int (*step)(const model_t *, void *grad, double weight_sum, const rule_t *);
    int (*output_gradient)(const model_t *, const rows_t *, void *Z, double *loss_sum);
    int (*input_derivatives)(const model_t *, const derivatives_t *);
    int (*layer)(const dense_t *);
    int (*layer_backward)(const dense_t *);
    Py_ssize_t (*first_nonfinite)(const void *a, Py_ssize_t m, Py_ssize_t n);
    double *records;            /* (record_rows, record_fields): of the choice between a team and one thread */
    int record_rows, record_fields;
    const char *record_names;   /* of the fields, a blank after each */
} kernels_t;

#endif
