/* Nets drawn by lot, of all operators that have a layer and in both layouts: passes and emission
 * must take every one of them, and every value that names its origin must be what it was.
 *
 * Which one failed is in the message, "seed 17: ...".
 */
#include <criterion/criterion.h>

#include "tests/unit/convert/pass_support.h"

TestSuite(pass_random, .init = support_begin, .fini = support_end);

/* The value at hand: an image of the net's layout, or a vector. */
struct drawn {
    struct net net;
    bool last; /* channels are the last axis */
    uint32_t x;
    int64_t c, h, w;
    bool positive; /* no element is below 0 */
    bool active;   /* an activation stands between it and the last weights */
};

static uint32_t below(struct drawn *d, uint32_t count)
{
    return (uint32_t)(support_random(&d->net.state) * count);
}

/* An operator that wants N,C,H,W on an image of the net's layout. */
static uint32_t to_first(struct drawn *d, uint32_t x)
{
    return d->last ? net_transpose(&d->net, x, NET_DIM(0, 3, 1, 2)) : x;
}

static uint32_t to_own(struct drawn *d, uint32_t x)
{
    return d->last ? net_transpose(&d->net, x, NET_DIM(0, 2, 3, 1)) : x;
}

/* A constant that broadcasts to the image: one value, one a channel, or one an element. */
static uint32_t draw_constant(struct drawn *d, bool positive, bool map)
{
    uint32_t (*make)(struct net *, double, size_t, const int64_t *) =
        positive ? net_positive : net_random;
    switch (below(d, map ? 4 : 3)) {
    case 0:
        return make(&d->net, 1.0, 0, NULL);
    case 1:
        return d->last ? make(&d->net, 1.0, NET_DIM(1, 1, 1, d->c))
                       : make(&d->net, 1.0, NET_DIM(1, d->c, 1, 1));
    case 2:
        return d->last ? make(&d->net, 1.0, NET_DIM(d->c))
                       : make(&d->net, 1.0, NET_DIM(d->c, 1, 1));
    default:
        return d->last ? make(&d->net, 1.0, NET_DIM(d->h, d->w, d->c))
                       : make(&d->net, 1.0, NET_DIM(d->c, d->h, d->w));
    }
}

static void conv(struct drawn *d)
{
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_CONV);
    int64_t out = 1 + below(d, 4), extent[2] = {d->h, d->w};
    a.spatial = 2;
    a.group = below(d, 4) == 0 ? d->c : 1;
    if (a.group > 1) out = a.group * (1 + below(d, 2));
    if (below(d, 4) == 0)
        a.auto_pad = below(d, 2) == 0 ? SNNCONV_AUTO_PAD_SAME_UPPER : SNNCONV_AUTO_PAD_SAME_LOWER;
    for (int i = 0; i < 2; i++) {
        a.kernel[i] = 1 + below(d, extent[i] < 3 ? (uint32_t)extent[i] : 3);
        a.stride[i] = 1 + below(d, 2);
        a.dilation[i] = a.kernel[i] * 2 - 1 <= extent[i] ? 1 + below(d, 2) : 1;
        if (a.auto_pad == SNNCONV_AUTO_PAD_NOTSET) {
            a.pad_begin[i] = below(d, 3);
            a.pad_end[i] = below(d, 3);
        }
    }
    uint32_t w = net_random(&d->net, 0.7, NET_DIM(out, d->c / a.group, a.kernel[0], a.kernel[1]));
    uint32_t b = net_random(&d->net, 0.5, NET_DIM(out)), x = to_first(d, d->x);
    uint32_t y = below(d, 2) == 0 ? net_op(&d->net, SNNCONV_OP_CONV, &a, NET_LIST(x, w, b))
                                  : net_op(&d->net, SNNCONV_OP_CONV, &a, NET_LIST(x, w));
    for (uint32_t i = 0; i < 2; i++)
        extent[i] = snnconv_op_axis(&a, i, extent[i], a.kernel[i]).positions;
    d->x = to_own(d, y);
    d->c = out;
    d->h = extent[0];
    d->w = extent[1];
    d->positive = d->active = false;
}

static void pool(struct drawn *d)
{
    enum snnconv_op op = below(d, 2) == 0 ? SNNCONV_OP_MAX_POOL : SNNCONV_OP_AVERAGE_POOL;
    struct snnconv_attributes a = net_attributes(op);
    int64_t extent[2] = {d->h, d->w};
    a.spatial = 2;
    a.count_include_pad = below(d, 2) == 0;
    a.ceil_mode = below(d, 3) == 0 && (op == SNNCONV_OP_MAX_POOL || !a.count_include_pad);
    for (uint32_t i = 0; i < 2; i++) {
        a.kernel[i] = 1 + below(d, extent[i] < 3 ? (uint32_t)extent[i] : 3);
        a.stride[i] = 1 + below(d, 2);
        a.pad_begin[i] = below(d, (uint32_t)a.kernel[i]);
        a.pad_end[i] = below(d, (uint32_t)a.kernel[i]);
        extent[i] = snnconv_op_axis(&a, i, extent[i], a.kernel[i]).positions;
    }
    uint32_t x = to_first(d, d->x);
    d->x = to_own(d, net_op(&d->net, op, &a, &x, 1));
    d->h = extent[0];
    d->w = extent[1];
}

static void activation(struct drawn *d)
{
    struct snnconv_attributes leaky = net_attributes(SNNCONV_OP_LEAKY_RELU);
    uint32_t low = SNNCONV_NONE, high = SNNCONV_NONE;
    switch (below(d, 5)) {
    case 0:
        leaky.alpha = 0.125F;
        d->x = net_op(&d->net, SNNCONV_OP_LEAKY_RELU, &leaky, &d->x, 1);
        d->active = true;
        return;
    case 1:
        low = net_scalar(&d->net, 0.0F);
        if (below(d, 2) == 0) high = net_scalar(&d->net, 0.75F);
        d->x = net_op(&d->net, SNNCONV_OP_CLIP, NULL, NET_LIST(d->x, low, high));
        break;
    default:
        d->x = net_unary(&d->net, SNNCONV_OP_RELU, d->x);
    }
    d->positive = d->active = true;
}

static void arithmetic(struct drawn *d)
{
    switch (below(d, 5)) {
    case 0:
        d->x = net_binary(&d->net, SNNCONV_OP_ADD, d->x, draw_constant(d, false, true));
        break;
    case 1:
        d->x = net_binary(&d->net, SNNCONV_OP_ADD, draw_constant(d, false, true), d->x);
        break;
    case 2:
        d->x = net_binary(&d->net, SNNCONV_OP_SUB, draw_constant(d, false, false), d->x);
        break;
    case 3:
        d->x = net_binary(&d->net, SNNCONV_OP_MUL, draw_constant(d, false, false), d->x);
        break;
    default:
        d->x = net_binary(&d->net, SNNCONV_OP_DIV, d->x, draw_constant(d, true, false));
    }
    d->positive = false;
}

static void norm(struct drawn *d)
{
    d->x = to_own(d, net_norm(&d->net, to_first(d, d->x), d->c));
    d->positive = false;
}

/* Zeros around an image, which a convolution takes up. */
static void pad(struct drawn *d)
{
    int64_t amount[8] = {0};
    uint32_t row = d->last ? 1 : 2;
    for (uint32_t i = 0; i < 2; i++) {
        amount[row + i] = below(d, 3);
        amount[4 + row + i] = below(d, 3);
    }
    d->x = net_op(&d->net, SNNCONV_OP_PAD, NULL, NET_LIST(d->x, net_integers(&d->net, 8, amount)));
    d->h += amount[row] + amount[4 + row];
    d->w += amount[row + 1] + amount[5 + row];
    conv(d);
}

/* Two branches of one convolution each, added or joined; one of them may be nothing. */
static void branch(struct drawn *d)
{
    bool adds = below(d, 2) == 0;
    uint32_t start = d->x;
    int64_t out = adds ? d->c : 1 + below(d, 3);
    bool bare = adds && below(d, 3) == 0; /* then others read what scales and activations do */
    uint32_t a = bare ? start : to_own(d, net_conv(&d->net, to_first(d, start), d->c, out, 3, 1));
    uint32_t b = start;
    if (below(d, 2) == 0) a = to_own(d, net_norm(&d->net, to_first(d, a), out));
    if (below(d, 2) == 0) a = net_unary(&d->net, SNNCONV_OP_RELU, a);
    if (below(d, 2) == 0) b = to_own(d, net_conv(&d->net, to_first(d, start), d->c, d->c, 1, 0));
    if (adds) {
        d->x = below(d, 2) == 0 ? net_binary(&d->net, SNNCONV_OP_ADD, a, b)
                                : net_binary(&d->net, SNNCONV_OP_SUM, b, a);
    } else {
        struct snnconv_attributes join = net_attributes(SNNCONV_OP_CONCAT);
        join.axis = d->last ? -1 : 1;
        d->x = net_op(&d->net, SNNCONV_OP_CONCAT, &join, NET_LIST(b, a));
        d->c += out;
    }
    d->positive = false;
}

static void nothing(struct drawn *d)
{
    d->x = net_unary(&d->net, below(d, 2) == 0 ? SNNCONV_OP_IDENTITY : SNNCONV_OP_DROPOUT, d->x);
}

/* An image becomes a vector, by one of the ways that files have. */
static int64_t flatten(struct drawn *d)
{
    int64_t count = d->c * d->h * d->w;
    struct snnconv_attributes mean = net_attributes(SNNCONV_OP_REDUCE_MEAN);
    uint32_t axes;
    switch (below(d, 4)) {
    case 0:
        d->x = net_reshape(&d->net, d->x, NET_DIM(-1, count));
        return count;
    case 1:
        d->x = net_unary(&d->net, SNNCONV_OP_FLATTEN, d->x);
        return count;
    case 2:
        d->x = net_unary(&d->net, SNNCONV_OP_GLOBAL_AVERAGE_POOL, to_first(d, d->x));
        d->x = net_op(&d->net, SNNCONV_OP_SQUEEZE, NULL,
                      NET_LIST(d->x, net_integers(&d->net, 2, (const int64_t[]){2, 3})));
        return d->c;
    default:
        mean.keepdims = false;
        axes =
            net_integers(&d->net, 2, d->last ? (const int64_t[]){1, 2} : (const int64_t[]){2, 3});
        d->x = net_op(&d->net, SNNCONV_OP_REDUCE_MEAN, &mean, NET_LIST(d->x, axes));
        return d->c;
    }
}

static void dense(struct drawn *d, int64_t in, int64_t out)
{
    struct snnconv_attributes a = net_attributes(SNNCONV_OP_GEMM);
    uint32_t w, b = net_random(&d->net, 0.5, NET_DIM(out));
    a.trans_b = below(d, 2) == 0;
    if (below(d, 2) == 0) a.alpha = 0.5F;
    if (below(d, 2) == 0) a.beta = 2.0F;
    switch (below(d, 3)) {
    case 0:
        w = net_random(&d->net, 0.5, NET_DIM(in, out));
        d->x = net_binary(&d->net, SNNCONV_OP_MAT_MUL, d->x, w);
        d->x = net_binary(&d->net, SNNCONV_OP_ADD, b, d->x);
        break;
    default:
        w = a.trans_b ? net_random(&d->net, 0.5, NET_DIM(out, in))
                      : net_random(&d->net, 0.5, NET_DIM(in, out));
        d->x = net_op(&d->net, SNNCONV_OP_GEMM, &a, NET_LIST(d->x, w, b));
    }
}

/* Normalisation of a vector, which exporters write with axes put in and out. */
static void norm_vector(struct drawn *d, int64_t count)
{
    uint32_t axis = net_integers(&d->net, 1, (const int64_t[]){2});
    bool wraps = below(d, 2) == 0;
    if (wraps) d->x = net_op(&d->net, SNNCONV_OP_UNSQUEEZE, NULL, NET_LIST(d->x, axis));
    d->x = net_norm(&d->net, d->x, count);
    if (wraps) d->x = net_op(&d->net, SNNCONV_OP_SQUEEZE, NULL, NET_LIST(d->x, axis));
}

static void draw_body(struct drawn *d)
{
    void (*const steps[])(struct drawn *) = {conv,       conv, pool, activation, activation,
                                             arithmetic, norm, pad,  branch,     nothing};
    uint32_t count = 3 + below(d, 8);
    for (uint32_t i = 0; i < count; i++)
        steps[below(d, sizeof(steps) / sizeof(steps[0]))](d);
}

static void draw(uint32_t seed)
{
    struct drawn d = {.last = seed % 2 == 1, .positive = true};
    net_begin(&d.net);
    d.net.seed = seed;
    d.net.tolerance = 2e-5; /* scales of small variances pile up */
    d.net.state = seed * 2654435761u + 1u;
    for (int i = 0; i < 4; i++)
        (void)below(&d, 2);
    d.c = 1 + below(&d, 3);
    d.h = 3 + below(&d, 6);
    d.w = 3 + below(&d, 6);
    d.net.program.channels_last = d.last;
    d.x = d.last ? net_input(&d.net, NET_DIM(1, d.h, d.w, d.c))
                 : net_input(&d.net, NET_DIM(1, d.c, d.h, d.w));
    draw_body(&d);
    int64_t count = flatten(&d);
    if (below(&d, 4) == 0) norm_vector(&d, count);
    dense(&d, count, 5);
    if (below(&d, 2) == 0) norm_vector(&d, 5);
    d.x = net_unary(&d.net, SNNCONV_OP_RELU, d.x);
    if (below(&d, 3) == 0) norm_vector(&d, 5);
    dense(&d, 5, 4);
    if (below(&d, 2) == 0) d.x = net_unary(&d.net, SNNCONV_OP_SOFTMAX, d.x);
    net_output(&d.net, d.x);
    (void)net_check(&d.net);
    net_end(&d.net);
}

Test(pass_random, every_net_drawn_by_lot_stays_what_it_was)
{
    for (uint32_t seed = 0; seed < 400; seed++)
        draw(seed);
}
