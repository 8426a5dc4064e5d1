/* Spike counts to NumPy files, a row a sample, whole or not at all.
 */
#include "tools/snnsim/save.h"

#include <stdlib.h>

#include "snn/status.h"

static int open_layers(struct snnsim_save *save, const char *path, const struct snn_net *net,
                       uint64_t samples, uint32_t timesteps)
{
    const uint64_t shape[] = {samples, timesteps};
    const char **names = malloc(net->population_count * sizeof(*names));
    if (names == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < net->population_count; i++)
        names[i] = net->populations[i].name;
    int status = snn_npz_create(&save->layers, save->context, path, names, net->population_count,
                                shape, 2, SNN_NPY_INT64);
    free(names);
    return status;
}

int snnsim_save_open(struct snnsim_save *save, struct snn_context *context, const char *counts_path,
                     const char *layers_path, const struct snn_net *net, uint64_t offset,
                     uint64_t samples, uint32_t timesteps)
{
    *save = (struct snnsim_save){.context = context, .offset = offset};
    const uint64_t shape[] = {samples, timesteps, net->class_count};
    int status = SNN_OK;
    if (counts_path != NULL) {
        save->count_row = malloc((size_t)timesteps * net->class_count * sizeof(int32_t));
        status = save->count_row == NULL
                     ? SNN_ERR_NOMEM
                     : snn_npy_create(&save->counts, context, counts_path, shape, 3, SNN_NPY_INT32);
    }
    if (status == SNN_OK && layers_path != NULL) {
        save->layer_row = malloc((size_t)timesteps * net->population_count * sizeof(int64_t));
        status = save->layer_row == NULL ? SNN_ERR_NOMEM
                                         : open_layers(save, layers_path, net, samples, timesteps);
    }
    if (status != SNN_OK) (void)snnsim_save_close(save, 0);
    return status;
}

int snnsim_save_sample(struct snnsim_save *save, const struct snn_sample_record *record)
{
    uint64_t row = record->index - save->offset;
    int status = SNN_OK;
    if (save->counts != NULL) {
        size_t size = (size_t)record->timesteps * record->class_count;
        for (size_t i = 0; i < size; i++)
            save->count_row[i] = (int32_t)record->counts[i];
        status = snn_npy_write(save->counts, save->context, row, save->count_row);
    }
    if (status == SNN_OK && save->layers != NULL) {
        for (uint32_t p = 0; p < record->population_count; p++) {
            for (uint32_t t = 0; t < record->timesteps; t++)
                save->layer_row[(size_t)p * record->timesteps + t] =
                    (int64_t)record->population_spikes[(size_t)t * record->population_count + p];
        }
        status = snn_npy_write(save->layers, save->context, row, save->layer_row);
    }
    return status;
}

int snnsim_save_close(struct snnsim_save *save, int commit)
{
    int status = SNN_OK;
    if (commit && save->counts != NULL) status = snn_npy_commit(&save->counts, save->context);
    if (commit && status == SNN_OK && save->layers != NULL)
        status = snn_npy_commit(&save->layers, save->context);
    snn_npy_abandon(&save->counts);
    snn_npy_abandon(&save->layers);
    free(save->count_row);
    free(save->layer_row);
    save->count_row = NULL;
    save->layer_row = NULL;
    return status;
}
