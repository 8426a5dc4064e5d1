/* Fuzz target: chip profiles. What is read must pass its own check, and be the same once it was
 * written and read again.
 */
#include <string.h>

#include "libsnn/base/json.h"
#include "libsnn/model/chip.h"
#include "snn/status.h"
#include "tests/fuzz/bounded.h"
#include "tests/fuzz/target.h"

enum { BYTES_MAX = 64 << 20 };

static int read_chip(struct snn_context *context, const void *text, size_t size,
                     struct snn_chip *out)
{
    struct snnbase_json *json = NULL;
    int status = snnbase_json_parse(context, text, size, &json);
    if (status == SNN_OK) status = snnmodel_chip_read(context, snnbase_json_root(json), out);
    snnbase_json_destroy(context, &json);
    return status;
}

static int write_chip(struct snn_context *context, const struct snn_chip *chip,
                      struct snnbase_buffer *out)
{
    struct snnbase_jsonout json;
    snnbase_jsonout_init(&json, context, out, 1);
    snnmodel_chip_write(&json, chip);
    return snnbase_jsonout_finish(&json);
}

/* False for a finding. */
static bool survives(struct snn_context *context, const struct snn_chip *chip)
{
    struct snn_chip again;
    struct snnbase_buffer first = {NULL, 0, 0}, second = {NULL, 0, 0};
    const bool same = snnmodel_chip_check(context, chip) == SNN_OK &&
                      write_chip(context, chip, &first) == SNN_OK &&
                      read_chip(context, first.data, first.size, &again) == SNN_OK &&
                      write_chip(context, &again, &second) == SNN_OK && second.size == first.size &&
                      memcmp(second.data, first.data, first.size) == 0;
    snnbase_buffer_fini(context, &first);
    snnbase_buffer_fini(context, &second);
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bounded bounded = {.bytes_max = BYTES_MAX};
    const struct snn_context_options options = {.allocator = bounded_allocator(&bounded)};
    struct snn_context *context = NULL;
    struct snn_chip chip;
    if (snn_context_create(&context, &options) != SNN_OK) return 0;
    const bool finding =
        read_chip(context, data, size, &chip) == SNN_OK && !survives(context, &chip);
    snn_context_destroy(&context);
    return finding || bounded_verdict(&bounded);
}
