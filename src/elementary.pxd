# cython: cdivision=True
"""The elementary functions of which activations and losses are made: e^x, e^x - 1, log(1 + x), the Mills ratio, sin, cos, tanh.

Scalar code that the compiler vectorises, without branches and without libm. All polynomials are minimax (Remez); the
coefficients are this package's own.

exp and tanh reduce their argument, x = k ln 2 + r with |r| <= ln 2 / 2, and take e^r - 1 = r + r^2 q(r) with q a minimax
polynomial (relative error below 2^-55 in double, 2^-26 in float). k is rounded, and 2^k made, by adding a constant whose last
bit is worth 1: no conversions, no branches. tanh, the one that takes most of a small network's time, is written for vectors.
"""

from real cimport (
    EXPONENT_BIAS, LANES, MANTISSA_BITS, REAL_BITS, VECTOR_BYTES, bits, bits_to_real, bits_vec, broadcast, load, magnitude, real,
    real_to_bits, store, vec,
)

cdef enum:
    TOGETHER = 6    # vectors of tanh_vectors at most; where there are 16 registers 4 are faster


cdef inline real round_constant() noexcept nogil:
    """1.5 2^mantissa: adding it leaves the rounded integer in the last bits."""
    return <real>12582912.0 if REAL_BITS == 32 else <real>6755399441055744.0


cdef inline real power_of_two(real shifted) noexcept nogil:
    """2^k for shifted = k + round_constant()."""
    return bits_to_real((real_to_bits(shifted) + EXPONENT_BIAS) << MANTISSA_BITS)


cdef inline real ln_2_high() noexcept nogil:
    """ln 2 to so few bits that the product with a k is exact"""
    return <real>0.693359375 if REAL_BITS == 32 else <real>6.93147180369123816490e-01


cdef inline real ln_2_low() noexcept nogil:
    """ln 2 - ln_2_high()"""
    return <real>-2.12194440054690582767e-4 if REAL_BITS == 32 else <real>1.90821492927058770002e-10


cdef inline real term(const int i) noexcept nogil:
    """The coefficient of r^i in q"""
    if REAL_BITS == 32:
        return (<real>0.50000000466641071611 if i == 0 else <real>0.16666666817860782356 if i == 1
                else <real>0.041666353540256401109 if i == 2 else <real>0.0083332728408335339134 if i == 3
                else <real>0.0013941102181322611093 if i == 4 else <real>0.00019914296707002770319)
    return (<real>0.50000000000000056002 if i == 0 else <real>0.16666666666666686167 if i == 1
            else <real>0.041666666666572952553 if i == 2 else <real>0.0083333333333144573189 if i == 3
            else <real>0.0013888888932614266923 if i == 4 else <real>0.00019841269903371417545 if i == 5
            else <real>0.000024801504147111497174 if i == 6 else <real>2.7557227610573865839e-6 if i == 7
            else <real>2.7626450912293995656e-7 if i == 8 else <real>2.5114592479711947798e-8)


cdef inline real expm1_reduced(real r) noexcept nogil:
    """e^r - 1 for |r| <= ln 2 / 2."""
    cdef real q = term(5)
    if REAL_BITS == 64:
        q = term(9) * r + term(8)
        q = q * r + term(7)
        q = q * r + term(6)
        q = q * r + term(5)
    q = q * r + term(4)
    q = q * r + term(3)
    q = q * r + term(2)
    q = q * r + term(1)
    q = q * r + term(0)
    return r + r * r * q


cdef inline real high_part(real x) noexcept nogil:
    """x without the lower half of its digits: products of two such numbers are exact."""
    return bits_to_real(real_to_bits(x) & ~((<bits>1 << (MANTISSA_BITS // 2 + 1)) - 1))


cdef inline real least_exponent() noexcept nogil:
    """e^x is 0 from here down."""
    return <real>-104 if REAL_BITS == 32 else <real>-746


cdef inline real exp_parts(real x, real low, real* first, real* second) noexcept nogil:
    """q with e^(x - low) = (1 + q) first second, |q| <= sqrt 2 - 1, for x from somewhat below least_exponent() up and |low| far
    below 1: what the rounding to x has taken away. There are two powers of 2 so that subnormal results are right, too."""
    cdef real shifted = x * <real>1.4426950408889634074 + round_constant()
    cdef real k = shifted - round_constant()
    cdef real half
    shifted = k * <real>0.5 + round_constant()
    half = shifted - round_constant()
    first[0] = power_of_two(shifted)
    second[0] = power_of_two((k - half) + round_constant())
    return expm1_reduced(((x - k * ln_2_high()) - k * ln_2_low()) - low)


cdef inline real exp_negative(real x) noexcept nogil:
    """e^x for x <= 0 (for greater ones see exp)"""
    cdef real lowest = least_exponent()
    cdef real first, second, q
    x = lowest if x < lowest else x   # this way round a NaN stays one
    q = exp_parts(x, <real>0, &first, &second)
    return (q + <real>1) * first * second


cdef inline real exp(real x) noexcept nogil:
    """e^x; infinite where no real can hold it"""
    cdef real highest = <real>89 if REAL_BITS == 32 else <real>710
    return exp_negative(highest if x > highest else x)


cdef inline real expm1_negative(real x) noexcept nogil:
    """e^x - 1 for x <= 0, relative error of about 1 ulp down to the smallest |x|"""
    cdef real lowest = <real>-20 if REAL_BITS == 32 else <real>-40
    cdef real shifted, k, power
    x = lowest if x < lowest else x
    shifted = x * <real>1.4426950408889634074 + round_constant()
    k = shifted - round_constant()
    power = power_of_two(shifted)
    return power * expm1_reduced((x - k * ln_2_high()) - k * ln_2_low()) + (power - <real>1)


cdef inline real mills_less_quarter(real x) noexcept nogil:
    """e^(x^2/2) Phi(-x) - 1/4, Phi the normal distribution, for 0 <= x where e^(-x^2/2) is no 0

    The Mills ratio e^(x^2/2) Phi(-x) is P(x) / Q(x) (rational Remez; relative error below 2^-27 in float, 2^-59 in double before
    the coefficients are rounded, 2^-26 and 2^-56 for x < 2 after that). P - Q / 4 over Q is small where much depends on it, so
    that hardly any of its rounding errors remains when 1/4 is added.
    """
    cdef real p, q
    if REAL_BITS == 32:
        p = <real>-0.0025841970928
        p = p * x - <real>0.0213725417852
        p = p * x - <real>0.0767827406526
        p = p * x - <real>0.11739628762
        p = p * x + <real>0.0197771731764
        p = p * x + <real>0.25
        q = <real>0.0103367883712
        q = q * x + <real>0.101985484362
        q = q * x + <real>0.469866067171
        q = q * x + <real>1.20312476158
        q = q * x + <real>1.67487871647
        q = q * x + <real>1
        return p / q
    p = <real>-1.4014146424432937972e-7
    p = p * x - <real>4.1387908124320810346e-6
    p = p * x - <real>0.000059844699090834177209
    p = p * x - <real>0.00054854464513722812902
    p = p * x - <real>0.0034862165471903246161
    p = p * x - <real>0.015856296813049949174
    p = p * x - <real>0.051374606030551696334
    p = p * x - <real>0.11292661930042853513
    p = p * x - <real>0.14299729934099039697
    p = p * x - <real>0.02471514443517105683
    p = p * x + <real>0.21439796540177141759
    p = p * x + <real>0.25
    q = <real>5.605658569773175189e-7
    q = q * x + <real>0.000017449696934919394208
    q = q * x + <real>0.00026722448391341030753
    q = q * x + <real>0.0026197126268349391585
    q = q * x + <real>0.018097477018262506793
    q = q * x + <real>0.091880837292657696613
    q = q * x + <real>0.34802210721342735633
    q = q * x + <real>0.97945589392018916897
    q = q * x + <real>2.0004775237240446373
    q = q * x + <real>2.8161371234225889282
    q = q * x + <real>2.4533609832128169259
    q = q * x + <real>1
    return p / q


cdef inline real sine_limit() noexcept nogil:
    """sine and cosine are right for |x| up to this."""
    return <real>8192 if REAL_BITS == 32 else <real>1048576


cdef inline real less_pi(real x, real h) noexcept nogil:
    """x - h pi, for multiples h of 1/2 as great as sine_limit() needs: pi in three parts, the first two with so few bits that
    their products with h are exact; what is left of pi is below 2^-45 in float, 2^-118 in double."""
    if REAL_BITS == 32:
        return ((x - h * <real>3.140625) - h * <real>0.000967502593994140625) - h * <real>1.509957990978376e-7
    return (((x - h * <real>3.14159265346825122833252) - h * <real>1.21542010126079319531911e-10)
            - h * <real>4.044532497591901464799e-21)


cdef inline real sine_reduced(real r) noexcept nogil:
    """sin r = r + r^3 s(r^2) for |r| <= pi / 2, s minimax (Remez; relative error below 2^-61 in double)

    In float it was below 2^-35; three units in the last place more of one coefficient, 2^-25, make sin(pi / 2) exactly 1.
    """
    cdef real u = r * r, s
    if REAL_BITS == 32:
        s = <real>-2.3886390670238819439e-8
        s = s * u + <real>2.7525244647451201734e-6
        s = s * u - <real>0.00019840865553296058679
        s = s * u + <real>0.0083333337679505
        s = s * u - <real>0.1666666662569677498
        return r + r * (u * s)
    s = <real>2.7211516251038137515e-15
    s = s * u - <real>7.6429893195918086266e-13
    s = s * u + <real>1.605893962439957042e-10
    s = s * u - <real>2.5052106871220142661e-8
    s = s * u + <real>2.755731921112044631e-6
    s = s * u - <real>0.0001984126984120912377
    s = s * u + <real>0.0083333333333331940508
    s = s * u - <real>0.16666666666666665567
    return r + r * (u * s)


cdef inline real sine(real x) noexcept nogil:
    """sin x for |x| <= sine_limit(): (-1)^k sin(|x| - k pi), with the sign of x"""
    cdef bits sign = <bits>1 << (REAL_BITS - 1)
    cdef real shifted = magnitude(x) * <real>0.3183098861837906715 + round_constant()
    cdef real s = sine_reduced(less_pi(magnitude(x), shifted - round_constant()))
    return bits_to_real(real_to_bits(s) ^ (real_to_bits(shifted) << (REAL_BITS - 1)) ^ (real_to_bits(x) & sign))


cdef inline real cosine(real x) noexcept nogil:
    """cos x for |x| <= sine_limit(): -(-1)^k sin(|x| - (k + 1/2) pi)"""
    cdef bits sign = <bits>1 << (REAL_BITS - 1)
    cdef real shifted = (magnitude(x) * <real>0.3183098861837906715 - <real>0.5) + round_constant()
    cdef real s = sine_reduced(less_pi(magnitude(x), (shifted - round_constant()) + <real>0.5))
    return bits_to_real(real_to_bits(s) ^ (real_to_bits(shifted) << (REAL_BITS - 1)) ^ sign)


cdef inline real log1p_nonnegative(real x) noexcept nogil:
    """log(1 + x) for x >= 0, relative error of about 1 ulp down to the smallest x.

    1 + x = 2^k (1 + f) with 1 + f in [sqrt 1/2, sqrt 2), what rounding took from 1 + x is put back into f, and
    log(1 + f) = 2 artanh(s), s = f / (2 + f).
    """
    cdef bits root_half = <bits>0x3F3504F3u if REAL_BITS == 32 else <bits>0x3FE6A09E667F3BCDull
    cdef bits exponent = (<bits>(2 * EXPONENT_BIAS + 1)) << MANTISSA_BITS
    cdef real u = <real>1 + x
    cdef bits scaled = real_to_bits(u) + ((EXPONENT_BIAS << MANTISSA_BITS) - root_half)
    cdef real f = bits_to_real((scaled & ~exponent) + root_half) - <real>1
    cdef real two_to_minus_k = bits_to_real((2 * EXPONENT_BIAS << MANTISSA_BITS) - (scaled & exponent))
    cdef real k, s, z, R
    f += (x - (u - <real>1)) * two_to_minus_k
    s = f / (<real>2 + f)
    z = s * s
    if REAL_BITS == 32:
        k = bits_to_real((scaled >> MANTISSA_BITS) | 0x4B000000u) - <real>(8388608 + 127)
        R = <real>0.29873074353588665465
        R = R * z + <real>0.39977495534723133931
        R = R * z + <real>0.66666776717466366138
        return k * <real>0.693359375 + ((<real>2 * s + s * z * R) - k * <real>2.12194440054690582767e-4)
    k = bits_to_real((scaled >> MANTISSA_BITS) | <bits>0x4330000000000000ull) - <real>(4503599627370496 + 1023)
    R = <real>0.14797504173163702561
    R = R * z + <real>0.15313903586709647103
    R = R * z + <real>0.18183569727146063393
    R = R * z + <real>0.22222198476215401169
    R = R * z + <real>0.28571428743260614469
    R = R * z + <real>0.39999999999411100744
    R = R * z + <real>0.66666666666667348944
    return k * <real>6.93147180369123816490e-01 + ((<real>2 * s + s * z * R) + k * <real>1.90821492927058770002e-10)


cdef inline real log1p_of_fraction(real x) noexcept nogil:
    """log(1 + x) for 0 <= x <= 1, relative error of about 1 ulp: 2 artanh(s), s = x / (2 + x) <= 1/3

    2 s + s z R(z), z = s^2, with R a minimax polynomial (Remez; relative error of the logarithm below 2^-54 in double,
    2^-27 in float).
    """
    cdef real s = x / (<real>2 + x)
    cdef real z = s * s, R
    if REAL_BITS == 32:
        R = <real>0.2801194987002659918
        R = R * z + <real>0.28001813732610088999
        R = R * z + <real>0.40021526636008390555
        R = R * z + <real>0.66666416298640728493
        return <real>2 * s + s * z * R
    R = <real>0.17739681950914514259
    R = R * z + <real>0.099028599844357746808
    R = R * z + <real>0.13586305962505082507
    R = R * z + <real>0.15364296481335902942
    R = R * z + <real>0.18182814007519519774
    R = R * z + <real>0.22222192907281658544
    R = R * z + <real>0.28571429057936553519
    R = R * z + <real>0.39999999996050414186
    R = R * z + <real>0.66666666666677691299
    return <real>2 * s + s * z * R


cdef inline void next_term(const int count, vec* q, const vec* r, real coefficient) noexcept nogil:
    """q <- q r + coefficient, `count` vectors"""
    cdef int i
    for i in range(count):
        q[i] = q[i] * r[i] + coefficient


cdef inline real tanh_term(const int i) noexcept nogil:
    """The coefficient of s^i in (e^2s - 1 - 2s) / s^2 for |s| <= ln 2 / 4 (Remez; error of e^2s - 1 relative to it below 2^-26 in
    float; `term`'s in double)"""
    if REAL_BITS == 32:
        return (<real>1.9999999262155137208 if i == 0 else <real>1.3333234936919437431 if i == 1
                else <real>0.66667519253022087848 if i == 2 else <real>0.26772844398837892238 if i == 3
                else <real>0.088848196074926514821)
    return <real>(4 << i) * term(i)


cdef inline void tanh_vectors(const int count, real* z) noexcept nogil:
    """z (count vectors) <- E / (E + 2), E = e^2|z| - 1 = 2^k (e^2s - 1) + 2^k - 1, with the sign of z

    s = |z| - k ln 2 / 2, for which float needs only one part of ln 2: where it matters k is small. Each operation on all
    vectors before the next one: those on one vector wait for each other, and vector after vector they would fill the CPU's
    queues, so that few were under way at a time.
    """
    cdef real saturated = <real>10 if REAL_BITS == 32 else <real>20
    cdef bits sign = <bits>1 << (REAL_BITS - 1)
    cdef real[TOGETHER * 16] y
    cdef vec[TOGETHER] k, power, s, q, E
    cdef real x
    cdef int i
    for i in range(count * LANES):
        x = magnitude(z[i])
        y[i] = saturated if x > saturated else x
    for i in range(count):
        power[i] = load(y + i * LANES) * <real>2.8853900817779268147 + round_constant()
    for i in range(count):
        k[i] = power[i] - round_constant()
        power[i] = <vec>((<bits_vec>power[i] + EXPONENT_BIAS) << MANTISSA_BITS)
    if REAL_BITS == 32:
        for i in range(count):
            s[i] = load(y + i * LANES) - k[i] * <real>0.34657359027997265471
    else:
        for i in range(count):
            s[i] = load(y + i * LANES) - k[i] * (<real>0.5 * ln_2_high())
        for i in range(count):
            s[i] = s[i] - k[i] * (<real>0.5 * ln_2_low())
    for i in range(count):
        q[i] = broadcast(tanh_term(4 if REAL_BITS == 32 else 9))
    if REAL_BITS == 64:
        next_term(count, q, s, tanh_term(8))
        next_term(count, q, s, tanh_term(7))
        next_term(count, q, s, tanh_term(6))
        next_term(count, q, s, tanh_term(5))
        next_term(count, q, s, tanh_term(4))
    next_term(count, q, s, tanh_term(3))
    next_term(count, q, s, tanh_term(2))
    next_term(count, q, s, tanh_term(1))
    next_term(count, q, s, tanh_term(0))
    for i in range(count):
        q[i] = (s[i] + s[i]) + s[i] * s[i] * q[i]
    for i in range(count):
        E[i] = power[i] * q[i] + (power[i] - <real>1)
    for i in range(count):
        q[i] = E[i] + <real>2
    for i in range(count):
        E[i] = E[i] / q[i]
    for i in range(count):
        store(z + i * LANES, <vec>(<bits_vec>E[i] | (<bits_vec>load(z + i * LANES) & sign)))


cdef inline void tanh(real* z, Py_ssize_t n) noexcept nogil:
    """z (n,) <- tanh z"""
    cdef real[16] rest
    cdef Py_ssize_t i = 0, k
    if VECTOR_BYTES == 64:
        while i + TOGETHER * LANES <= n:
            tanh_vectors(TOGETHER, z + i)
            i += TOGETHER * LANES
    while i + 4 * LANES <= n:
        tanh_vectors(4, z + i)
        i += 4 * LANES
    while i + LANES <= n:
        tanh_vectors(1, z + i)
        i += LANES
    if i < n:
        for k in range(LANES):
            rest[k] = z[i + k] if i + k < n else <real>0
        tanh_vectors(1, rest)
        for k in range(n - i):
            z[i + k] = rest[k]
