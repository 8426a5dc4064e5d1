/* What the plain tests share: TAP, a small net with its data in a folder of their own, and one
 * whole passage from the model file to the report.
 */
#ifndef TESTS_PLAIN_SUPPORT_H
#define TESTS_PLAIN_SUPPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/snn.h"

/* --- TAP --- */

struct tap {
    unsigned count;
    bool failed;
};

/* One test: its verdict and its name. */
void tap_check(struct tap *tap, bool good, const char *name);

/* What went wrong, below the line that follows. */
void tap_note(const char *format, ...) SNN_PRINTF(1, 2);

/* Prints the plan; the status to exit with. */
int tap_end(const struct tap *tap);

/* --- A folder with a model and data --- */

enum { SAMPLE_COUNT = 40, CLASS_COUNT = 3, RECORDED_STEPS = 4 };

struct place {
    char folder[64];
    char model[96];
    char images[96]; /* SAMPLE_COUNT images of 8x8; labels lie beside them */
    char labels[96];
    char report[96];
    char counts[96];
    char spikes[96]; /* recorded: spikes of two samples in RECORDED_STEPS steps */
    char events[96]; /* a folder: six times the same recording of events */
};

/* False if the folder cannot be filled; a note says why. */
bool place_make(struct place *place);
void place_remove(struct place *place);

/* Whether a file that was to be renamed is still there. */
bool place_has_temporary(const struct place *place);

/* --- The passage --- */

enum { OTHER_COUNT = 8 };

struct passage {
    struct snn_context *context;
    struct snn_graph *graph;
    struct snn_source *source;
    struct snn_source *recording;
    struct snn_source *events;
    struct snn_net *net;
    struct snn_target *target;
    struct snn_result *result;
    struct snn_target *frame_target; /* the same samples in 8-bit integers */
    struct snn_result *frame_result;
    struct snn_net *chip;                          /* the net in whole numbers */
    struct snn_target *other_targets[OTHER_COUNT]; /* further ways to run: spike by spike, chip */
    struct snn_result *other_results[OTHER_COUNT];
    struct snn_program *program; /* for a chip, a layer on two of its cores */
    struct snn_target *chip_target;
    struct snn_result *chip_result;
    char *text; /* the report; of equal runs, equal up to "timing" */
};

/* Model file -> graph -> net -> target. A status; what was made so far is kept either way. */
int passage_load(struct passage *passage, const struct snn_context_options *options,
                 const struct place *place);

/* Data -> run -> result -> text of the report, on what was loaded. `run` may be changed first. */
void passage_run_options(struct snn_run_options *run, const struct snn_energy_profile *energy);
int passage_run(struct passage *passage, const struct snn_run_options *run);

/* Lets go of everything, also of what is only half there. */
void passage_end(struct passage *passage);

/* A copy of the report without what may differ between two runs; free it. NULL: out of memory. */
char *passage_copy_text(const struct passage *passage);

#endif
