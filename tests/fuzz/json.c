/* Fuzz target: the JSON parser, and a walk over everything it made. */
#include "libsnn/base/json.h"

#include <stdlib.h>
#include <string.h>

#include "snn/context.h"
#include "snn/status.h"
#include "tests/fuzz/target.h"

/* Depth is bounded by the parser. */
static size_t visit(const struct snnbase_json_value *value)
{
    size_t count = 1;
    for (const struct snnbase_json_value *child = snnbase_json_first(value); child != NULL;
         child = snnbase_json_next(child))
        count += visit(child);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct snn_context *context = NULL;
    struct snnbase_json *json = NULL;
    if (snn_context_create(&context, NULL) != SNN_OK) return 0;
    int status = snnbase_json_parse(context, (const char *)data, size, &json);
    int result = status == SNN_OK && visit(snnbase_json_root(json)) == 0;
    snnbase_json_destroy(context, &json);
    char *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL) {
        if (size > 0) memcpy(copy, data, size);
        int again = snnbase_json_parse_in_place(context, copy, size, &json);
        result =
            result || again != status || (again == SNN_OK && visit(snnbase_json_root(json)) == 0);
        snnbase_json_destroy(context, &json);
        free(copy);
    }
    snn_context_destroy(&context);
    return result;
}
