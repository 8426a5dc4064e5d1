/* The program: what readers may hand in, order, sweeping, copies, running, its text.
 */
#include "convert/ir/program.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(ir_program, .init = support_begin, .fini = support_end);

static const struct snnconv_array vector3 = {.type = SNNCONV_TYPE_F32, .rank = 1, .dim = {3}};

static uint32_t add_value(struct snnconv_program *program, const char *name,
                          const struct snnconv_array *array)
{
    uint32_t index = 0;
    cr_assert_eq(snnconv_program_add_value(program, support_context(), name, array, &index), SNN_OK,
                 "%s", snn_context_message(support_context()));
    return index;
}

/* A node of one output; SNNCONV_NONE as `b` for one input only. */
static void add_node(struct snnconv_program *program, enum snnconv_op op, const char *name,
                     uint32_t a, uint32_t b, uint32_t output)
{
    const uint32_t inputs[2] = {a, b};
    struct snnconv_node node = {
        .op = op,
        .name = name,
        .offset = SNNCONV_NO_OFFSET,
        .inputs = inputs,
        .input_count = b == SNNCONV_NONE ? 1 : 2,
        .outputs = &output,
        .output_count = 1,
    };
    snnconv_attributes_init(&node.attributes, op);
    cr_assert_eq(snnconv_program_add_node(program, support_context(), &node), SNN_OK, "%s",
                 snn_context_message(support_context()));
}

static void set_ends(struct snnconv_program *program, uint32_t input, uint32_t output)
{
    cr_assert_eq(snnconv_program_set_inputs(program, support_context(), &input, 1), SNN_OK);
    cr_assert_eq(snnconv_program_set_outputs(program, support_context(), &output, 1), SNN_OK);
}

/* x -> Relu r -> a; a + 1 -> Add s -> y, nodes in the wrong order:
 * values 0 x, 1 a, 2 one (constant), 3 y. */
static void make_small(struct snnconv_program *program)
{
    static const float one = 1.0F;
    const struct snnconv_array scalar = {.type = SNNCONV_TYPE_F32, .data = &one};
    uint32_t constant = 0;
    snnconv_program_init(program, support_context());
    uint32_t x = add_value(program, "x", &vector3), a = add_value(program, "a", NULL);
    cr_assert_eq(
        snnconv_program_add_constant(program, support_context(), "one", &scalar, &constant),
        SNN_OK);
    uint32_t y = add_value(program, "y", NULL);
    add_node(program, SNNCONV_OP_ADD, "s", a, constant, y);
    add_node(program, SNNCONV_OP_RELU, "r", x, SNNCONV_NONE, a);
    set_ends(program, x, y);
}

static void refuse(struct snnconv_program *program, const char *message)
{
    cr_assert_eq(snnconv_program_sort(program, support_context()), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(support_context()), message);
}

/* ---- Order ---- */

Test(ir_program, sorting_puts_writers_before_readers)
{
    struct snnconv_program program;
    make_small(&program);
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(program.node_count, 2u);
    cr_assert_str_eq(program.nodes[0].name, "r");
    cr_assert_str_eq(program.nodes[1].name, "s");
    snnconv_program_fini(&program);
}

Test(ir_program, sorting_leaves_nodes_in_order_where_they_are)
{
    struct snnconv_program program;
    snnconv_program_init(&program, support_context());
    uint32_t x = add_value(&program, "x", &vector3), out[4];
    for (uint32_t i = 0; i < 4; i++)
        out[i] = add_value(&program, NULL, NULL);
    /* Two independent chains, interleaved: 0 -> 2, 1 -> 3. */
    add_node(&program, SNNCONV_OP_RELU, "0", x, SNNCONV_NONE, out[0]);
    add_node(&program, SNNCONV_OP_RELU, "1", x, SNNCONV_NONE, out[1]);
    add_node(&program, SNNCONV_OP_RELU, "2", out[0], SNNCONV_NONE, out[2]);
    add_node(&program, SNNCONV_OP_RELU, "3", out[1], SNNCONV_NONE, out[3]);
    set_ends(&program, x, out[3]);
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(program.nodes[i].name[0], (char)('0' + i));
    snnconv_program_fini(&program);
}

Test(ir_program, a_long_chain_in_reverse_is_sorted_without_recursion)
{
    enum { LENGTH = 60000 };
    struct snnconv_program program;
    snnconv_program_init(&program, support_context());
    uint32_t x = add_value(&program, "x", &vector3);
    for (uint32_t i = 0; i < LENGTH; i++)
        (void)add_value(&program, NULL, NULL);
    for (uint32_t i = LENGTH; i > 0; i--)
        add_node(&program, SNNCONV_OP_RELU, NULL, i - 1, SNNCONV_NONE, i);
    set_ends(&program, x, LENGTH);
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK);
    for (uint32_t i = 0; i < LENGTH; i++)
        cr_assert_eq(program.nodes[i].outputs[0], i + 1);
    snnconv_program_fini(&program);
}

Test(ir_program, a_cycle_is_refused_by_name)
{
    struct snnconv_program program;
    make_small(&program);
    uint32_t back = add_value(&program, "back", NULL);
    add_node(&program, SNNCONV_OP_ADD, "first", 3, back, add_value(&program, "front", NULL));
    add_node(&program, SNNCONV_OP_RELU, "second", back + 1, SNNCONV_NONE, back);
    refuse(&program, "node 'first': needs its own output, in a cycle through node 'second'");
    cr_assert_str_eq(program.nodes[0].name, "s"); /* left as it was */
    snnconv_program_fini(&program);
}

Test(ir_program, a_node_that_reads_itself_is_a_cycle)
{
    struct snnconv_program program;
    make_small(&program);
    uint32_t loop = add_value(&program, "loop", NULL);
    add_node(&program, SNNCONV_OP_RELU, "ring", loop, SNNCONV_NONE, loop);
    refuse(&program, "node 'ring': needs its own output, in a cycle through node 'ring'");
    snnconv_program_fini(&program);
}

Test(ir_program, a_value_that_nobody_writes_is_refused)
{
    struct snnconv_program program;
    make_small(&program);
    uint32_t missing = add_value(&program, "missing", NULL);
    add_node(&program, SNNCONV_OP_ADD, "t", 0, missing, add_value(&program, NULL, NULL));
    refuse(&program, "node 't': input 1, value 'missing', is written by no node");
    snnconv_program_fini(&program);
}

Test(ir_program, an_output_of_the_net_that_nobody_writes_is_refused)
{
    struct snnconv_program program;
    make_small(&program);
    set_ends(&program, 0, add_value(&program, NULL, NULL));
    refuse(&program, "an output of the net, value 4, is written by no node");
    snnconv_program_fini(&program);
}

Test(ir_program, a_value_has_one_writer)
{
    struct snnconv_program program;
    make_small(&program);
    add_node(&program, SNNCONV_OP_RELU, "again", 0, SNNCONV_NONE, 3);
    refuse(&program, "node 'again': writes value 'y', so does node 's'");
    snnconv_program_fini(&program);
    make_small(&program);
    add_node(&program, SNNCONV_OP_RELU, "again", 0, SNNCONV_NONE, 0);
    refuse(&program, "node 'again': writes value 'x', which is an input of the net");
    snnconv_program_fini(&program);
    make_small(&program);
    add_node(&program, SNNCONV_OP_RELU, "again", 0, SNNCONV_NONE, 2);
    refuse(&program, "node 'again': writes value 'one', which is a constant");
    snnconv_program_fini(&program);
}

Test(ir_program, indices_out_of_range_are_refused)
{
    struct snnconv_program program;
    make_small(&program);
    add_node(&program, SNNCONV_OP_RELU, "far", 17, SNNCONV_NONE, add_value(&program, NULL, NULL));
    refuse(&program, "node 'far': input 0 is value 17 of 5");
    snnconv_program_fini(&program);
    make_small(&program);
    add_node(&program, SNNCONV_OP_RELU, "far", 0, SNNCONV_NONE, UINT32_MAX - 1);
    refuse(&program, "node 'far': an output is value 4294967294 of 4");
    snnconv_program_fini(&program);
    make_small(&program);
    set_ends(&program, 4, 3);
    refuse(&program, "an input of the net is value 4 of 4");
    snnconv_program_fini(&program);
    make_small(&program);
    set_ends(&program, 0, SNNCONV_NONE);
    refuse(&program, "an output of the net is value 4294967295 of 4");
    snnconv_program_fini(&program);
}

Test(ir_program, an_input_is_fed_once_and_no_constant)
{
    static const uint32_t twice[2] = {0, 0}, constant[1] = {2};
    struct snnconv_program program;
    make_small(&program);
    cr_assert_eq(snnconv_program_set_inputs(&program, support_context(), twice, 2), SNN_OK);
    refuse(&program, "value 'x' is fed as an input and as another one");
    cr_assert_eq(snnconv_program_set_inputs(&program, support_context(), constant, 1), SNN_OK);
    refuse(&program, "value 'one' is fed as an input and is a constant");
    snnconv_program_fini(&program);
}

/* ---- Uses and sweeping ---- */

Test(ir_program, uses_count_every_reader_and_the_outputs)
{
    struct snnconv_program program;
    uint32_t *writer = NULL, *readers = NULL;
    make_small(&program);
    add_node(&program, SNNCONV_OP_ADD, "twice", 1, 1, add_value(&program, NULL, NULL));
    cr_assert_eq(snnconv_program_uses(&program, support_context(), &writer, &readers), SNN_OK);
    static const uint32_t writers[] = {SNNCONV_NONE, 1, SNNCONV_NONE, 0, 2};
    static const uint32_t reads[] = {1, 3, 1, 1, 0};
    cr_assert_arr_eq(writer, writers, sizeof(writers));
    cr_assert_arr_eq(readers, reads, sizeof(reads));
    snnbase_free(support_context(), writer);
    snnbase_free(support_context(), readers);
    snnconv_program_fini(&program);
}

Test(ir_program, sweeping_removes_what_only_the_unread_needed)
{
    struct snnconv_program program;
    uint32_t removed = 0;
    make_small(&program);
    uint32_t p = add_value(&program, NULL, NULL), q = add_value(&program, NULL, NULL);
    uint32_t r = add_value(&program, NULL, NULL);
    add_node(&program, SNNCONV_OP_ADD, "end", p, q, r);
    add_node(&program, SNNCONV_OP_RELU, "p", 1, SNNCONV_NONE, p);
    add_node(&program, SNNCONV_OP_RELU, "q", p, SNNCONV_NONE, q);
    cr_assert_eq(snnconv_program_sweep(&program, support_context(), &removed), SNN_OK);
    cr_assert_eq(removed, 3u);
    cr_assert_eq(program.node_count, 2u);
    cr_assert_str_eq(program.nodes[0].name, "s");
    cr_assert_str_eq(program.nodes[1].name, "r");
    cr_assert_eq(snnconv_program_sweep(&program, support_context(), &removed), SNN_OK);
    cr_assert_eq(removed, 0u);
    snnconv_program_fini(&program);
}

/* ---- Copies, blocks, limits, names ---- */

static void count_release(void *block, void *user)
{
    int *order = user;
    order[order[2]++] = *(int *)block;
}

Test(ir_program, blocks_are_released_with_the_program_newest_first)
{
    struct snnconv_program program;
    int first = 1, second = 2, order[3] = {0, 0, 0};
    snnconv_program_init(&program, support_context());
    cr_assert_eq(snnconv_program_keep(&program, support_context(), &first, count_release, order),
                 SNN_OK);
    cr_assert_eq(snnconv_program_keep(&program, support_context(), &second, count_release, order),
                 SNN_OK);
    cr_assert_eq(order[2], 0);
    snnconv_program_fini(&program);
    cr_assert(order[0] == 2 && order[1] == 1 && order[2] == 2);
}

Test(ir_program, a_copy_is_its_own_and_knows_where_values_are_from)
{
    struct snnconv_program program, copy;
    make_small(&program);
    cr_assert_eq(program.values[1].origin, SNNCONV_NONE);
    cr_assert_eq(snnconv_program_copy(&copy, support_context(), &program), SNN_OK);
    cr_assert_eq(copy.value_count, 4u);
    for (uint32_t i = 0; i < copy.value_count; i++) {
        cr_assert_eq(copy.values[i].origin, i);
        cr_assert_eq(copy.values[i].origin_rank, 0u);
    }
    cr_assert_eq(copy.values[2].array.data, program.values[2].array.data);
    /* What is added to the copy has no origin and leaves the first one alone. */
    uint32_t added = add_value(&copy, "new", NULL);
    add_node(&copy, SNNCONV_OP_RELU, "n", 3, SNNCONV_NONE, added);
    cr_assert_eq(snnconv_program_sort(&copy, support_context()), SNN_OK);
    cr_assert_eq(copy.values[added].origin, SNNCONV_NONE);
    cr_assert_eq(program.value_count, 4u);
    cr_assert_eq(program.node_count, 2u);
    cr_assert_str_eq(program.nodes[0].name, "s");
    cr_assert_str_eq(copy.nodes[0].name, "r");
    snnconv_program_fini(&copy);
    snnconv_program_fini(&program);
}

Test(ir_program, counts_are_bound_to_the_limit_of_layers)
{
    const struct snn_limits limits = {.layer_count = 1};
    struct snn_context *context = support_limited(&limits);
    struct snnconv_program program;
    struct snnconv_attributes attributes;
    uint32_t index = 0;
    int status = SNN_OK;
    snnconv_attributes_init(&attributes, SNNCONV_OP_RELU);
    snnconv_program_init(&program, context);
    for (uint32_t i = 0; i < 16; i++)
        cr_assert_eq(snnconv_program_add_op(&program, context, SNNCONV_OP_RELU, NULL,
                                            SNNCONV_NO_OFFSET, &attributes, &index, 1, &index),
                     SNN_OK);
    status = snnconv_program_add_op(&program, context, SNNCONV_OP_RELU, NULL, SNNCONV_NO_OFFSET,
                                    &attributes, &index, 1, &index);
    cr_assert_eq(status, SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context), "more than 16 nodes");
    do
        status = snnconv_program_add_value(&program, context, NULL, NULL, &index);
    while (status == SNN_OK);
    cr_assert_eq(status, SNN_ERR_LIMIT);
    cr_assert_eq(program.value_count, 64u);
    snnconv_program_fini(&program);
    snn_context_destroy(&context);
}

Test(ir_program, nodes_without_a_name_get_one)
{
    struct snnconv_program program;
    make_small(&program);
    add_node(&program, SNNCONV_OP_GLOBAL_AVERAGE_POOL, "", 3, SNNCONV_NONE, 3);
    cr_assert_str_eq(program.nodes[2].name, "GlobalAveragePool_2");
    snnconv_program_fini(&program);
}

Test(ir_program, names_of_control_characters_are_refused)
{
    struct snnconv_program program;
    uint32_t index = 7;
    snnconv_program_init(&program, support_context());
    cr_assert_eq(snnconv_program_add_value(&program, support_context(), "a\033[2J", NULL, &index),
                 SNN_ERR_FORMAT);
    cr_assert_eq(index, 7u);
    cr_assert_eq(program.value_count, 0u);
    snnconv_program_fini(&program);
}

Test(ir_program, constants_are_copied)
{
    struct snnconv_program program;
    int64_t items[2] = {1, -1};
    uint32_t list = 0, empty = 0;
    snnconv_program_init(&program, support_context());
    cr_assert_eq(snnconv_program_add_integers(&program, support_context(), items, 2, &list),
                 SNN_OK);
    cr_assert_eq(snnconv_program_add_integers(&program, support_context(), NULL, 0, &empty),
                 SNN_OK);
    items[1] = 5;
    const struct snnconv_array *array = &program.values[list].array;
    cr_assert(array->type == SNNCONV_TYPE_I64 && array->rank == 1 && array->dim[0] == 2);
    cr_assert_eq(snnconv_array_load_integer(array, 1), -1);
    cr_assert_eq(program.values[empty].array.dim[0], 0);
    cr_assert(snnconv_value_is_constant(&program.values[empty]));
    snnconv_program_fini(&program);
}

/* ---- Running ---- */

Test(ir_program, running_fills_every_value)
{
    static const float frame[3] = {-2.0F, 0.5F, 3.0F};
    const struct snnconv_array input = {
        .type = SNNCONV_TYPE_F32, .rank = 1, .dim = {3}, .data = frame};
    struct snnconv_array arrays[4];
    struct snnconv_program program;
    struct snnbase_arena arena;
    make_small(&program);
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK);
    cr_assert_eq(snnconv_program_run(&program, support_context(), &input, arrays, &arena), SNN_OK,
                 "%s", snn_context_message(support_context()));
    static const float a[3] = {0.0F, 0.5F, 3.0F}, y[3] = {1.0F, 1.5F, 4.0F};
    cr_assert_eq(arrays[0].data, frame);
    cr_assert_arr_eq(arrays[1].data, a, sizeof(a));
    cr_assert_eq(arrays[2].data, program.values[2].array.data);
    cr_assert(arrays[3].rank == 1 && arrays[3].dim[0] == 3);
    cr_assert_arr_eq(arrays[3].data, y, sizeof(y));
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&program);
}

Test(ir_program, running_names_the_node_that_fails)
{
    static const float frame[3] = {0};
    const struct snnconv_array input = {
        .type = SNNCONV_TYPE_F32, .rank = 1, .dim = {3}, .data = frame};
    struct snnconv_array arrays[8];
    struct snnconv_program program;
    struct snnbase_arena arena;
    uint32_t list = 0;
    static const int64_t four = 4;
    make_small(&program);
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_program_add_integers(&program, support_context(), &four, 1, &list),
                 SNN_OK);
    add_node(&program, SNNCONV_OP_RESHAPE, "fold", 3, list, add_value(&program, NULL, NULL));
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK);
    cr_assert_eq(snnconv_program_run(&program, support_context(), &input, arrays, &arena),
                 SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "node 'fold': [3] has other elements than [4]");
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&program);
}

Test(ir_program, inputs_of_another_shape_are_refused)
{
    static const float frame[4] = {0};
    const struct snnconv_array input = {
        .type = SNNCONV_TYPE_F32, .rank = 2, .dim = {1, 4}, .data = frame};
    struct snnconv_array arrays[4];
    struct snnconv_program program;
    struct snnbase_arena arena;
    make_small(&program);
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_program_run(&program, support_context(), &input, arrays, &arena),
                 SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "input 'x' is float32 [3], float32 [1, 4] was given");
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&program);
}

/* ---- Text ---- */

Test(ir_program, text_is_one_line_a_node)
{
    struct snnconv_program program;
    char *text = NULL;
    uint32_t list = 0;
    static const int64_t shape[2] = {1, -1};
    make_small(&program);
    cr_assert_eq(snnconv_program_add_integers(&program, support_context(), shape, 2, &list),
                 SNN_OK);
    add_node(&program, SNNCONV_OP_RESHAPE, "reshape", 3, list, add_value(&program, NULL, NULL));
    cr_assert_eq(snnconv_program_sort(&program, support_context()), SNN_OK);
    cr_assert_eq(snnconv_program_format(&text, support_context(), &program), SNN_OK);
    cr_assert_str_eq(text, "inputs: x[3]\n"
                           "r      : Relu(x[3]) -> a[?]\n"
                           "s      : Add(a[?], one*[]) -> y[?]\n"
                           "reshape: Reshape(y[?], %4*{1,-1}) -> %5[?]\n"
                           "outputs: y[?]\n");
    snnbase_free(support_context(), text);
    snnconv_program_fini(&program);
}

Test(ir_program, text_shows_windows_types_and_inputs_left_out)
{
    struct snnconv_program program;
    const struct snnconv_array image = {.type = SNNCONV_TYPE_U8, .rank = 4, .dim = {1, 1, 28, 28}};
    char *text = NULL;
    snnconv_program_init(&program, support_context());
    uint32_t inputs[3] = {add_value(&program, "image", &image), SNNCONV_NONE, 99}, x;
    struct snnconv_attributes a;
    snnconv_attributes_init(&a, SNNCONV_OP_CONV);
    a.spatial = 2;
    a.kernel[0] = 5, a.kernel[1] = 3;
    a.stride[0] = a.stride[1] = 2;
    a.pad_end[1] = 1;
    cr_assert_eq(snnconv_program_add_op(&program, support_context(), SNNCONV_OP_CONV, NULL,
                                        SNNCONV_NO_OFFSET, &a, inputs, 3, &x),
                 SNN_OK);
    cr_assert_eq(snnconv_program_format(&text, support_context(), &program), SNN_OK);
    cr_assert_str_eq(text, "inputs: \n"
                           "Conv_0: Conv(image:uint8[1,1,28,28], _, ?) -> %1[?]"
                           " k5x3 s2 p0x0 ..0x1\n"
                           "outputs: \n");
    snnbase_free(support_context(), text);
    snnconv_program_fini(&program);
}

/* ---- Out of memory ---- */

static int build_and_run(struct snn_context *context)
{
    static const float frame[3] = {1.0F, 2.0F, 3.0F};
    const struct snnconv_array input = {
        .type = SNNCONV_TYPE_F32, .rank = 1, .dim = {3}, .data = frame};
    struct snnconv_program program, copy;
    struct snnconv_attributes attributes;
    struct snnconv_array arrays[3];
    struct snnbase_arena arena;
    uint32_t x = 0, constant = 0, y = 0, removed = 0;
    char *text = NULL;
    snnconv_attributes_init(&attributes, SNNCONV_OP_MUL);
    snnconv_program_init(&program, context);
    snnconv_program_init(&copy, context);
    snnbase_arena_init(&arena, context);
    int status = snnconv_program_add_value(&program, context, "x", &vector3, &x);
    if (status == SNN_OK)
        status = snnconv_program_add_constant(&program, context, "c", &input, &constant);
    const uint32_t inputs[2] = {x, constant};
    if (status == SNN_OK)
        status = snnconv_program_add_op(&program, context, SNNCONV_OP_MUL, NULL, 0, &attributes,
                                        inputs, 2, &y);
    if (status == SNN_OK) status = snnconv_program_set_inputs(&program, context, &x, 1);
    if (status == SNN_OK) status = snnconv_program_set_outputs(&program, context, &y, 1);
    if (status == SNN_OK) status = snnconv_program_copy(&copy, context, &program);
    if (status == SNN_OK) status = snnconv_program_sort(&copy, context);
    if (status == SNN_OK) status = snnconv_program_sweep(&copy, context, &removed);
    if (status == SNN_OK) status = snnconv_program_run(&copy, context, &input, arrays, &arena);
    if (status == SNN_OK) status = snnconv_program_format(&text, context, &copy);
    snnbase_free(context, text);
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&copy);
    snnconv_program_fini(&program);
    return status;
}

Test(ir_program, running_out_of_memory_anywhere_leaves_nothing)
{
    support_sweep(build_and_run);
}
