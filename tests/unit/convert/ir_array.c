/* Elements of every type, and shapes against the limits. Bit patterns of the narrow floats follow
 * from IEEE 754: binary16 has 10 bits of fraction and a bias of 15, bfloat16 is the upper half of a
 * binary32.
 */
#include "convert/ir/array.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(ir_array, .init = support_begin, .fini = support_end);

static uint16_t narrow(enum snnconv_type type, double value)
{
    uint16_t bits = 0;
    struct snnconv_array array = {.type = type, .data = &bits};
    snnconv_array_store(&array, 0, value);
    return bits;
}

static double widen(enum snnconv_type type, uint16_t bits)
{
    struct snnconv_array array = {.type = type, .data = &bits};
    return snnconv_array_load(&array, 0);
}

/* A float of a file. It stands at an odd address, as in a file it may. */
static double of_file(enum snnconv_type type, const unsigned char *bytes, bool big_endian)
{
    unsigned char room[9] = {0};
    memcpy(room + 1, bytes, snnconv_type_size(type));
    return snnconv_type_load_float(type, room + 1, big_endian);
}

Test(ir_array, floats_of_a_file_are_widened_exactly)
{
    static const struct {
        unsigned char bytes[2]; /* big-endian */
        enum snnconv_type type;
        double value;
    } cases[] = {
        {{0x3c, 0x00}, SNNCONV_TYPE_F16, 1.0},
        {{0xc0, 0x00}, SNNCONV_TYPE_F16, -2.0},
        {{0x7b, 0xff}, SNNCONV_TYPE_F16, 65504.0},
        {{0x00, 0x01}, SNNCONV_TYPE_F16, 0x1p-24}, /* the smallest subnormal */
        {{0x03, 0xff}, SNNCONV_TYPE_F16, 0x3ffp-24},
        {{0x04, 0x00}, SNNCONV_TYPE_F16, 0x1p-14}, /* the smallest normal */
        {{0xfc, 0x00}, SNNCONV_TYPE_F16, -INFINITY},
        {{0xc0, 0x49}, SNNCONV_TYPE_BF16, -3.140625},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const unsigned char *big = cases[i].bytes, little[2] = {big[1], big[0]};
        cr_expect_eq(of_file(cases[i].type, big, true), cases[i].value, "case %zu", i);
        cr_expect_eq(of_file(cases[i].type, little, false), cases[i].value, "case %zu", i);
    }
}

Test(ir_array, floats_of_a_file_come_in_either_byte_order)
{
    static const unsigned char half_nan[] = {0x7e, 0x00}, one[] = {0, 0, 0x80, 0x3f};
    static const unsigned char third[] = {0x3f, 0xd5, 0x55, 0x55, 0x55, 0x55, 0x55, 0x55};
    cr_assert(isnan(of_file(SNNCONV_TYPE_F16, half_nan, true)));
    cr_assert_eq(of_file(SNNCONV_TYPE_F32, one, false), 1.0);
    cr_assert_eq(of_file(SNNCONV_TYPE_F64, third, true), 1.0 / 3.0);
    cr_assert_eq(of_file(SNNCONV_TYPE_I32, one, false), 0.0, "no float");
}

Test(ir_array, halves_are_rounded_to_nearest_even)
{
    static const struct {
        double value;
        uint16_t bits;
    } cases[] = {
        {0.0, 0x0000},
        {-0.0, 0x8000},
        {1.0, 0x3c00},
        {-2.0, 0xc000},
        {65504, 0x7bff},   /* the largest */
        {65519.9, 0x7bff}, /* below the middle to 65536 */
        {65520, 0x7c00},   /* the middle: infinite */
        {1e9, 0x7c00},
        {INFINITY, 0x7c00},
        {-INFINITY, 0xfc00},
        {1 + 0x1p-11, 0x3c00},     /* a tie, down to the even one */
        {1 + 3 * 0x1p-11, 0x3c02}, /* a tie, up to the even one */
        {1 + 0x1p-11 + 0x1p-40, 0x3c01},
        {2 - 0x1p-12, 0x4000}, /* carries into the exponent */
        {0x1p-14, 0x0400},     /* the smallest normal one */
        {0x1p-24, 0x0001},     /* the smallest of all */
        {0x1p-25, 0x0000},     /* a tie with zero */
        {0x1.8p-25, 0x0001},
        {0x1p-14 - 0x1p-26, 0x0400}, /* a subnormal that rounds up to a normal one */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint16_t bits = narrow(SNNCONV_TYPE_F16, cases[i].value);
        cr_assert_eq(bits, cases[i].bits, "%a: %04x, %04x expected", cases[i].value, (unsigned)bits,
                     (unsigned)cases[i].bits);
    }
    cr_assert(isnan(widen(SNNCONV_TYPE_F16, narrow(SNNCONV_TYPE_F16, (double)NAN))));
}

Test(ir_array, every_half_survives_loading_and_storing)
{
    for (uint32_t bits = 0; bits <= UINT16_MAX; bits++) {
        double value = widen(SNNCONV_TYPE_F16, (uint16_t)bits);
        if (isnan(value)) continue;
        cr_assert_eq(narrow(SNNCONV_TYPE_F16, value), bits, "%04x", (unsigned)bits);
        value = widen(SNNCONV_TYPE_BF16, (uint16_t)bits);
        if (!isnan(value)) cr_assert_eq(narrow(SNNCONV_TYPE_BF16, value), bits);
    }
}

Test(ir_array, bfloat16_is_the_rounded_upper_half_of_a_float)
{
    cr_assert_eq(narrow(SNNCONV_TYPE_BF16, 1.0), 0x3f80);
    cr_assert_eq(narrow(SNNCONV_TYPE_BF16, 1 + 0x1p-8), 0x3f80);     /* tie to even */
    cr_assert_eq(narrow(SNNCONV_TYPE_BF16, 1 + 3 * 0x1p-8), 0x3f82); /* tie to even */
    cr_assert_eq(narrow(SNNCONV_TYPE_BF16, -0x1p-126), 0x8080);
    cr_assert_eq(narrow(SNNCONV_TYPE_BF16, 3.5e38), 0x7f80);
}

Test(ir_array, floats_become_integers_by_truncation_within_the_range)
{
    static const struct {
        enum snnconv_type type;
        double value;
        int64_t integer;
    } cases[] = {
        {SNNCONV_TYPE_I8, -1.9, -1},
        {SNNCONV_TYPE_I8, 300, 127},
        {SNNCONV_TYPE_I8, -300, -128},
        {SNNCONV_TYPE_U8, 255.9, 255},
        {SNNCONV_TYPE_U8, -1, 0},
        {SNNCONV_TYPE_I16, 40000, INT16_MAX},
        {SNNCONV_TYPE_U16, 70000, 65535},
        {SNNCONV_TYPE_I32, -3e9, INT32_MIN},
        {SNNCONV_TYPE_U32, 4e9, 4000000000},
        {SNNCONV_TYPE_I64, 1e19, INT64_MAX},
        {SNNCONV_TYPE_I64, -1e19, INT64_MIN},
        {SNNCONV_TYPE_U64, 0x1p63, INT64_MIN},
        {SNNCONV_TYPE_U64, 1e30, -1},
        {SNNCONV_TYPE_BOOL, 0.25, 1},
        {SNNCONV_TYPE_I32, (double)NAN, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t room = 0;
        struct snnconv_array array = {.type = cases[i].type, .data = &room};
        snnconv_array_store(&array, 0, cases[i].value);
        cr_assert_eq(snnconv_array_load_integer(&array, 0), cases[i].integer, "%s of %g",
                     snnconv_type_name(cases[i].type), cases[i].value);
    }
}

Test(ir_array, integers_lose_their_upper_bits)
{
    int8_t small = 0;
    uint64_t large = 0;
    float real = 0;
    struct snnconv_array array = {.type = SNNCONV_TYPE_I8, .data = &small};
    snnconv_array_store_integer(&array, 0, 200);
    cr_assert_eq(small, -56); /* 200 - 256 */
    array = (struct snnconv_array){.type = SNNCONV_TYPE_U64, .data = &large};
    snnconv_array_store_integer(&array, 0, -1);
    cr_assert_eq(large, UINT64_MAX);
    cr_assert_eq(snnconv_array_load(&array, 0), 0x1p64);
    array = (struct snnconv_array){.type = SNNCONV_TYPE_F32, .data = &real};
    snnconv_array_store_integer(&array, 0, -3);
    cr_assert_eq(real, -3.0F);
    real = -2.75F;
    cr_assert_eq(snnconv_array_load_integer(&array, 0), -2);
}

Test(ir_array, shapes_are_held_against_the_limit_of_a_tensor)
{
    const struct snn_limits limits = {.tensor_bytes = 400};
    struct snn_context *context = support_limited(&limits);
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = 2, .dim = {10, 10}};
    cr_assert_eq(snnconv_array_check(context, &array), SNN_OK);
    cr_assert_eq(snnconv_array_count(&array), 100u);
    array.dim[1] = 11;
    cr_assert_eq(snnconv_array_check(context, &array), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context),
                     "a tensor of float32 [10, 11] exceeds the limit of 400 bytes");
    array.dim[1] = -1;
    cr_assert_eq(snnconv_array_check(context, &array), SNN_ERR_FORMAT);
    array.rank = SNNCONV_RANK_MAX + 1;
    cr_assert_eq(snnconv_array_check(context, &array), SNN_ERR_LIMIT);
    snn_context_destroy(&context);
}

Test(ir_array, products_beyond_64_bits_are_refused_even_when_empty)
{
    struct snnconv_array array = {
        .type = SNNCONV_TYPE_U8, .rank = 3, .dim = {INT64_C(1) << 40, INT64_C(1) << 40, INT64_MAX}};
    cr_assert_eq(snnconv_array_check(support_context(), &array), SNN_ERR_LIMIT);
    array.dim[0] = 0;
    cr_assert_eq(snnconv_array_check(support_context(), &array), SNN_ERR_LIMIT);
    array.dim[1] = array.dim[2] = 3;
    cr_assert_eq(snnconv_array_check(support_context(), &array), SNN_OK);
    cr_assert_eq(snnconv_array_count(&array), 0u);
}

Test(ir_array, the_largest_shape_fits_its_text)
{
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = SNNCONV_RANK_MAX};
    char text[SNNCONV_ARRAY_TEXT_SIZE];
    for (uint32_t i = 0; i < SNNCONV_RANK_MAX; i++)
        array.dim[i] = INT64_MIN;
    snnconv_array_format(text, &array);
    cr_assert_eq(strlen(text), 8 * 20 + 7 * 2 + 2); /* digits, separators, brackets */
    array = (struct snnconv_array){.rank = 0};
    snnconv_array_format(text, &array);
    cr_assert_str_eq(text, "[]");
}

Test(ir_array, an_empty_array_has_data)
{
    struct snnbase_arena arena;
    struct snnconv_array array = {.type = SNNCONV_TYPE_F32, .rank = 1, .dim = {0}};
    snnbase_arena_init(&arena, support_context());
    cr_assert_not_null(snnconv_array_alloc(&array, support_context(), &arena));
    cr_assert_not_null(array.data);
    snnbase_arena_fini(&arena);
}
