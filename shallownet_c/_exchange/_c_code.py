"""The C code that does not depend on a network's weights, as templates: $name stands for what all names begin with."""

from __future__ import annotations

from string import Template

#: One layer up to Z. The products go into several sums, for accuracy and because no sum then waits for the one before.
_DENSE = Template("""\
/* z[j] = b[j] + ${times}sum over k of W[j][k] a[k]; a row of W holds the weights of one output. */
static void ${name}_dense(const $type *W, ${scales}const float *b, int inputs, int outputs,
    const float *a, float *z)
{
    const int whole = inputs - inputs % $count;

    for (int j = 0; j < outputs; j++) {
        float $zeros;

        for (int k = 0; k < whole; k += $count) {
$products
        }
        for (int k = whole; k < inputs; k++)
            s0 += ${cast}W[k] * a[k];
        z[j] = b[j] + $times($total);
        W += inputs;
    }
}
""")


def dense(name: str, widest: int, int8: bool) -> str:
    """The function for the layers of a network; `widest` is the greatest number of a layer's inputs.

    Eight sums are up to four times as fast as four where compilers use vectors, and longer code, and slower by a few
    nanoseconds, for layers that are too small for them.
    """
    sums = [f"s{i}" for i in range(8 if widest >= 64 else 4)]
    total = sums
    while len(total) > 1:
        total = [f"({a} + {b})" for a, b in zip(total[::2], total[1::2], strict=True)]
    cast = "(float)" if int8 else ""
    indices = ["k", *(f"k + {i}" for i in range(1, len(sums)))]
    return _DENSE.substitute(
        name=name,
        count=len(sums),
        zeros=", ".join(f"{s} = 0.0f" for s in sums),
        products="\n".join(f"            {s} += {cast}W[{k}] * a[{k}];" for s, k in zip(sums, indices, strict=True)),
        total=total[0][1:-1],
        type="signed char" if int8 else "float",
        scales="const float *scale, " if int8 else "",
        times="scale[j] * " if int8 else "",
        cast=cast,
    )


#: g(z) of one number, for each activation but identity: a function of math.h, or the body of one of our own.
FUNCTIONS = {"tanh": "tanhf", "exp": "expf", "sin": "sinf"}
BODIES = {  # each a template
    "sigmoid": """\
    const float e = expf(-fabsf(z)); /* never infinite */

    return (z < 0.0f ? e : 1.0f) / (1.0f + e);
""",
    "relu": """\
    return z < 0.0f ? 0.0f : z; /* a NaN stays one */
""",
    "leaky_relu": """\
    return z < 0.0f ? $leak * z : z;
""",
    "silu": """\
    const float t = z < -110.0f ? -110.0f : z; /* -infinity / infinity would be a NaN */

    return t / (1.0f + expf(-t));
""",
    "gelu": """\
    const float t = z < -15.0f ? -15.0f : z; /* -infinity times 0 would be a NaN */

    return 0.5f * t * erfcf(-0.707106781f * t); /* z Phi(z) */
""",
    "gelu_tanh": """\
    const float t = z < -12.0f ? -12.0f : z; /* -infinity / infinity would be a NaN */

    return t / (1.0f + expf(-t * (1.59576912f + 0.0713548163f * t * t)));
""",
    "mish": """\
    const float t = z < -110.0f ? -110.0f : z; /* -infinity times 0 would be a NaN */
    const float e = expf(-fabsf(t)); /* never infinite */

    /* z tanh(log(1 + e^z)), with the tanh as a fraction */
    if (t < 0.0f)
        return t * (e * (e + 2.0f) / (e * (e + 2.0f) + 2.0f));
    return t * ((1.0f + 2.0f * e) / (1.0f + 2.0f * e * (1.0f + e)));
""",
    "softplus": """\
    return (z > 0.0f ? z : 0.0f) + log1pf(expf(-fabsf(z)));
""",
    "elu": """\
    return z < 0.0f ? expm1f(z) : z;
""",
    "selu": """\
    return z < 0.0f ? 1.75809934f * expm1f(z) : 1.05070099f * z;
""",
}

SOFTMAX = Template("""\
static void ${name}_softmax(float *z, int n)
{
    float greatest = z[0], sum = 0.0f;

    for (int j = 1; j < n; j++)
        greatest = z[j] > greatest ? z[j] : greatest;
    for (int j = 0; j < n; j++) {
        z[j] = expf(z[j] - greatest); /* never infinite */
        sum += z[j];
    }
    for (int j = 0; j < n; j++)
        z[j] /= sum;
}
""")

PREDICT = Template("""\
#ifdef __cplusplus
extern "C"
#endif
void ${name}_predict(const float *x, float *y);

void ${name}_predict(const float *x, float *y)
{
$body
}
""")

#: A network of several, for the function of all.
MEMBER = Template("""\
static void ${name}_predict(const float *x, float *y)
{
$body
}
""")

#: The body of the function of all.
MEAN = Template("""\
    float a[${NAME}_OUTPUTS], sum[${NAME}_OUTPUTS] = {0.0f};

    for (int i = 0; i < ${NAME}_NETWORKS; i++) {
        ${name}_networks[i](x, a);
        for (int j = 0; j < ${NAME}_OUTPUTS; j++)
            sum[j] += a[j];
    }
    for (int j = 0; j < ${NAME}_OUTPUTS; j++)
        y[j] = sum[j] / ${NAME}_NETWORKS;""")

#: A program that compares the outputs of a few rows with what they should be, where that is no NaN.
TEST = Template("""\
#ifdef ${NAME}_TEST
#include <stdio.h>

int main(void)
{
    static const float x[$rows][${NAME}_INPUTS] = {
$x
    };
    static const float expected[$rows][${NAME}_OUTPUTS] = {
$expected
    };
    const float tolerance = $tolerance;
    int wrong = 0;

    for (int i = 0; i < $rows; i++) {
        float y[${NAME}_OUTPUTS];

        ${name}_predict(x[i], y);
        for (int j = 0; j < ${NAME}_OUTPUTS; j++) {
            const float e = expected[i][j];

            if (e == e && !(fabsf(y[j] - e) <= tolerance * (1.0f + fabsf(e)))) {
                printf("${name}: row %d, output %d is %.9g, expected %.9g\\n", i, j, (double)y[j], (double)e);
                wrong++;
            }
        }
    }
    printf("${name}: %d of %d outputs are wrong\\n", wrong, $rows * ${NAME}_OUTPUTS);
    return wrong > 0;
}
#endif
""")
