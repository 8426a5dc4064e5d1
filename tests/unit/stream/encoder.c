/* Encoders: trains derived by hand, statistics of the random ones, and that nothing but seed,
 * sample, step and address decides about a spike.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "libsnn/base/rng.h"
#include "snn/status.h"
#include "snn/stream.h"
#include "tests/unit/stream/support.h"

enum { STEPS_MAX = 512, PIXELS_MAX = 1024 };

TestSuite(encoder, .init = support_begin, .fini = support_end);

static struct snn_encoder *create(enum snn_encoding encoding, uint64_t seed, uint32_t timesteps,
                                  struct snn_shape shape)
{
    struct snn_encoder_options options = {encoding, seed, timesteps, 0.0, false};
    struct snn_encoder *encoder = NULL;
    int status = snn_encoder_create(&encoder, support_context(), &options, shape);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return encoder;
}

static void begin(struct snn_encoder *encoder, uint64_t index, const float *intensity)
{
    cr_assert_eq(snn_encoder_begin(encoder, support_context(), index, intensity), SNN_OK);
}

/* train[step][address] = spikes, from chunks of `chunk` steps; checks the form of the lists. */
static void collect(struct snn_encoder *encoder, uint32_t steps, uint32_t chunk, uint32_t pixels,
                    uint8_t *train)
{
    memset(train, 0, (size_t)steps * pixels);
    for (uint32_t start = 0; start < steps; start += chunk) {
        struct snn_spikes spikes;
        uint32_t wanted = steps - start < chunk ? steps - start : chunk;
        cr_assert_eq(snn_encoder_next(encoder, support_context(), wanted, &spikes), SNN_OK);
        cr_assert_eq(spikes.step_count, wanted);
        cr_assert_not(spikes.constant);
        cr_assert_eq(spikes.step_begin[0], 0u);
        for (uint32_t t = 0; t < wanted; t++) {
            cr_assert_leq(spikes.step_begin[t], spikes.step_begin[t + 1]);
            for (uint32_t i = spikes.step_begin[t]; i < spikes.step_begin[t + 1]; i++) {
                uint32_t address = spikes.address[i];
                cr_assert_lt(address, pixels);
                cr_assert(i == spikes.step_begin[t] || address > spikes.address[i - 1]);
                float count = spikes.count ? spikes.count[i] : 1.0f;
                train[(start + t) * pixels + address] = (uint8_t)count;
            }
        }
    }
}

static void assert_train(struct snn_encoder *encoder, const char *expected)
{
    uint8_t train[64];
    uint32_t steps = (uint32_t)strlen(expected);
    collect(encoder, steps, 5, 1, train);
    for (uint32_t t = 0; t < steps; t++)
        cr_assert_eq(train[t], expected[t] - '0', "step %u of %s", t, expected);
}

/* --- Names ------------------------------------------------------------------------------------ */

Test(encoder, names_are_parsed_back)
{
    static const char *const names[] = {"rate", "bernoulli", "current", "ttfs"};
    for (int i = 0; i < 4; i++) {
        enum snn_encoding encoding;
        cr_assert_str_eq(snn_encoding_name((enum snn_encoding)i), names[i]);
        cr_assert_eq(snn_encoding_parse(&encoding, support_context(), names[i]), SNN_OK);
        cr_assert_eq((int)encoding, i);
    }
    cr_assert_null(snn_encoding_name((enum snn_encoding)4));
    cr_assert_null(snn_encoding_name((enum snn_encoding) - 1));
}

Test(encoder, unknown_name_lists_the_known_ones)
{
    enum snn_encoding encoding = SNN_ENCODING_TTFS;
    cr_assert_eq(snn_encoding_parse(&encoding, support_context(), "poisson"), SNN_ERR_INVALID);
    cr_assert_eq(encoding, SNN_ENCODING_TTFS);
    cr_assert_str_eq(snn_context_message(support_context()), "unknown encoding 'poisson'");
    cr_assert_str_eq(snn_context_hint(support_context()),
                     "the encodings are rate, bernoulli, current and ttfs");
}

/* --- rate ------------------------------------------------------------------------------------- */

/* By hand, in binary fractions: start 1/2; .875 | 1.25 -> spike, .25 | .625 | 1 -> spike, 0 | .375
 * | .75 | 1.125 -> spike, .125 | .5, and from there again. */
Test(encoder, rate_diffuses_the_error_of_three_eighths)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 16, (struct snn_shape){1, 1, 1});
    begin(encoder, 0, (float[]){0.375f});
    assert_train(encoder, "0101001001010010");
    snn_encoder_destroy(&encoder);
}

/* p = 0.3 is 0.300000012 in float32. By hand: start .5; .8 | 1.1 -> spike, .1 | .4 | .70000005 |
 * 1.00000006, a tie that rounds to even: 1 -> spike, 0 | .3 | .6 | .90000004 | 1.2 -> spike, .2 |
 * .5000001 | .8000001 | 1.1000001 -> spike, .1000001 | ... Checked with NumPy's float32. */
Test(encoder, rate_of_three_tenths_rounds_as_float32)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 24, (struct snn_shape){1, 1, 1});
    begin(encoder, 0, (float[]){0.3f});
    assert_train(encoder, "010010001001001000100100");
    snn_encoder_destroy(&encoder);
}

Test(encoder, rate_of_one_spikes_always_and_of_zero_never)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 8, (struct snn_shape){1, 1, 1});
    begin(encoder, 0, (float[]){1.0f});
    assert_train(encoder, "11111111");
    begin(encoder, 0, (float[]){0.0f});
    assert_train(encoder, "00000000");
    begin(encoder, 0, (float[]){0.5f});
    assert_train(encoder, "10101010");
    snn_encoder_destroy(&encoder);
}

/* Multiples of 1/256 are summed exactly, so the count after T steps is floor(p T + 1/2). */
Test(encoder, rate_counts_are_rounded_products)
{
    float intensity[257];
    for (int k = 0; k <= 256; k++)
        intensity[k] = (float)k / 256.0f;
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 100, (struct snn_shape){1, 1, 257});
    begin(encoder, 0, intensity);
    static uint8_t train[STEPS_MAX * 257];
    collect(encoder, 300, 32, 257, train);
    unsigned count[257] = {0};
    for (unsigned t = 0; t < 300; t++) {
        for (unsigned k = 0; k <= 256; k++) {
            count[k] += train[t * 257 + k];
            cr_assert_eq(count[k], (k * (t + 1) * 2 + 256) / 512, "%u/256 after %u", k, t + 1);
        }
    }
    snn_encoder_destroy(&encoder);
}

/* --- Addresses -------------------------------------------------------------------------------- */

/* Frames are [channel][row][column], addresses (row * width + column) * channels + channel. */
Test(encoder, channels_run_fastest_in_addresses)
{
    struct snn_shape shape = {3, 2, 2};
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 4, shape);
    uint8_t train[12];
    for (uint32_t c = 0; c < 3; c++) {
        for (uint32_t y = 0; y < 2; y++) {
            for (uint32_t x = 0; x < 2; x++) {
                float intensity[12] = {0};
                intensity[(c * 2 + y) * 2 + x] = 1.0f;
                begin(encoder, 0, intensity);
                collect(encoder, 1, 1, 12, train);
                for (uint32_t a = 0; a < 12; a++)
                    cr_assert_eq(train[a], a == (y * 2 + x) * 3 + c);
            }
        }
    }
    snn_encoder_destroy(&encoder);
}

/* --- bernoulli -------------------------------------------------------------------------------- */

Test(encoder, bernoulli_follows_its_definition)
{
    struct snn_shape shape = {2, 3, 5};
    float intensity[30];
    for (int i = 0; i < 30; i++)
        intensity[i] = (float)(i % 11) / 10.0f;
    uint64_t seed = UINT64_C(0x9e3779b97f4a7c15);
    uint64_t index = UINT64_C(0x100000007);
    struct snn_encoder *encoder = create(SNN_ENCODING_BERNOULLI, seed, 100, shape);
    begin(encoder, index, intensity);
    uint8_t train[100 * 30];
    collect(encoder, 100, 32, 30, train);
    const uint32_t key[2] = {0x7f4a7c15, 0x9e3779b9};
    for (uint32_t t = 0; t < 100; t++) {
        for (uint32_t a = 0; a < 30; a++) {
            float p = intensity[a % 2 * 15 + a / 2];
            const uint32_t counter[4] = {a, t / 4, 7, 1};
            uint32_t number[4];
            snnbase_philox4x32(counter, key, number);
            bool spike = number[t % 4] < (uint64_t)((double)p * 4294967296.0);
            cr_assert_eq(train[t * 30 + a], spike, "step %u, address %u", t, a);
        }
    }
    snn_encoder_destroy(&encoder);
}

/* The draw of the first step for a single pixel, seed 0. */
static uint32_t first_draw(uint32_t index)
{
    const uint32_t key[2] = {0, 0};
    const uint32_t counter[4] = {0, 0, index, 0};
    uint32_t number[4];
    snnbase_philox4x32(counter, key, number);
    return number[0];
}

/* A multiple of 256 below 2^32, divided by 2^32, is exact in float32. So a draw U that is one may
 * be p * 2^32 itself, no spike; and one that is 1 short of it may be the last that spikes. */
Test(encoder, bernoulli_spikes_below_the_threshold_and_not_at_it)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_BERNOULLI, 0, 1, (struct snn_shape){1, 1, 1});
    unsigned below = 0;
    unsigned equal = 0;
    for (uint32_t index = 0; index < 5000; index++) {
        uint32_t draw = first_draw(index);
        if (draw % 256 != 0 && draw % 256 != 255) continue;
        bool is_below = draw % 256 == 255;
        uint8_t spike;
        begin(encoder, index, (float[]){(float)((double)draw + is_below) / 4294967296.0f});
        collect(encoder, 1, 1, 1, &spike);
        cr_assert_eq(spike, is_below, "draw %u", draw);
        below += is_below;
        equal += !is_below;
    }
    cr_assert(below > 0 && equal > 0);
    snn_encoder_destroy(&encoder);
}

Test(encoder, bernoulli_is_the_same_for_any_chunks)
{
    static uint8_t whole[STEPS_MAX * 49];
    static uint8_t parts[STEPS_MAX * 49];
    static const uint32_t chunks[] = {1, 2, 3, 5, 7, 31};
    float intensity[49];
    for (int i = 0; i < 49; i++)
        intensity[i] = (float)i / 48.0f;
    struct snn_encoder *encoder =
        create(SNN_ENCODING_BERNOULLI, 3, 100, (struct snn_shape){1, 7, 7});
    begin(encoder, 11, intensity);
    collect(encoder, 150, 32, 49, whole);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        begin(encoder, 11, intensity);
        collect(encoder, 150, chunks[i], 49, parts);
        cr_assert_arr_eq(parts, whole, sizeof(uint8_t) * 150 * 49);
    }
    snn_encoder_destroy(&encoder);
}

Test(encoder, bernoulli_is_the_same_in_any_order_of_samples)
{
    uint8_t first[40 * 16];
    uint8_t again[40 * 16];
    uint8_t other[40 * 16];
    float intensity[16];
    for (int i = 0; i < 16; i++)
        intensity[i] = 0.5f;
    struct snn_shape shape = {1, 4, 4};
    struct snn_encoder *encoder = create(SNN_ENCODING_BERNOULLI, 3, 40, shape);
    begin(encoder, 5, intensity);
    collect(encoder, 40, 32, 16, first);
    begin(encoder, 9, intensity);
    collect(encoder, 40, 32, 16, other);
    begin(encoder, 5, intensity);
    collect(encoder, 40, 32, 16, again);
    cr_assert_arr_eq(again, first, sizeof(first));
    cr_assert_arr_neq(other, first, sizeof(first));
    snn_encoder_destroy(&encoder);

    encoder = create(SNN_ENCODING_BERNOULLI, 4, 40, shape);
    begin(encoder, 5, intensity);
    collect(encoder, 40, 32, 16, other);
    cr_assert_arr_neq(other, first, sizeof(first), "another seed gives the same spikes");
    snn_encoder_destroy(&encoder);
}

Test(encoder, bernoulli_of_one_spikes_always_and_of_almost_zero_never)
{
    struct snn_encoder *encoder =
        create(SNN_ENCODING_BERNOULLI, 1, 100, (struct snn_shape){1, 1, 3});
    begin(encoder, 0, (float[]){1.0f, 0.0f, 1e-12f});
    uint8_t train[500 * 3];
    collect(encoder, 500, 32, 3, train);
    for (int t = 0; t < 500; t++)
        cr_assert(train[3 * t] == 1 && train[3 * t + 1] == 0 && train[3 * t + 2] == 0);
    snn_encoder_destroy(&encoder);
}

/* A count of n independent draws is within 5 standard deviations of n p but once in 1.7 million. */
static void assert_share(double count, double draws, double probability, const char *what)
{
    double deviation = sqrt(draws * probability * (1.0 - probability));
    cr_assert_lt(fabs(count - draws * probability), 5.0 * deviation, "%s: %g of %g for p = %g",
                 what, count, draws, probability);
}

/* Spikes, and coincidences with the next step, the next pixel and the next sample. */
Test(encoder, bernoulli_draws_are_fair_and_independent)
{
    static const float probabilities[] = {0.02f, 0.122f, 0.5f, 0.97f};
    static uint8_t train[2][STEPS_MAX * 256];
    struct snn_encoder *encoder =
        create(SNN_ENCODING_BERNOULLI, 0, STEPS_MAX, (struct snn_shape){1, 16, 16});
    for (size_t k = 0; k < sizeof(probabilities) / sizeof(probabilities[0]); k++) {
        float intensity[256];
        for (int i = 0; i < 256; i++)
            intensity[i] = probabilities[k];
        for (uint64_t index = 0; index < 2; index++) {
            begin(encoder, index, intensity);
            collect(encoder, STEPS_MAX, 32, 256, train[index]);
        }
        double spikes = 0;
        double next_step = 0;
        double next_pixel = 0;
        double next_sample = 0;
        for (int i = 0; i < (STEPS_MAX - 1) * 256; i++) {
            spikes += train[0][i];
            next_step += train[0][i] & train[0][i + 256];
            next_pixel += train[0][i] & train[0][i + 1];
            next_sample += train[0][i] & train[1][i];
        }
        double draws = (STEPS_MAX - 1) * 256;
        double p = (double)probabilities[k];
        assert_share(spikes, draws, p, "spikes");
        assert_share(next_step, draws, p * p, "steps");
        assert_share(next_pixel, draws, p * p, "pixels");
        assert_share(next_sample, draws, p * p, "samples");
    }
    snn_encoder_destroy(&encoder);
}

/* --- ttfs and current ------------------------------------------------------------------------- */

/* floor((1 - p)(T - 1) + 1/2) for T = 10: p = 1: 0.5 | 7/8: 1.625 | 1/2: 5 | 1/4: 7.25 | 1e-6: 9.49
 */
Test(encoder, ttfs_gives_one_spike_the_earlier_the_brighter)
{
    static const float intensity[] = {1.0f, 0.875f, 0.5f, 0.25f, 1e-6f, 0.0f};
    static const int expected[] = {0, 1, 5, 7, 9, -1};
    struct snn_encoder *encoder = create(SNN_ENCODING_TTFS, 0, 10, (struct snn_shape){1, 2, 3});
    for (uint32_t chunk = 1; chunk <= 32; chunk *= 2) {
        uint8_t train[40 * 6];
        begin(encoder, 0, intensity);
        collect(encoder, 40, chunk, 6, train);
        for (int t = 0; t < 40; t++) {
            for (int i = 0; i < 6; i++)
                cr_assert_eq(train[t * 6 + i], t == expected[i], "pixel %d, step %d", i, t);
        }
    }
    snn_encoder_destroy(&encoder);
}

Test(encoder, ttfs_of_a_single_step_spikes_in_it)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_TTFS, 0, 1, (struct snn_shape){1, 1, 1});
    begin(encoder, 0, (float[]){0.01f});
    assert_train(encoder, "100");
    snn_encoder_destroy(&encoder);
}

Test(encoder, current_is_one_constant_list_of_values)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_CURRENT, 0, 10, (struct snn_shape){2, 1, 2});
    begin(encoder, 0, (float[]){0.25f, 0.0f, 0.75f, 1.0f});
    for (int i = 0; i < 2; i++) {
        struct snn_spikes spikes;
        cr_assert_eq(snn_encoder_next(encoder, support_context(), 7, &spikes), SNN_OK);
        cr_assert(spikes.constant);
        cr_assert_eq(spikes.step_count, 7u);
        cr_assert_eq(spikes.step_begin[0], 0u);
        cr_assert_eq(spikes.step_begin[1], 3u);
        /* Of (channel 0: 1/4, 0; channel 1: 3/4, 1) address 2 is the zero. */
        cr_assert(spikes.address[0] == 0 && spikes.address[1] == 1 && spikes.address[2] == 3);
        cr_assert(spikes.count[0] == 0.25f && spikes.count[1] == 0.75f && spikes.count[2] == 1.0f);
    }
    snn_encoder_destroy(&encoder);
}

/* --- Chunks and memory ------------------------------------------------------------------------ */

Test(encoder, steps_beyond_the_announced_ones_go_on)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 2, (struct snn_shape){1, 1, 1});
    begin(encoder, 0, (float[]){0.5f});
    assert_train(encoder, "101010101010");
    snn_encoder_destroy(&encoder);
}

Test(encoder, a_chunk_has_at_most_the_maximum_of_steps)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 100, (struct snn_shape){1, 1, 1});
    struct snn_spikes spikes;
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 5, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_begin[5], 0u, "spikes without a sample");
    begin(encoder, 0, (float[]){1.0f});
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 1000, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_count, SNN_ENCODER_STEPS_MAX);
    cr_assert_eq(spikes.step_begin[SNN_ENCODER_STEPS_MAX], SNN_ENCODER_STEPS_MAX);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 0, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_count, 0u);
    cr_assert_eq(spikes.step_begin[0], 0u);
    snn_encoder_destroy(&encoder);
}

Test(encoder, lists_hold_a_full_chunk_of_all_pixels)
{
    static uint8_t train[64 * PIXELS_MAX];
    static float intensity[PIXELS_MAX];
    for (int i = 0; i < PIXELS_MAX; i++)
        intensity[i] = 1.0f;
    for (int e = 0; e < 2; e++) {
        struct snn_encoder *encoder =
            create((enum snn_encoding)e, 0, 64, (struct snn_shape){1, 32, 32});
        begin(encoder, 0, intensity);
        collect(encoder, 64, 32, PIXELS_MAX, train);
        for (size_t i = 0; i < sizeof(train); i++)
            cr_assert_eq(train[i], 1);
        snn_encoder_destroy(&encoder);
    }
}

Test(encoder, nothing_is_allocated_after_the_first_frame)
{
    float intensity[16] = {0.5f, 0.25f};
    for (int e = 0; e < 4; e++) {
        struct snn_encoder *encoder =
            create((enum snn_encoding)e, 0, 40, (struct snn_shape){1, 4, 4});
        size_t before = 0;
        for (uint64_t index = 0; index < 3; index++) {
            struct snn_spikes spikes;
            begin(encoder, index, intensity);
            if (index == 0) before = support_allocation_count();
            cr_assert_eq(snn_encoder_next(encoder, support_context(), 32, &spikes), SNN_OK);
            cr_assert_eq(snn_encoder_next(encoder, support_context(), 8, &spikes), SNN_OK);
        }
        cr_assert_eq(support_allocation_count(), before);
        snn_encoder_destroy(&encoder);
        cr_assert_null(encoder);
        snn_encoder_destroy(&encoder);
    }
}

static int create_and_destroy(struct snn_context *context)
{
    struct snn_encoder_options options = {SNN_ENCODING_RATE, 0, 10, 0.0, false};
    struct snn_encoder *encoder = NULL;
    int status = snn_encoder_create(&encoder, context, &options, (struct snn_shape){1, 28, 28});
    snn_encoder_destroy(&encoder);
    return status;
}

Test(encoder, running_out_of_memory_leaves_nothing)
{
    support_sweep(create_and_destroy);
}

/* --- Recorded spikes -------------------------------------------------------------------------- */

/* Two samples of 3 steps, 2 channels, 1 row, 2 columns. */
static const uint8_t recording[] = {
    1, 0, 0, 1, /**/ 0, 0, 0, 0, /**/ 1, 1, 1, 1, /**/
    0, 2, 0, 0, /**/ 9, 0, 0, 1, /**/ 0, 0, 0, 255,
};
#define RECORDING "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3, 2, 1, 2), }\n"

static struct snn_source *open_recording(void)
{
    support_put_npy("spikes.npy", RECORDING, recording, sizeof(recording));
    return support_open("spikes.npy", SNN_SOURCE_SPIKES);
}

Test(encoder, recorded_spikes_come_out_as_counts_by_address)
{
    struct snn_source *source = open_recording();
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){2, 1, 2});
    for (uint64_t index = 0; index < 2; index++) {
        uint8_t train[6 * 4];
        cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, index), SNN_OK);
        collect(encoder, 6, 2, 4, train);
        for (uint32_t t = 0; t < 6; t++) {
            for (uint32_t a = 0; a < 4; a++) {
                size_t place = ((index * 3 + t) * 2 + a % 2) * 2 + a / 2;
                cr_assert_eq(train[t * 4 + a], t < 3 ? recording[place] : 0);
            }
        }
    }
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

Test(encoder, recorded_counts_are_left_out_where_all_are_one)
{
    struct snn_source *source = open_recording();
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){2, 1, 2});
    struct snn_spikes spikes;
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 3, &spikes), SNN_OK);
    cr_assert_null(spikes.count);
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 1), SNN_OK);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 1, &spikes), SNN_OK);
    cr_assert_not_null(spikes.count);
    cr_assert_eq(spikes.count[0], 2.0f);
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 2, &spikes), SNN_OK);
    cr_assert_not_null(spikes.count);
    cr_assert_eq(spikes.count[2], 255.0f);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

Test(encoder, frames_may_follow_a_recording)
{
    struct snn_source *source = open_recording();
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){2, 1, 2});
    uint8_t train[4];
    cr_assert_eq(snn_encoder_begin_recorded(encoder, support_context(), source, 0), SNN_OK);
    collect(encoder, 1, 1, 4, train);
    begin(encoder, 0, (float[]){0.0f, 1.0f, 0.0f, 0.0f});
    collect(encoder, 1, 1, 4, train);
    cr_assert_arr_eq(train, ((uint8_t[]){0, 0, 1, 0}), 4);
    snn_encoder_destroy(&encoder);
    snn_source_close(&source);
}

Test(encoder, recordings_that_do_not_fit_are_refused)
{
    struct snn_source *source = open_recording();
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){2, 1, 2});
    int status = snn_encoder_begin_recorded(encoder, support_context(), source, 2);
    cr_assert_eq(status, SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()), "sample 2 of a source with 2 samples");
    snn_encoder_destroy(&encoder);

    encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){1, 2, 2});
    status = snn_encoder_begin_recorded(encoder, support_context(), source, 0);
    cr_assert_eq(status, SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "recorded spikes of 2x1x2 where 1x2x2 are wanted");
    snn_source_close(&source);

    static const uint8_t frames[4] = {0};
    support_put_npy("frames", "{'descr': '|u1', 'fortran_order': False, 'shape': (1, 2, 2), }\n",
                    frames, sizeof(frames));
    source = support_open("frames", SNN_SOURCE_FRAMES);
    status = snn_encoder_begin_recorded(encoder, support_context(), source, 0);
    cr_assert_eq(status, SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()), "the source holds frames, not spikes");
    snn_source_close(&source);
    snn_encoder_destroy(&encoder);
}

/* --- Arguments that are wrong ----------------------------------------------------------------- */

Test(encoder, intensities_outside_zero_to_one_are_named)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 3, (struct snn_shape){2, 2, 3});
    float intensity[12] = {0};
    intensity[11] = 1.5f;
    cr_assert_eq(snn_encoder_begin(encoder, support_context(), 42, intensity), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "sample 42: the intensity 1.5 at channel 1, row 1, column 2 is outside 0..1");
    intensity[7] = -0.25f;
    cr_assert_eq(snn_encoder_begin(encoder, support_context(), 0, intensity), SNN_ERR_INVALID);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "sample 0: the intensity -0.25 at channel 1, row 0, column 1 is outside 0..1");
    intensity[0] = NAN;
    cr_assert_eq(snn_encoder_begin(encoder, support_context(), 0, intensity), SNN_ERR_INVALID);
    snn_encoder_destroy(&encoder);
}

static void refuse(enum snn_encoding encoding, uint32_t timesteps, struct snn_shape shape,
                   int status, const char *message)
{
    struct snn_encoder_options options = {encoding, 0, timesteps, 0.0, false};
    struct snn_encoder *encoder = NULL;
    cr_assert_eq(snn_encoder_create(&encoder, support_context(), &options, shape), status);
    cr_assert_null(encoder);
    cr_assert_str_eq(snn_context_message(support_context()), message);
}

Test(encoder, options_that_make_no_sense_are_refused)
{
    struct snn_shape pixel = {1, 1, 1};
    refuse((enum snn_encoding)9, 10, pixel, SNN_ERR_INVALID, "unknown encoding 9");
    refuse(SNN_ENCODING_RATE, 0, pixel, SNN_ERR_INVALID, "0 time steps, not at least 1");
    refuse(SNN_ENCODING_RATE, 1, (struct snn_shape){1, 0, 4}, SNN_ERR_INVALID,
           "frames of 1x0x4 are empty");
    refuse(SNN_ENCODING_RATE, 1, (struct snn_shape){4096, 65536, 65536}, SNN_ERR_LIMIT,
           "frames of 4096x65536x65536 values exceed the limit of 67108864");
}

Test(encoder, before_the_first_sample_steps_are_empty)
{
    struct snn_encoder *encoder = create(SNN_ENCODING_RATE, 0, 4, (struct snn_shape){1, 4, 4});
    struct snn_spikes spikes;
    cr_assert_eq(snn_encoder_next(encoder, support_context(), 4, &spikes), SNN_OK);
    cr_assert_eq(spikes.step_begin[4], 0u);
    snn_encoder_destroy(&encoder);
}
