/* Building small programs and comparing them with what passes make of them; see pass_support.h. */
#include "tests/unit/convert/pass_support.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "convert/emit.h"
#include "convert/pass/edit.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"

static uint32_t the_seed; /* of the net at hand, for messages */

static void check(int status)
{
    cr_assert_eq(status, SNN_OK, "seed %u: %s", the_seed, snn_context_message(support_context()));
}

void net_begin(struct net *net)
{
    *net = (struct net){.state = 1, .tolerance = 1e-6};
    snnconv_program_init(&net->program, support_context());
}

void net_end(struct net *net)
{
    snn_graph_destroy(&net->graph);
    snnbase_free(support_context(), net->origins);
    snnconv_program_fini(&net->passed);
    snnconv_program_fini(&net->program);
}

/* ---- Building ---- */

static struct snnconv_array shape_of(size_t rank, const int64_t *dim)
{
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = (uint32_t)rank};
    if (rank > 0) memcpy(array.dim, dim, rank * sizeof(*dim));
    return array;
}

uint32_t net_input(struct net *net, size_t rank, const int64_t *dim)
{
    const struct snnconv_array shape = shape_of(rank, dim);
    uint32_t value = 0;
    check(snnconv_program_add_value(&net->program, support_context(), "x", &shape, &value));
    check(snnconv_program_set_inputs(&net->program, support_context(), &value, 1));
    return value;
}

uint32_t net_constant(struct net *net, const struct snnconv_array *array)
{
    uint32_t value = 0;
    check(snnconv_program_add_constant(&net->program, support_context(), NULL, array, &value));
    return value;
}

uint32_t net_floats(struct net *net, const float *values, size_t rank, const int64_t *dim)
{
    struct snnconv_array array = shape_of(rank, dim);
    array.data = values;
    return net_constant(net, &array);
}

static uint32_t random_floats(struct net *net, double low, double high, size_t rank,
                              const int64_t *dim)
{
    struct snnconv_array array = shape_of(rank, dim);
    size_t count = snnconv_array_count(&array);
    float *values = snnbase_alloc(support_context(), count, sizeof(*values));
    for (size_t i = 0; i < count; i++)
        values[i] = (float)(low + (high - low) * support_random(&net->state));
    uint32_t value = net_floats(net, values, rank, dim);
    snnbase_free(support_context(), values);
    return value;
}

uint32_t net_random(struct net *net, double scale, size_t rank, const int64_t *dim)
{
    return random_floats(net, -scale, scale, rank, dim);
}

uint32_t net_positive(struct net *net, double scale, size_t rank, const int64_t *dim)
{
    return random_floats(net, scale / 2, scale, rank, dim);
}

uint32_t net_scalar(struct net *net, float value)
{
    return net_floats(net, &value, 0, NULL);
}

uint32_t net_integers(struct net *net, size_t count, const int64_t *items)
{
    uint32_t value = 0;
    check(snnconv_program_add_integers(&net->program, support_context(), items, count, &value));
    return value;
}

struct snnconv_attributes net_attributes(enum snnconv_op op)
{
    struct snnconv_attributes attributes;
    snnconv_attributes_init(&attributes, op);
    return attributes;
}

uint32_t net_op(struct net *net, enum snnconv_op op, const struct snnconv_attributes *attributes,
                const uint32_t *inputs, size_t count)
{
    const struct snnconv_attributes plain = net_attributes(op);
    uint32_t output = 0;
    check(snnconv_program_add_op(&net->program, support_context(), op, net->name, SNNCONV_NO_OFFSET,
                                 attributes != NULL ? attributes : &plain, inputs, (uint32_t)count,
                                 &output));
    net->name = NULL;
    return output;
}

uint32_t net_unary(struct net *net, enum snnconv_op op, uint32_t x)
{
    return net_op(net, op, NULL, &x, 1);
}

uint32_t net_binary(struct net *net, enum snnconv_op op, uint32_t a, uint32_t b)
{
    return net_op(net, op, NULL, NET_LIST(a, b));
}

uint32_t net_transpose(struct net *net, uint32_t x, size_t rank, const int64_t *perm)
{
    struct snnconv_attributes attributes = net_attributes(SNNCONV_OP_TRANSPOSE);
    attributes.perm_count = (uint32_t)rank;
    memcpy(attributes.perm, perm, rank * sizeof(*perm));
    return net_op(net, SNNCONV_OP_TRANSPOSE, &attributes, &x, 1);
}

uint32_t net_reshape(struct net *net, uint32_t x, size_t rank, const int64_t *dim)
{
    return net_op(net, SNNCONV_OP_RESHAPE, NULL, NET_LIST(x, net_integers(net, rank, dim)));
}

static struct snnconv_attributes window_of(enum snnconv_op op, int64_t kernel, int64_t stride,
                                           int64_t pad)
{
    struct snnconv_attributes attributes = net_attributes(op);
    attributes.spatial = 2;
    for (int i = 0; i < 2; i++) {
        attributes.kernel[i] = kernel;
        attributes.stride[i] = stride;
        attributes.pad_begin[i] = attributes.pad_end[i] = pad;
    }
    return attributes;
}

uint32_t net_conv(struct net *net, uint32_t x, int64_t in, int64_t out, int64_t kernel, int64_t pad)
{
    const struct snnconv_attributes attributes = window_of(SNNCONV_OP_CONV, kernel, 1, pad);
    uint32_t weights = net_random(net, 0.5, NET_DIM(out, in, kernel, kernel));
    uint32_t bias = net_random(net, 0.5, NET_DIM(out));
    return net_op(net, SNNCONV_OP_CONV, &attributes, NET_LIST(x, weights, bias));
}

uint32_t net_pool(struct net *net, enum snnconv_op op, uint32_t x, int64_t kernel)
{
    const struct snnconv_attributes attributes = window_of(op, kernel, kernel, 0);
    return net_op(net, op, &attributes, &x, 1);
}

uint32_t net_norm(struct net *net, uint32_t x, int64_t channels)
{
    uint32_t scale = net_random(net, 2.0, NET_DIM(channels));
    uint32_t shift = net_random(net, 1.0, NET_DIM(channels));
    uint32_t mean = net_random(net, 1.0, NET_DIM(channels));
    uint32_t variance = net_positive(net, 2.0, NET_DIM(channels));
    return net_op(net, SNNCONV_OP_BATCH_NORMALIZATION, NULL,
                  NET_LIST(x, scale, shift, mean, variance));
}

uint32_t net_gemm(struct net *net, uint32_t x, int64_t in, int64_t out)
{
    uint32_t weights = net_random(net, 0.5, NET_DIM(in, out));
    uint32_t bias = net_random(net, 0.5, NET_DIM(out));
    return net_op(net, SNNCONV_OP_GEMM, NULL, NET_LIST(x, weights, bias));
}

void net_output(struct net *net, uint32_t value)
{
    check(snnconv_program_set_outputs(&net->program, support_context(), &value, 1));
}

/* ---- Comparing ---- */

/* Elements of `array` in the order of its axes perm[0], perm[1], ...; rank 0: as they are. */
static float *permuted(const struct snnconv_array *array, uint32_t rank, const uint32_t *perm)
{
    size_t stride[SNNCONV_RANK_MAX], count = snnconv_array_count(array), step = 1;
    float *out = snnbase_alloc(support_context(), count, sizeof(*out));
    for (uint32_t i = array->rank; i-- > 0;) {
        stride[i] = step;
        step *= (size_t)array->dim[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t rest = i, from = rank == 0 ? i : 0;
        for (uint32_t k = rank; k-- > 0;) {
            size_t extent = (size_t)array->dim[perm[k]];
            from += rest % extent * stride[perm[k]];
            rest /= extent;
        }
        out[i] = (float)snnconv_array_load(array, from);
    }
    return out;
}

/* `count` values against those of the origin of `value`; which is at least as exact as its largest
 * element. */
static void compare(const struct net *net, uint32_t value, const struct snnconv_array *as_read,
                    const float *values, size_t count, const char *where)
{
    const struct snnconv_value *v = &net->passed.values[value];
    const struct snnconv_array *origin = &as_read[v->origin];
    double largest = 1.0, worst = 0.0;
    cr_assert_eq(snnconv_array_count(origin), count, "behind %s, value %u: %zu elements", where,
                 value, count);
    float *expected = permuted(origin, v->origin_rank, v->origin_perm);
    for (size_t i = 0; i < count; i++) {
        largest = fmax(largest, fabs((double)expected[i]));
        worst = fmax(worst, fabs((double)expected[i] - (double)values[i]));
    }
    cr_assert(worst <= net->tolerance * largest,
              "seed %u: behind %s, value %u of origin %u deviates by %g", net->seed, where, value,
              v->origin, worst);
    snnbase_free(support_context(), expected);
}

/* The scales of an input that the file has as integers. */
static const struct snnconv_quantization *stored_scales(const struct snnconv_value *input,
                                                        const struct snnconv_array *as_read)
{
    return as_read[input->origin].type == SNNCONV_TYPE_F32 ? NULL : input->quantization;
}

/* What the edited program is fed: its input's origin, or what preprocessing makes of the file's. */
static float *find_fed(const struct net *net, const struct snnconv_array *as_read)
{
    const struct snnconv_value *fed = &net->passed.values[net->passed.inputs[0]], *input = fed;
    bool scales = net->pass_state.input_channels > 0;
    if (scales) input = &net->passed.values[net->pass_state.input];
    cr_assert_neq(input->origin, SNNCONV_NONE);
    float *data = permuted(&as_read[input->origin], input->origin_rank, input->origin_perm);
    const struct snnconv_quantization *q = stored_scales(input, as_read);
    size_t count = snnconv_array_count(&fed->array);
    size_t positions = count / (size_t)fed->array.dim[1];
    for (size_t i = 0; i < count; i++) {
        if (q != NULL) data[i] = q->scale[0] * (data[i] - (float)q->zero_point[0]);
        if (scales)
            data[i] = (float)((double)data[i] * net->pass_state.input_scale[i / positions] +
                              net->pass_state.input_shift[i / positions]);
    }
    return data;
}

/* Runs the edited program and compares all values. */
static void compare_all(struct net *net, const struct snnconv_array *as_read, const char *where)
{
    struct snnbase_arena arena;
    struct snnconv_array *values =
        snnbase_alloc(support_context(), net->passed.value_count, sizeof(*values));
    struct snnconv_array fed = net->passed.values[net->passed.inputs[0]].array;
    float *data = find_fed(net, as_read);
    fed.data = fed.type == SNNCONV_TYPE_F32 ? data : as_read[net->program.inputs[0]].data;
    snnbase_arena_init(&arena, support_context());
    check(snnconv_program_run(&net->passed, support_context(), &fed, values, &arena));
    for (uint32_t i = 0; i < net->passed.value_count; i++) {
        const struct snnconv_value *v = &net->passed.values[i];
        if (v->origin == SNNCONV_NONE || values[i].data == NULL || v->array.data != NULL ||
            values[i].type != SNNCONV_TYPE_F32 || as_read[v->origin].type != SNNCONV_TYPE_F32)
            continue;
        compare(net, i, as_read, values[i].data, snnconv_array_count(&values[i]), where);
    }
    snnbase_arena_fini(&arena);
    snnbase_free(support_context(), data);
    snnbase_free(support_context(), values);
}

/* The layers of the graph, fed with the program's input in the order of the graph's. */
static void compare_graph(struct net *net, const struct snnconv_array *as_read)
{
    struct snn_evaluator *evaluator = NULL;
    const struct snnconv_value *input = &net->passed.values[net->pass_state.input];
    float *fed = permuted(&as_read[input->origin], input->origin_rank, input->origin_perm);
    const struct snnconv_quantization *q = stored_scales(input, as_read);
    for (size_t i = 0; q != NULL && i < snnconv_array_count(&input->array); i++)
        fed[i] = q->scale[0] * (fed[i] - (float)q->zero_point[0]);
    check(snn_evaluator_create(&evaluator, support_context(), net->graph));
    snn_evaluator_run(evaluator, fed);
    for (uint32_t i = 0; i < snn_graph_layer_count(net->graph); i++) {
        uint32_t value = net->origins[i];
        if (net->passed.values[value].origin == SNNCONV_NONE ||
            as_read[net->passed.values[value].origin].type != SNNCONV_TYPE_F32)
            continue;
        compare(net, value, as_read, snn_evaluator_values(evaluator, i),
                snn_shape_size(snn_graph_layer(net->graph, i)->shape), "emission");
    }
    snn_evaluator_destroy(&evaluator);
    snnbase_free(support_context(), fed);
}

static struct snnconv_array *run_as_read(struct net *net, struct snnbase_arena *arena)
{
    struct snn_context *context = support_context();
    struct snnconv_array *values =
        snnbase_alloc(context, net->program.value_count, sizeof(*values));
    the_seed = net->seed;
    struct snnconv_array input = net->program.values[net->program.inputs[0]].array;
    size_t count = snnconv_array_count(&input);
    void *data = snnbase_arena_alloc(arena, context, count, sizeof(float));
    for (size_t i = 0; i < count; i++) {
        double value = support_random(&net->state);
        if (input.type == SNNCONV_TYPE_F32)
            ((float *)data)[i] = (float)value;
        else
            ((uint8_t *)data)[i] = (uint8_t)(value * 256.0);
    }
    input.data = data;
    check(snnconv_program_sort(&net->program, context));
    check(snnconv_program_run(&net->program, context, &input, values, arena));
    return values;
}

static int settle(struct snnconv_program *program)
{
    uint32_t removed = 0;
    int status = snnconv_program_sweep(program, support_context(), &removed);
    if (status == SNN_OK) status = snnconv_program_sort(program, support_context());
    return status == SNN_OK ? snnconv_program_infer(program, support_context()) : status;
}

static void run_passes(struct net *net, const struct snnconv_array *as_read, const char *last)
{
    check(snnconv_program_copy(&net->passed, support_context(), &net->program));
    for (uint32_t i = 0; snnconv_pass_table[i] != NULL; i++) {
        const struct snnconv_pass *pass = snnconv_pass_table[i];
        check(pass->run(&net->passed, support_context(), &net->pass_state));
        check(settle(&net->passed));
        compare_all(net, as_read, pass->name);
        if (last != NULL && strcmp(last, pass->name) == 0) return;
    }
}

void net_pass(struct net *net, const char *last)
{
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, support_context());
    struct snnconv_array *as_read = run_as_read(net, &arena);
    run_passes(net, as_read, last);
    snnbase_free(support_context(), as_read);
    snnbase_arena_fini(&arena);
}

struct snn_graph *net_check(struct net *net)
{
    struct snnbase_arena arena;
    snnbase_arena_init(&arena, support_context());
    struct snnconv_array *as_read = run_as_read(net, &arena);
    run_passes(net, as_read, NULL);
    check(snnconv_emit(&net->graph, support_context(), &net->passed, &net->pass_state,
                       &net->origins));
    compare_graph(net, as_read);
    uint32_t output = net->origins[snn_graph_output(net->graph)];
    cr_assert_eq(output, net->passed.outputs[0]);
    snnbase_free(support_context(), as_read);
    snnbase_arena_fini(&arena);
    return net->graph;
}

void net_refuse(struct net *net, int status, const char *message)
{
    struct snn_context *context = support_context();
    check(snnconv_program_copy(&net->passed, context, &net->program));
    int found = snnconv_passes_run(&net->passed, context, &net->pass_state, NULL);
    if (found == SNN_OK)
        found = snnconv_emit(&net->graph, context, &net->passed, &net->pass_state, NULL);
    cr_assert_eq(found, status, "%s", snn_context_message(context));
    cr_assert_str_eq(snn_context_message(context), message);
    cr_assert_not_null(strstr(support_diagnostics(), "error: "));
}

uint32_t net_count(const struct snnconv_program *program, enum snnconv_op op)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < program->node_count; i++)
        count += program->nodes[i].op == op ? 1 : 0;
    return count;
}

const struct snn_layer *net_layer(const struct net *net, const char *name)
{
    uint32_t index = 0;
    cr_assert_eq(snn_graph_find(net->graph, name, &index), SNN_OK, "no layer '%s'", name);
    return snn_graph_layer(net->graph, index);
}
