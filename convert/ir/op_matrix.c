/* Gemm, MatMul, MatMulInteger and QLinearMatMul: one product of two matrices over factors and sums
 * of any type (op_lanes.h), and what each of them does before and behind it.
 *
 * The left matrix has its rows without gaps. The right one has either its columns without gaps
 * ([n][k]: scalar products) or its rows ([k][n]: multiples of rows added up, in blocks of columns
 * that stay in the cache).
 */
#include <inttypes.h>
#include <string.h>

#include "convert/ir/op.h"
#include "convert/ir/op_lanes.h"
#include "convert/ir/op_quantize.h"
#include "convert/ir/op_rules.h"
#include "libsnn/base/error.h"
#include "libsnn/base/memory.h"

enum {
    BLOCK_COLUMNS = 1024,
    BLOCK_TERMS = 64 /* rows of the right matrix that are used for all rows of the left one */
};

/* [m][k] times [k][n]. */
struct product {
    const struct snnconv_lanes *lanes;
    size_t m, k, n;
    bool by_columns; /* the right matrix lies as [n][k] */
};

/* ---- The core ---- */

static void multiply_by_columns(const struct product *p, const unsigned char *a,
                                const unsigned char *b, unsigned char *out)
{
    const size_t factor = snnconv_type_size(p->lanes->factor);
    const size_t sum = snnconv_type_size(p->lanes->sum);
    for (size_t column = 0; column < p->n; column++) {
        for (size_t row = 0; row < p->m; row++)
            p->lanes->dot(out + (row * p->n + column) * sum, a + row * p->k * factor,
                          b + column * p->k * factor, p->k);
    }
}

/* `out` is zero. */
static void multiply_by_rows(const struct product *p, const unsigned char *a,
                             const unsigned char *b, unsigned char *out)
{
    const size_t factor = snnconv_type_size(p->lanes->factor);
    const size_t sum = snnconv_type_size(p->lanes->sum);
    size_t taps[BLOCK_TERMS];
    for (size_t i = 0; i < BLOCK_TERMS; i++)
        taps[i] = i * p->n;
    for (size_t column = 0; column < p->n; column += BLOCK_COLUMNS) {
        size_t columns = p->n - column < BLOCK_COLUMNS ? p->n - column : BLOCK_COLUMNS;
        for (size_t term = 0; term < p->k; term += BLOCK_TERMS) {
            size_t terms = p->k - term < BLOCK_TERMS ? p->k - term : BLOCK_TERMS;
            for (size_t row = 0; row < p->m; row++)
                p->lanes->accumulate(out + (row * p->n + column) * sum,
                                     b + (term * p->n + column) * factor, taps,
                                     a + (row * p->k + term) * factor, terms, columns);
        }
    }
}

static void multiply(const struct product *p, const void *a, const void *b, void *out)
{
    if (p->by_columns || p->n == 1)
        multiply_by_columns(p, a, b, out);
    else
        multiply_by_rows(p, a, b, out);
}

/* ---- Gemm ---- */

static int fail_shapes(struct snn_context *context, const struct snnconv_array *a,
                       const struct snnconv_array *b, const char *what)
{
    char a_text[SNNCONV_ARRAY_TEXT_SIZE], b_text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(a_text, a);
    snnconv_array_format(b_text, b);
    (void)snnbase_fail(context, SNN_ERR_INVALID, "inputs of shape %s and %s: %s", a_text, b_text,
                       what);
    return SNN_ERR_INVALID;
}

/* Floats, and integers of 32 and 64 bits. */
static int check_type(struct snn_context *context, const struct snnconv_array *a,
                      const struct snnconv_array *b)
{
    if (!snnconv_type_is_float(a->type) && (snnconv_type_size(a->type) < 4))
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "inputs of %s, floats or integers of 32 or 64 bits expected",
                            snnconv_type_name(a->type));
    return snnconv_rule_same_type(context, a, b);
}

static int gemm_init(struct product *out, struct snn_context *context,
                     const struct snnconv_call *call)
{
    const struct snnconv_array *a = call->inputs[0], *b = call->inputs[1];
    const bool trans_a = call->attributes->trans_a, trans_b = call->attributes->trans_b;
    if (a->rank != 2 || b->rank != 2) return fail_shapes(context, a, b, "Gemm takes two matrices");
    if (a->dim[trans_a ? 0 : 1] != b->dim[trans_b ? 1 : 0])
        return fail_shapes(context, a, b,
                           trans_a || trans_b ? "the inner extents differ after transposing"
                                              : "the inner extents differ");
    *out = (struct product){
        .lanes = snnconv_lanes_of(a->type),
        .m = (size_t)a->dim[trans_a ? 1 : 0],
        .k = (size_t)a->dim[trans_a ? 0 : 1],
        .n = (size_t)b->dim[trans_b ? 0 : 1],
        .by_columns = trans_b,
    };
    return SNN_OK;
}

int snnconv_gemm_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *a = call->inputs[0], *c = snnconv_call_input(call, 2);
    struct snnconv_array *y = &call->outputs[0], both;
    struct product product = {.lanes = NULL};
    int status = check_type(context, a, call->inputs[1]);
    if (status == SNN_OK) status = gemm_init(&product, context, call);
    if (status != SNN_OK) return status;
    *y = (struct snnconv_array){.type = a->type, .rank = 2};
    y->dim[0] = (int64_t)product.m;
    y->dim[1] = (int64_t)product.n;
    if (c == NULL) return SNN_OK;
    status = snnconv_rule_same_type(context, a, c);
    if (status == SNN_OK) status = snnconv_rule_broadcast(context, y, c, &both);
    if (status != SNN_OK) return snnbase_where(context, "C");
    if (both.rank == 2 && both.dim[0] == y->dim[0] && both.dim[1] == y->dim[1]) return SNN_OK;
    char text[SNNCONV_ARRAY_TEXT_SIZE], c_text[SNNCONV_ARRAY_TEXT_SIZE];
    snnconv_array_format(text, y);
    snnconv_array_format(c_text, c);
    return snnbase_fail(context, SNN_ERR_INVALID, "C of shape %s for a product of shape %s", c_text,
                        text);
}

/* The transpose of a matrix [rows][columns] of numbers. */
static void transpose(const unsigned char *from, size_t rows, size_t columns, size_t size,
                      unsigned char *to)
{
    for (size_t c = 0; c < columns; c++) {
        for (size_t r = 0; r < rows; r++, to += size)
            memcpy(to, from + (r * columns + c) * size, size);
    }
}

/* *a becomes [m][k]; a block of its own that *block_out gets. */
static int transpose_left(const void **a, struct snn_context *context, const struct product *p,
                          void **block_out)
{
    const size_t size = snnconv_type_size(p->lanes->factor);
    unsigned char *to = snnbase_alloc_aligned(context, p->m * p->k, size);
    if (to == NULL) return SNN_ERR_NOMEM;
    transpose(*a, p->k, p->m, size, to);
    *block_out = to;
    *a = to;
    return SNN_OK;
}

/* Elements of C from one row and column of the product to the next. */
static void broadcast_strides(const struct snnconv_array *c, size_t *row_out, size_t *column_out)
{
    size_t columns = c->rank > 0 ? (size_t)c->dim[c->rank - 1] : 1;
    *column_out = columns == 1 ? 0 : 1;
    *row_out = c->rank < 2 || c->dim[0] == 1 ? 0 : columns;
}

/* y = alpha * sums + beta * C. */
static void combine(const struct snnconv_call *call, const struct product *p,
                    const struct snnconv_array *sums)
{
    const struct snnconv_array *c = snnconv_call_input(call, 2);
    const double alpha = (double)call->attributes->alpha, beta = (double)call->attributes->beta;
    const bool whole = !snnconv_type_is_float(sums->type) && alpha == 1.0 && beta == 1.0;
    struct snnconv_array *y = &call->outputs[0];
    size_t row_step = 0, column_step = 0, at = 0;
    if (c != NULL) broadcast_strides(c, &row_step, &column_step);
    for (size_t row = 0; row < p->m; row++) {
        for (size_t column = 0; column < p->n; column++, at++) {
            size_t from = row * row_step + column * column_step;
            if (whole) {
                uint64_t sum = (uint64_t)snnconv_array_load_integer(sums, at);
                if (c != NULL) sum += (uint64_t)snnconv_array_load_integer(c, from);
                snnconv_array_store_integer(y, at, (int64_t)sum);
                continue;
            }
            double value = alpha * snnconv_array_load(sums, at);
            if (c != NULL) value += beta * snnconv_array_load(c, from);
            snnconv_array_store(y, at, value);
        }
    }
}

int snnconv_gemm_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    void *a_block = NULL, *transposed = NULL, *b_block = NULL, *sum_block = NULL;
    const void *a = NULL, *b = NULL;
    struct snnconv_array sums;
    struct product p = {.lanes = NULL};
    int status = gemm_init(&p, context, call);
    if (status != SNN_OK) return status;
    status = snnconv_lanes_load(&a, context, p.lanes->factor, call->inputs[0], &a_block);
    if (status == SNN_OK && call->attributes->trans_a)
        status = transpose_left(&a, context, &p, &transposed);
    if (status == SNN_OK)
        status = snnconv_lanes_load(&b, context, p.lanes->factor, call->inputs[1], &b_block);
    if (status == SNN_OK)
        status = snnconv_lanes_begin(&sums, context, p.lanes->sum, &call->outputs[0], &sum_block);
    if (status == SNN_OK) {
        multiply(&p, a, b, snnconv_array_room(&sums));
        combine(call, &p, &sums);
    }
    snnbase_free(context, a_block);
    snnbase_free(context, transposed);
    snnbase_free(context, b_block);
    snnbase_free(context, sum_block);
    return status;
}

/* ---- MatMul: matrices in the last two axes, the others broadcast ---- */

/* A list is a matrix of one row (left) or one column (right), an axis that the output lacks. */
struct stack {
    struct snnconv_array a, b;  /* both of rank 2 or more */
    struct snnconv_array batch; /* the axes before the last two, broadcast */
    struct product product;
};

static int stack_init(struct stack *out, struct snn_context *context, const struct snnconv_array *a,
                      const struct snnconv_array *b)
{
    struct stack stack = {.a = *a, .b = *b};
    if (a->rank == 0 || b->rank == 0) return fail_shapes(context, a, b, "a scalar is no matrix");
    if (a->rank == 1) {
        stack.a.rank = 2;
        stack.a.dim[0] = 1;
        stack.a.dim[1] = a->dim[0];
    }
    if (b->rank == 1) {
        stack.b.rank = 2;
        stack.b.dim[1] = 1;
    }
    const uint32_t a_rank = stack.a.rank, b_rank = stack.b.rank;
    struct product *p = &stack.product;
    p->m = (size_t)stack.a.dim[a_rank - 2];
    p->k = (size_t)stack.a.dim[a_rank - 1];
    p->n = (size_t)stack.b.dim[b_rank - 1];
    if (stack.a.dim[a_rank - 1] != stack.b.dim[b_rank - 2])
        return fail_shapes(context, a, b, "the inner extents differ");
    struct snnconv_array a_batch = stack.a, b_batch = stack.b;
    a_batch.rank = a_rank - 2;
    b_batch.rank = b_rank - 2;
    int status = snnconv_rule_broadcast(context, &a_batch, &b_batch, &stack.batch);
    if (status != SNN_OK) return status;
    *out = stack;
    return SNN_OK;
}

static void stack_shape(const struct stack *stack, const struct snnconv_array *a,
                        const struct snnconv_array *b, struct snnconv_array *y)
{
    *y = stack->batch;
    y->type = a->type;
    if (a->rank > 1) y->dim[y->rank++] = (int64_t)stack->product.m;
    if (b->rank > 1) y->dim[y->rank++] = (int64_t)stack->product.n;
}

/* Which matrix of x belongs to number `index` of the batch. */
static size_t matrix_of(const struct snnconv_array *x, const struct snnconv_array *batch,
                        size_t index)
{
    size_t at = 0, step = 1;
    for (uint32_t i = 0; i < batch->rank; i++) { /* i-th from the end */
        size_t extent = (size_t)batch->dim[batch->rank - 1 - i], place = index % extent;
        index /= extent;
        if (i + 2 >= x->rank) continue;
        size_t own = (size_t)x->dim[x->rank - 3 - i];
        if (own != 1) at += place * step;
        step *= own;
    }
    return at;
}

/* Factors that lie ready, in the order of a and b, into sums that are zero. */
static void multiply_stack(const struct stack *stack, const unsigned char *a,
                           const unsigned char *b, unsigned char *sums)
{
    const struct product *p = &stack->product;
    const size_t factor = snnconv_type_size(p->lanes->factor);
    const size_t size = p->m * p->n * snnconv_type_size(p->lanes->sum);
    const size_t count = snnconv_array_count(&stack->batch);
    if (stack->b.rank == 2 && count > 0) { /* all rows of the left ones at once */
        struct product all = *p;
        all.m *= count;
        multiply(&all, a, b, sums);
        return;
    }
    for (size_t i = 0; i < count; i++, sums += size)
        multiply(p, a + matrix_of(&stack->a, &stack->batch, i) * p->m * p->k * factor,
                 b + matrix_of(&stack->b, &stack->batch, i) * p->k * p->n * factor, sums);
}

int snnconv_mat_mul_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *a = call->inputs[0], *b = call->inputs[1];
    struct stack stack = {.a = {.rank = 0}};
    int status = check_type(context, a, b);
    if (status == SNN_OK) status = stack_init(&stack, context, a, b);
    if (status == SNN_OK) stack_shape(&stack, a, b, &call->outputs[0]);
    return status;
}

int snnconv_mat_mul_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    void *a_block = NULL, *b_block = NULL, *sum_block = NULL;
    const void *a = NULL, *b = NULL;
    struct snnconv_array sums;
    struct stack stack = {.a = {.rank = 0}};
    int status = stack_init(&stack, context, call->inputs[0], call->inputs[1]);
    if (status != SNN_OK) return status;
    const struct snnconv_lanes *lanes = snnconv_lanes_of(call->inputs[0]->type);
    stack.product.lanes = lanes;
    status = snnconv_lanes_load(&a, context, lanes->factor, call->inputs[0], &a_block);
    if (status == SNN_OK)
        status = snnconv_lanes_load(&b, context, lanes->factor, call->inputs[1], &b_block);
    if (status == SNN_OK)
        status = snnconv_lanes_begin(&sums, context, lanes->sum, &call->outputs[0], &sum_block);
    if (status == SNN_OK) {
        multiply_stack(&stack, a, b, snnconv_array_room(&sums));
        snnconv_lanes_store(&call->outputs[0], &sums);
    }
    snnbase_free(context, a_block);
    snnbase_free(context, b_block);
    snnbase_free(context, sum_block);
    return status;
}

/* ---- Quantised ---- */

enum { INTEGER_A, INTEGER_B, INTEGER_A_ZERO, INTEGER_B_ZERO };
enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, Y_SCALE, Y_ZERO };

/* Which parameter an element has, for one of rows of the left (axis rank - 2) or columns of the
 * right matrix (axis rank - 1): a scalar, a list for that axis, or one list for each matrix:
 * [D1, D2, M, 1] and [D1, D2, 1, N]. */
static int find_grain(struct snnconv_grain *out, struct snn_context *context, const char *name,
                      const struct snnconv_array *x, uint32_t axis,
                      const struct snnconv_array *parameter)
{
    *out = snnconv_grain_whole(x);
    if (parameter == NULL || snnconv_array_count(parameter) == 1) return SNN_OK;
    const bool is_list = parameter->rank == 1;
    bool same = is_list ? parameter->dim[0] == x->dim[axis] : parameter->rank == x->rank;
    for (uint32_t i = 0; !is_list && same && i < x->rank; i++)
        same = parameter->dim[i] == (i + 2 < x->rank || i == axis ? x->dim[i] : 1);
    if (!same) {
        char text[SNNCONV_ARRAY_TEXT_SIZE], x_text[SNNCONV_ARRAY_TEXT_SIZE];
        snnconv_array_format(text, parameter);
        snnconv_array_format(x_text, x);
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s has the shape %s, which is none for axis %" PRIu32 " of %s", name,
                            text, axis, x_text);
    }
    const uint32_t rows = x->rank - 2;
    *out = snnconv_grain_axis(x, rows);
    out->outer_step = is_list ? 0 : (size_t)x->dim[axis];
    out->step = axis == rows ? 1 : 0;
    out->inner_step = axis == rows ? 0 : 1;
    return SNN_OK;
}

/* A product of 8-bit integers above their zero points. */
struct quantized {
    struct stack stack;
    const struct snnconv_array *a_zero, *b_zero; /* may be NULL */
    struct snnconv_grain a_grain, b_grain;
};

static int quantized_init(struct quantized *out, struct snn_context *context,
                          const struct snnconv_array *a, const struct snnconv_array *b)
{
    struct stack *stack = &out->stack;
    int status = snnconv_quantize_check(context, "a", a, out->a_zero);
    if (status == SNN_OK) status = snnconv_quantize_check(context, "b", b, out->b_zero);
    if (status == SNN_OK) status = stack_init(stack, context, a, b);
    if (status != SNN_OK) return status;
    stack->product.lanes = &snnconv_lanes_quantized;
    status = find_grain(&out->a_grain, context, "a_zero_point", &stack->a, stack->a.rank - 2,
                        out->a_zero);
    if (status == SNN_OK)
        status = find_grain(&out->b_grain, context, "b_zero_point", &stack->b, stack->b.rank - 1,
                            out->b_zero);
    return status;
}

static int run_quantized(struct snn_context *context, const struct quantized *q, void *sums)
{
    int16_t *a = NULL, *b = NULL;
    int status = snnconv_quantize_center(&a, context, &q->stack.a, q->a_zero, &q->a_grain);
    if (status == SNN_OK)
        status = snnconv_quantize_center(&b, context, &q->stack.b, q->b_zero, &q->b_grain);
    if (status == SNN_OK)
        multiply_stack(&q->stack, (const unsigned char *)a, (const unsigned char *)b, sums);
    snnbase_free(context, a);
    snnbase_free(context, b);
    return status;
}

static int integer_init(struct quantized *out, struct snn_context *context,
                        const struct snnconv_call *call)
{
    out->a_zero = snnconv_call_input(call, INTEGER_A_ZERO);
    out->b_zero = snnconv_call_input(call, INTEGER_B_ZERO);
    return quantized_init(out, context, call->inputs[INTEGER_A], call->inputs[INTEGER_B]);
}

int snnconv_mat_mul_integer_shape(struct snn_context *context, const struct snnconv_call *call)
{
    struct quantized q = {.a_zero = NULL};
    int status = integer_init(&q, context, call);
    if (status != SNN_OK) return status;
    stack_shape(&q.stack, call->inputs[INTEGER_A], call->inputs[INTEGER_B], &call->outputs[0]);
    call->outputs[0].type = SNNCONV_TYPE_I32;
    return SNN_OK;
}

int snnconv_mat_mul_integer_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct quantized q = {.a_zero = NULL};
    int status = integer_init(&q, context, call);
    return status == SNN_OK ? run_quantized(context, &q, snnconv_array_room(&call->outputs[0]))
                            : status;
}

static int qlinear_init(struct quantized *out, struct snn_context *context,
                        const struct snnconv_call *call)
{
    out->a_zero = call->inputs[A_ZERO];
    out->b_zero = call->inputs[B_ZERO];
    return quantized_init(out, context, call->inputs[A], call->inputs[B]);
}

int snnconv_qlinear_mat_mul_shape(struct snn_context *context, const struct snnconv_call *call)
{
    const struct snnconv_array *a_scale = call->inputs[A_SCALE], *b_scale = call->inputs[B_SCALE];
    const struct snnconv_array *y_scale = call->inputs[Y_SCALE], *y_zero = call->inputs[Y_ZERO];
    struct snnconv_grain grain;
    struct quantized q = {.a_zero = NULL};
    int status = qlinear_init(&q, context, call);
    const struct stack *stack = &q.stack;
    if (status == SNN_OK) status = snnconv_quantize_check(context, "y", y_zero, NULL);
    if (status == SNN_OK) status = snnconv_quantize_check_scale(context, "a_scale", a_scale);
    if (status == SNN_OK) status = snnconv_quantize_check_scale(context, "b_scale", b_scale);
    if (status == SNN_OK) status = snnconv_quantize_check_scale(context, "y_scale", y_scale);
    if (status == SNN_OK)
        status = find_grain(&grain, context, "a_scale", &stack->a, stack->a.rank - 2, a_scale);
    if (status == SNN_OK)
        status = find_grain(&grain, context, "b_scale", &stack->b, stack->b.rank - 1, b_scale);
    if (status != SNN_OK) return status;
    if (snnconv_array_count(y_scale) != 1 || snnconv_array_count(y_zero) != 1)
        return fail_shapes(context, y_scale, y_zero, "y has one scale and one zero point");
    stack_shape(stack, call->inputs[A], call->inputs[B], &call->outputs[0]);
    call->outputs[0].type = y_zero->type;
    return SNN_OK;
}

/* Sums of one matrix of the batch into the output. */
static void requantize(const struct snnconv_call *call, const struct stack *stack, size_t index,
                       const struct snnconv_grain grain[2], const int32_t *sums)
{
    struct snnconv_array *y = &call->outputs[0];
    const struct product *p = &stack->product;
    const int64_t zero = snnconv_array_load_integer(call->inputs[Y_ZERO], 0);
    const float y_scale = (float)snnconv_array_load(call->inputs[Y_SCALE], 0);
    const size_t a_first = grain[0].outer_step * matrix_of(&stack->a, &stack->batch, index);
    const size_t b_first = grain[1].outer_step * matrix_of(&stack->b, &stack->batch, index);
    size_t at = index * p->m * p->n;
    for (size_t row = 0; row < p->m; row++) {
        float a_scale =
            (float)snnconv_array_load(call->inputs[A_SCALE], a_first + row * grain[0].step);
        for (size_t column = 0; column < p->n; column++, at++) {
            size_t b_index = b_first + column * grain[1].inner_step;
            float b_scale = (float)snnconv_array_load(call->inputs[B_SCALE], b_index);
            float scale = a_scale * b_scale / y_scale;
            double steps = (double)((float)sums[at] * scale);
            snnconv_array_store_integer(y, at, snnconv_quantize_round(y->type, steps, zero));
        }
    }
}

int snnconv_qlinear_mat_mul_evaluate(struct snn_context *context, const struct snnconv_call *call)
{
    struct snnconv_grain grain[2];
    struct snnconv_array sums;
    struct quantized q = {.a_zero = NULL};
    void *block = NULL;
    int status = qlinear_init(&q, context, call);
    if (status != SNN_OK) return status;
    const struct stack *stack = &q.stack;
    status = find_grain(&grain[0], context, "a_scale", &stack->a, stack->a.rank - 2,
                        call->inputs[A_SCALE]);
    if (status == SNN_OK)
        status = find_grain(&grain[1], context, "b_scale", &stack->b, stack->b.rank - 1,
                            call->inputs[B_SCALE]);
    if (status == SNN_OK)
        status = snnconv_lanes_begin(&sums, context, SNNCONV_TYPE_I32, &call->outputs[0], &block);
    if (status == SNN_OK) status = run_quantized(context, &q, block);
    for (size_t i = 0; status == SNN_OK && i < snnconv_array_count(&stack->batch); i++)
        requantize(call, stack, i, grain, block);
    snnbase_free(context, block);
    return status;
}
