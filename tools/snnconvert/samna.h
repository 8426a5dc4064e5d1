/* --to samna: a chip program, and data to play, as files for the vendor's library.
 */
#ifndef TOOLS_SNNCONVERT_SAMNA_H
#define TOOLS_SNNCONVERT_SAMNA_H

#include <stdint.h>

#include "tools/snnconvert/session.h"

/* Samples whose events are written unless --samples says otherwise. */
#define SNNCONVERT_SAMNA_SAMPLES 10

/* What is played: the first samples of what --check measures on, encoded as the options say. */
struct snnconvert_playback {
    struct snnconvert_session *session;
    const struct snn_program *program;
    const char *chip;      /* as --check named it */
    uint64_t sample_count; /* of the session's data; 0: there is none */
    uint64_t event_count;  /* that were written */
    uint64_t right_count;  /* samples that the simulator's chip decides as their labels say */
};

/* Writes the folder --output: config.json, events.csv, expected.csv, play.py, README.md. `chip` is
 * what --check named. Returns an exit status; what went wrong was printed. */
int snnconvert_write_samna(struct snnconvert_session *session, const struct snn_program *program,
                           const char *chip);

/* Parts of it. Files, given by their name in the folder, and what goes into them. */
int snnconvert_samna_save(struct snnconvert_session *session, const char *name, const void *data,
                          size_t size);
int snnconvert_samna_events(struct snnconvert_playback *playback);
int snnconvert_samna_expected(struct snnconvert_playback *playback);
int snnconvert_samna_page(const struct snnconvert_playback *playback);

#endif
