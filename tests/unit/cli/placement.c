/* A placement as it is printed: pictures of hand-made ones, LeNet on a chip of nine cores and a net
 * that does not fit. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/cli/sample.h"
#include "tools/cli/placement.h"
#include "tools/cli/table.h"

enum { CORES = 9, LAYERS = 3 };

static const uint32_t kernel_ki[CORES] = {16, 16, 16, 32, 32, 64, 64, 16, 16};
static const uint32_t neuron_ki[CORES] = {64, 64, 64, 32, 32, 16, 16, 16, 16};

static const struct snn_quantised weights = {
    .scale = 63.5f, .bits = 7.99, .threshold = 64, .weights_lost = 1234, .weight_error = 0.288};
static const struct snn_quantised bias = {
    .scale = 12.25f, .limited_by = SNN_QUANTISED_BY_BIAS, .bits = 5.5, .threshold = 12};

/* A net of three layers, none placed yet; tests place them and put what else they need. */
struct fixture {
    struct snn_placed_layer layers[LAYERS];
    struct snn_fit fits_on[LAYERS * CORES];
    struct snn_finding findings[2];
    struct snn_remedy remedies[2];
    struct snn_placement placement;
    struct memory memory;
    struct snncli_console console;
};

static void make(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    f->layers[0] = (struct snn_placed_layer){.name = "conv1",
                                             .input = {1, 28, 28},
                                             .output = {6, 28, 28},
                                             .kernel_size = 5,
                                             .stride_y = 1,
                                             .stride_x = 1,
                                             .pad_y = 2,
                                             .pad_x = 2,
                                             .pooling = 2,
                                             .has_bias = true,
                                             .words = {256, 6144, 6},
                                             .quantised = &weights};
    f->layers[1] = (struct snn_placed_layer){.name = "fc1",
                                             .input = {6, 14, 14},
                                             .output = {500, 1, 1},
                                             .kernel_size = 14,
                                             .stride_y = 1,
                                             .stride_x = 1,
                                             .pooling = 1,
                                             .words = {786432, 500, 0},
                                             .quantised = &bias};
    f->layers[2] = (struct snn_placed_layer){.name = "fc2",
                                             .input = {500, 1, 1},
                                             .output = {10, 1, 1},
                                             .kernel_size = 1,
                                             .stride_y = 1,
                                             .stride_x = 1,
                                             .pooling = 1,
                                             .readout = true,
                                             .words = {8000, 10, 0}};
    f->placement =
        (struct snn_placement){.name = "net",
                               .layers = f->layers,
                               .layer_count = LAYERS,
                               .fits_on = f->fits_on,
                               .findings = f->findings,
                               .remedies = f->remedies,
                               .chip = {.name = "nine", .core_count = CORES, .readout_spread = 1}};
    for (uint32_t i = 0; i < CORES; i++) {
        f->placement.chip.cores[i] =
            (struct snn_chip_core){kernel_ki[i] * 1024, neuron_ki[i] * 1024, 1024, 0.0};
        f->fits_on[CORES + i].constraint = SNN_CONSTRAINT_KERNEL_MEMORY;
    }
    f->console = memory_console(&f->memory);
}

static void place(struct snn_placed_layer *layer, uint32_t core)
{
    layer->part_count = 1;
    layer->parts[0] = (struct snn_placed_part){core, 0, layer->output.channels, layer->words};
}

/* fc1, made smaller, on cores 5 and 6. */
static void share(struct fixture *f)
{
    struct snn_placed_layer *layer = &f->layers[1];
    layer->part_count = 2;
    layer->words.kernel = 131072;
    layer->parts[0] = (struct snn_placed_part){5, 0, 250, {65536, 250, 0}};
    layer->parts[1] = (struct snn_placed_part){6, 250, 250, {65535, 250, 0}};
}

static void find_problem(struct fixture *f, enum snn_severity severity)
{
    f->findings[f->placement.finding_count++] =
        (struct snn_finding){severity,
                             SNN_CONSTRAINT_KERNEL_MEMORY,
                             1,
                             SNN_NO_CORE,
                             786432,
                             65536,
                             "kernel memory of 786,432 words, the largest core has 65,536",
                             "pool before it"};
}

static void expect_printed(struct fixture *f, const char *expected)
{
    cr_expect_str_eq(memory_text(&f->memory), expected, "printed\n%s", f->memory.text);
    memory_close(&f->memory);
}

static void expect_line(struct fixture *f, const char *line)
{
    cr_expect_not_null(strstr(memory_text(&f->memory), line), "no '%s' in\n%s", line,
                       f->memory.text);
}

Test(cli_placement, verdict_counts_the_cores_or_the_problems)
{
    struct fixture f;
    make(&f);
    find_problem(&f, SNN_SEVERITY_ERROR);
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    find_problem(&f, SNN_SEVERITY_ERROR);
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    f.placement.fits = true;
    f.placement.finding_count = 0;
    place(&f.layers[0], 0);
    place(&f.layers[2], 1);
    share(&f);
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    find_problem(&f, SNN_SEVERITY_WARNING);
    place(&f.layers[1], 5);
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    expect_printed(&f, "net does not fit nine: 1 problem\n"
                       "net does not fit nine: 2 problems\n"
                       "net fits nine: 4 of 9 cores, fc1 shared by two\n"
                       "net fits nine: 3 of 9 cores, 1 warning\n");
}

Test(cli_placement, verdict_has_the_colour_of_its_stream)
{
    struct fixture f;
    make(&f);
    f.console.out_color = true; /* the report goes to the other stream */
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    f.console.err_color = true;
    snncli_placement_verdict(&f.console, f.memory.stream, &f.placement);
    expect_printed(&f, "net does not fit nine\n\033[1;31mnet does not fit nine\033[0m\n");
}

Test(cli_placement, layers_show_what_is_not_usual)
{
    struct fixture f;
    make(&f);
    place(&f.layers[0], 0);
    share(&f);
    f.layers[2].stride_x = 2;
    f.placement.chip.readout_spread = 4;
    cr_assert_eq(snncli_placement_layers(&f.console, f.memory.stream, &f.placement), SNN_OK);
    expect_printed(
        &f, "layer  window    in       out      pool  core   kernel  neuron  bias\n"
            "-----  --------  -------  -------  ----  ----  -------  ------  ----\n"
            "conv1  5x5 p2    1x28x28  6x28x28     2     0      256   6,144     6\n"
            "fc1    14x14     6x14x14  500x1x1         5+6  131,072     500\n"
            "fc2    1x1 s1x2  500x1x1  10x1x1            -    8,000      10\n"
            "  memory in words: kernel and bias of 8 bits, neuron of 16; s: stride; p: padding\n"
            "  fc2 is read out as features 0, 4, 8, ...: its memory counts all between\n");
}

Test(cli_placement, cores_tell_a_letter_each_and_explain_those_used)
{
    struct fixture f;
    char legend[128];
    make(&f);
    place(&f.layers[0], 0);
    share(&f);
    f.fits_on[2 * CORES + 3].constraint = SNN_CONSTRAINT_NEURON_MEMORY;
    snncli_placement_cores(&f.console, f.memory.stream, &f.placement);
    expect_line(&f, "core        0   1   2   3   4   5   6   7   8\n"
                    "kernel Ki  16  16  16  32  32  64  64  16  16\n"
                    "neuron Ki  64  64  64  32  32  16  16  16  16\n"
                    "---------------------------------------------\n"
                    "conv1       *   o   o   o   o   o   o   o   o\n"
                    "fc1         K   K   K   K   K   /   /   K   K\n"
                    "fc2         o   o   o   N   o   o   o   o   o\n");
    const char *kernel = snn_constraint_name(SNN_CONSTRAINT_KERNEL_MEMORY);
    const char *neuron = snn_constraint_name(SNN_CONSTRAINT_NEURON_MEMORY);
    (void)snprintf(legend, sizeof(legend), "  * placed  / a part placed  o fits  K %s  N %s\n",
                   kernel != NULL ? kernel : "unknown", neuron != NULL ? neuron : "unknown");
    expect_line(&f, legend);
    memory_close(&f.memory);
}

Test(cli_placement, many_cores_stand_in_several_blocks)
{
    struct fixture f;
    struct snn_fit fits_on[LAYERS * 40] = {{0}};
    make(&f);
    f.placement.fits_on = fits_on;
    f.placement.chip.core_count = 40;
    for (uint32_t i = 0; i < 40; i++)
        f.placement.chip.cores[i] = (struct snn_chip_core){1000, 2048, 16, 0.0};
    snncli_placement_cores(&f.console, f.memory.stream, &f.placement);
    expect_line(&f, "kernel words  1000  1000");
    cr_expect_eq(count_of(f.memory.text, "conv1 "), 4); /* (80 - 12) / 6 = 11 a block */
    memory_close(&f.memory);
}

Test(cli_placement, memory_is_full_at_100_per_cent_only)
{
    struct fixture f;
    make(&f);
    place(&f.layers[0], 0);
    share(&f);
    snncli_placement_memory(&f.console, f.memory.stream, &f.placement);
    expect_line(&f, "   0  conv1  #........    256 of 16 Ki    2 %  #........  6,144 of 64 Ki"
                    "    9 %\n");
    expect_line(&f, "   1         .........      - of 16 Ki         .........      - of 64 Ki\n");
    expect_line(&f, "   5  fc1    ######### 65,536 of 64 Ki  100 %");
    expect_line(&f, "   6  fc1    ######### 65,535 of 64 Ki   99 %");
    expect_line(&f, "   -  fc2    #........  8,000 of 64 Ki   12 %  #........     10 of 64 Ki"
                    "   <1 %\n  -: on no core; what it takes is shown against the largest\n");
    memory_close(&f.memory);
}

Test(cli_placement, memory_of_a_net_that_lies_nowhere_is_what_it_takes)
{
    struct fixture f;
    make(&f);
    snncli_placement_memory(&f.console, f.memory.stream, &f.placement);
    expect_line(&f, "   -  fc1    ####### 786,432 of 64 Ki  1200 %");
    cr_expect_null(strstr(f.memory.text, " 0  "));
    memory_close(&f.memory);
}

Test(cli_placement, the_fullest_memory_is_found)
{
    struct fixture f;
    make(&f);
    cr_expect_eq(snncli_placement_fullest(&f.placement).core, SNN_NO_CORE);
    place(&f.layers[0], 0);
    cr_expect(snncli_placement_fullest(&f.placement).neurons); /* 6,144 of 64 Ki */
    share(&f);
    const struct snncli_fullest fullest = snncli_placement_fullest(&f.placement);
    cr_expect(!fullest.neurons && fullest.core == 5 && fullest.share >= 1.0);
    memory_close(&f.memory);
}

Test(cli_placement, remedies_are_numbered_and_broken_at_80_columns)
{
    struct fixture f;
    make(&f);
    place(&f.layers[0], 0);
    share(&f);
    place(&f.layers[2], 1);
    f.remedies[0].text = "fc1 with 128 features in place of 500, which some more words here make "
                         "so long a line that it is broken";
    f.remedies[1] = (struct snn_remedy){"another chip", "", "ten", LAYERS, f.layers};
    snncli_placement_remedies(&f.console, f.memory.stream, &f.placement);
    f.placement.remedy_count = 2;
    snncli_placement_remedies(&f.console, f.memory.stream, &f.placement);
    expect_printed(
        &f, "no single change that was tried makes it fit\n"
            "these were tried and fit:\n"
            "  1. fc1 with 128 features in place of 500, which some more words here make so\n"
            "     long a line that it is broken\n"
            "  2. another chip\n"
            "     conv1 on 0, fc1 on 5+6, fc2 on 1\n");
}

Test(cli_placement, raised_thresholds_have_a_column_where_there_are_any)
{
    struct fixture f;
    struct snn_quantised raised = weights;
    struct snncli_quantised rows[] = {{"a", &weights}, {"none", NULL}};
    raised.channels_raised = 3;
    make(&f);
    cr_assert_eq(snncli_quantised_print(&f.console, f.memory.stream, rows, 2), SNN_OK);
    cr_expect_null(strstr(memory_text(&f.memory), "raised"));
    rows[1].quantised = &raised;
    cr_assert_eq(snncli_quantised_print(&f.console, f.memory.stream, rows, 2), SNN_OK);
    expect_line(&f, "a       63.5  weights         64  7.99          0  1,234  0.288       0\n"
                    "none    63.5  weights         64  7.99          0  1,234  0.288       3\n");
    expect_line(&f, "  raised: thresholds of channels");
    memory_close(&f.memory);
}

Test(cli_placement, findings_are_diagnostics_of_their_layer)
{
    struct fixture f;
    make(&f);
    find_problem(&f, SNN_SEVERITY_ERROR);
    find_problem(&f, SNN_SEVERITY_WARNING);
    f.findings[1].layer = SNN_PLACE_NO_LAYER;
    f.findings[1].hint = "";
    f.console.subject = "net.json";
    snncli_placement_findings(&f.console, &f.placement);
    cr_expect(f.console.error_count == 1 && f.console.warning_count == 1);
    expect_printed(&f, "sample: net.json: layer 'fc1': kernel memory of 786,432 words, the largest "
                       "core has 65,536\n"
                       "  hint: pool before it\n"
                       "sample: net.json: warning: kernel memory of 786,432 words, the largest "
                       "core has 65,536\n");
}

Test(cli_placement, the_whole_report_keeps_to_80_columns)
{
    for (int fits = 0; fits < 2; fits++) {
        struct fixture f;
        make(&f);
        f.console.utf8 = true;
        f.placement.fits = fits == 1;
        for (uint32_t i = 0; fits && i < LAYERS; i++)
            place(&f.layers[i], i + 4);
        cr_assert_eq(snncli_placement_print(&f.console, f.memory.stream, &f.placement), SNN_OK);
        expect_line(&f, "conv1   63.5  weights         64  7.99          0  1,234  0.288\n");
        cr_expect_eq(strstr(f.memory.text, "that was tried") == NULL, fits == 1);
        for (char *line = strtok(f.memory.text, "\n"); line; line = strtok(NULL, "\n")) {
            cr_expect_leq(snncli_text_width(line), 80, "%s", line);
            cr_expect_neq(line[strlen(line) - 1], ' ', "'%s' ends in a blank", line);
        }
        memory_close(&f.memory);
    }
}
