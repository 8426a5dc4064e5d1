/* What is in recordings of event cameras: --info of one, or of a folder of them.
 */
#ifndef TOOLS_SNNCONVERT_RECORDING_H
#define TOOLS_SNNCONVERT_RECORDING_H

#include "tools/snnconvert/session.h"

/* One recording, gone through to its end. */
struct snnconvert_recording {
    char *path;    /* allocated */
    int32_t label; /* -1: none */
    struct snn_recording_info info;
    uint16_t first_x, last_x, first_y, last_y; /* that events take up */
    uint64_t peak_count;                       /* the most events of a millisecond */
};

struct snnconvert_recordings {
    struct snnconvert_recording *items;
    size_t count;
    bool labelled, is_folder;
};

/* Events a second between the first and the last; NaN where that is no time. */
double snnconvert_recording_rate(const struct snnconvert_recording *recording);
/* Whether the view leaves but one polarity, of which nobody can tell whether it was ON. */
bool snnconvert_sees_one_polarity(const struct snnconvert_session *session);
/* As a table, to stdout. */
int snnconvert_recordings_print(struct snnconvert_session *session,
                                const struct snnconvert_recordings *recordings);

#endif
