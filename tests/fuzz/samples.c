/* Bytes through a data format, see samples.h. */
#include "tests/fuzz/samples.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "libsnn/base/buffer.h"
#include "libsnn/base/memory.h"
#include "libsnn/stream/source.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"

/* A format may take as much as the file once more, and what a context takes. */
enum { BYTES_FIXED = 16384, BYTES_A_BYTE = 8 };

static const struct snnstream_source_ops *find_format(const char *name)
{
    size_t i = 0;
    while (snn_source_table[i] != NULL && strcmp(snn_source_table[i]->name, name) != 0)
        i++;
    return snn_source_table[i];
}

/* Reads all that was promised. False if something promised is not there, or no finite number. */
static bool look_at(const struct snnstream_samples *samples)
{
    size_t steps = samples->steps > 0 ? samples->steps : 1;
    size_t count = samples->count * steps * snn_shape_size(samples->shape);
    unsigned sum = 0;
    if (count == 0 || (samples->bytes == NULL) == (samples->values == NULL)) return false;
    for (size_t i = 0; i < count; i++) {
        if (samples->values != NULL && !isfinite(samples->values[i])) return false;
        if (samples->bytes != NULL) sum += samples->bytes[i];
    }
    return sum <= 255u * count;
}

static bool read_samples(const struct snnstream_source_ops *ops, struct snn_context *context,
                         struct snnstream_file *file, enum snn_source_kind kind)
{
    struct snnstream_samples samples = {.count = 0};
    bool good = ops->open(&samples, context, file, kind) != SNN_OK || look_at(&samples);
    snnbase_free(context, samples.storage);
    return good;
}

static bool read_labels(const struct snnstream_source_ops *ops, struct snn_context *context,
                        const struct snnstream_file *file)
{
    int32_t *labels = NULL;
    uint64_t count = 0;
    bool good = true;
    if (ops->labels(&labels, &count, context, file) == SNN_OK) {
        good = count > 0;
        for (uint64_t i = 0; i < count; i++)
            good = good && labels[i] >= 0 && labels[i] <= 65535;
    }
    snnbase_free(context, labels);
    return good;
}

/* One reading of the bytes, which a format may keep, hence from a copy. */
static bool read_once(const struct snnstream_source_ops *ops, struct snn_context *context,
                      const uint8_t *data, size_t size, unsigned way)
{
    struct snnstream_file file = {.path = "input"};
    bool good = true;
    if (snnbase_buffer_append(context, &file.bytes, data, size) == SNN_OK &&
        ops->probe(file.bytes.data, file.bytes.size) > 0) {
        good = way == 2 ? read_labels(ops, context, &file)
                        : read_samples(ops, context, &file,
                                       way == 0 ? SNN_SOURCE_FRAMES : SNN_SOURCE_SPIKES);
    }
    snnbase_buffer_fini(context, &file.bytes);
    return good;
}

int samples_read(const char *format, const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_FIXED + BYTES_A_BYTE * size};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded)};
    const struct snnstream_source_ops *ops = find_format(format);
    struct snn_context *context = NULL;
    bool good = ops != NULL;
    if (snn_context_create(&context, &options) != SNN_OK) return 0;
    for (unsigned way = 0; way < 3 && good && size > 0; way++)
        good = read_once(ops, context, data, size, way);
    snn_context_destroy(&context);
    return bounded_verdict(&bounded) != 0 || !good;
}
