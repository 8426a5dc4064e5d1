/* The registry: the only file that names every source and every target. Adding one is one line
 * here.
 */
#include <stddef.h>

#include "libsnn/stream/source.h"
#include "libsnn/stream/target.h"
#include "snn/version.h"

extern const struct snnstream_source_ops snnstream_idx_source;
extern const struct snnstream_source_ops snnstream_npy_source;
extern const struct snn_target_ops snnsim_target;

const struct snnstream_source_ops *const snn_source_table[] = {
    &snnstream_idx_source,
    &snnstream_npy_source,
    NULL,
};

const struct snn_target_ops *const snn_target_table[] = {
    &snnsim_target,
    NULL,
};

const char *snn_version(void)
{
    return SNN_VERSION;
}
