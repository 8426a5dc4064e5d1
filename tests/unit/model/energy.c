/* Energy: the sum, the built-in profiles and files of one's own.
 */
#include "snn/energy.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"
#include "tests/unit/model/support.h"

TestSuite(energy, .init = support_begin, .fini = support_end);

Test(energy, every_term_counts_in_microjoules)
{
    const struct snn_energy_profile profile = {
        .synop_pj = 10, .update_pj = 2, .io_event_pj = 3, .mac_pj = 4.5, .static_mw = 0.25};
    static const struct {
        struct snn_energy_counts counts;
        double expected;
    } cases[] = {
        {{.synops = 1e6}, 10},   /* 1e6 x 10 pJ */
        {{.updates = 5e6}, 10},  /* 5e6 x 2 pJ */
        {{.io_events = 1e6}, 3}, /* 1e6 x 3 pJ */
        {{.macs = 2e6}, 9},      /* 2e6 x 4.5 pJ */
        {{.seconds = 0.1}, 25},  /* 0.25 mW x 0.1 s = 25 uJ */
        {{.synops = 1e6, .updates = 5e6, .io_events = 1e6, .macs = 2e6, .seconds = 0.1}, 57},
        {{.synops = 0}, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double found = snn_energy_uj(&profile, &cases[i].counts);
        cr_assert_float_eq(found, cases[i].expected, 1e-9, "case %zu: %g", i, found);
    }
}

/* 14.45 million SynOps at 10 pJ: the figure that comparisons quote for the DynapCNN row. */
Test(energy, the_sinabs_profile_reproduces_the_published_row)
{
    struct snn_energy_profile profile;
    cr_assert_eq(snn_energy_profile_load(&profile, support_context(), "sinabs"), SNN_OK);
    const struct snn_energy_counts counts = {.synops = 14.45e6, .updates = 1e6, .seconds = 1};
    cr_assert_float_eq(snn_energy_uj(&profile, &counts), 144.5, 1e-9);
}

static void check_profile(const struct snn_energy_profile *profile, void *user)
{
    size_t *count = user;
    (*count)++;
    cr_expect_gt(strlen(profile->name), 0);
    cr_expect_gt(strlen(profile->description), 0, "%s", profile->name);
    cr_expect_gt(strlen(profile->source), 0, "%s", profile->name);
    cr_expect_gt(profile->synop_pj, 0.0, "%s", profile->name);
    struct snn_energy_profile again;
    cr_assert_eq(snn_energy_profile_load(&again, support_context(), profile->name), SNN_OK);
    cr_expect_eq(again.synop_pj, profile->synop_pj);
}

Test(energy, every_built_in_profile_names_its_source)
{
    size_t count = 0;
    cr_assert_eq(snn_energy_profile_each(support_context(), check_profile, &count), SNN_OK, "%s",
                 snn_context_message(support_context()));
    cr_assert_eq(count, 8);
}

Test(energy, an_unknown_profile_is_answered_with_the_known_ones)
{
    struct snn_energy_profile profile = {.synop_pj = -1};
    struct snn_context *context = support_context();
    cr_assert_eq(snn_energy_profile_load(&profile, context, "loihi3"), SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_message(context), "no energy profile 'loihi3'");
    cr_assert_str_eq(
        snn_context_hint(context),
        "profiles are sinabs, speck, truenorth, loihi, odin, spinnaker2, horowitz45_fp32, "
        "horowitz45_int8");
    cr_assert_eq(profile.synop_pj, -1.0);
}

/* ---- Files ---- */

#define PROFILE "'name':'mine','description':'d','source':'s'"

static int load(const char *text, const char *name, struct snn_energy_profile *out)
{
    char path[600];
    const char *quoted = support_quoted(text);
    (void)snprintf(path, sizeof(path), "%s:%s", support_put("e.json", quoted, strlen(quoted)),
                   name);
    return snn_energy_profile_load(out, support_context(), path);
}

Test(energy, a_file_of_ones_own_is_read)
{
    struct snn_energy_profile profile;
    cr_assert_eq(load("{'format':'snn.energy/1','profiles':[{'name':'other','description':'d',"
                      "'source':'s'},{" PROFILE ",'synop_pj':1.5,'static_mw':7}]}",
                      "mine", &profile),
                 SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_str_eq(profile.name, "mine");
    cr_assert_eq(profile.synop_pj, 1.5);
    cr_assert_eq(profile.update_pj, 0.0);
    cr_assert_eq(profile.static_mw, 7.0);
}

Test(energy, a_bad_file_is_refused_with_its_place)
{
    static const struct {
        const char *text;
        int status;
        const char *message; /* after the path */
    } cases[] = {
        {"{'format':'x'}", SNN_ERR_FORMAT, "format is 'x', 'snn.energy/1' expected"},
        {"{'format':'snn.energy/1'}", SNN_ERR_FORMAT, "profiles: an array expected"},
        {"{'format':'snn.energy/1','profiles':[{}]}", SNN_ERR_FORMAT,
         "profiles[0]: name: missing, a string expected"},
        {"{'format':'snn.energy/1','profiles':[{'name':''}]}", SNN_ERR_FORMAT,
         "profiles[0]: name: 0 characters, 1 to 63 expected"},
        {"{'format':'snn.energy/1','profiles':[{'name':'x','description':'d'}]}", SNN_ERR_FORMAT,
         "profiles[0]: source: missing, a string expected"},
        {"{'format':'snn.energy/1','profiles':[{" PROFILE ",'synop':1}]}", SNN_ERR_FORMAT,
         "profiles[0]: unknown member 'synop'"},
        {"{'format':'snn.energy/1','profiles':[{" PROFILE ",'mac_pj':-1}]}", SNN_ERR_FORMAT,
         "profiles[0]: mac_pj: -1 is negative"},
        {"{'format':'snn.energy/1','profiles':[{" PROFILE ",'mac_pj':'1'}]}", SNN_ERR_FORMAT,
         "profiles[0]: mac_pj: a number expected, a string found"},
    };
    struct snn_energy_profile profile;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char expected[1024];
        cr_assert_eq(load(cases[i].text, "mine", &profile), cases[i].status, "%s", cases[i].text);
        (void)snprintf(expected, sizeof(expected), "%s: %s", support_path("e.json"),
                       cases[i].message);
        cr_assert_str_eq(snn_context_message(support_context()), expected);
    }
    cr_assert_eq(load("{'format':'snn.energy/1','profiles':[{" PROFILE "}]}", "yours", &profile),
                 SNN_ERR_NOT_FOUND);
    cr_assert_str_eq(snn_context_hint(support_context()), "profiles are mine");
    cr_assert_eq(snn_energy_profile_load(&profile, support_context(), "/nowhere.json:x"),
                 SNN_ERR_NOT_FOUND);
}

static int load_sinabs(struct snn_context *context)
{
    struct snn_energy_profile profile;
    return snn_energy_profile_load(&profile, context, "sinabs");
}

Test(energy, running_out_of_memory_leaks_nothing)
{
    support_sweep(load_sinabs);
}
