/* The files that snnsim writes sample by sample while the run goes on.
 */
#ifndef TOOLS_SNNSIM_SAVE_H
#define TOOLS_SNNSIM_SAVE_H

#include <stdint.h>

#include "snn/net.h"
#include "snn/npy.h"
#include "snn/run.h"

struct snnsim_save {
    struct snn_context *context;
    struct snn_npy_writer *counts; /* NULL: not wanted */
    struct snn_npy_writer *layers;
    uint64_t offset; /* of the first sample */
    int32_t *count_row;
    int64_t *layer_row;
};

/* Begins the files whose paths are not NULL, for `samples` samples. Returns an snn_status. */
int snnsim_save_open(struct snnsim_save *save, struct snn_context *context, const char *counts_path,
                     const char *layers_path, const struct snn_net *net, uint64_t offset,
                     uint64_t samples, uint32_t timesteps);

/* The `sample` callback of a run, with the struct snnsim_save as its user. */
int snnsim_save_sample(struct snnsim_save *save, const struct snn_sample_record *record);

/* Makes the files appear; on error, or with commit false, none does. */
int snnsim_save_close(struct snnsim_save *save, int commit);

#endif
