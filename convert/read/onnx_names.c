/* Names of values, see onnx.h: a sorted table, because names that somebody chose to collide would
 * make a hash table slow.
 */
#include <stdlib.h>
#include <string.h>

#include "convert/read/onnx.h"

int snnconv_onnx_names_begin(struct snnconv_onnx *onnx, size_t capacity)
{
    onnx->names =
        snnbase_arena_alloc(&onnx->scratch, onnx->context, capacity, sizeof(*onnx->names));
    return onnx->names != NULL ? SNN_OK : SNN_ERR_NOMEM;
}

void snnconv_onnx_names_put(struct snnconv_onnx *onnx, const char *text)
{
    onnx->names[onnx->name_count++] = (struct snnconv_onnx_name){text, SNNCONV_NONE};
}

static int compare(const void *a, const void *b)
{
    const struct snnconv_onnx_name *x = a, *y = b;
    return strcmp(x->text, y->text);
}

void snnconv_onnx_names_end(struct snnconv_onnx *onnx)
{
    size_t count = 0;
    if (onnx->name_count > 0) qsort(onnx->names, onnx->name_count, sizeof(*onnx->names), compare);
    for (size_t i = 0; i < onnx->name_count; i++) {
        if (count > 0 && strcmp(onnx->names[count - 1].text, onnx->names[i].text) == 0) continue;
        onnx->names[count++] = onnx->names[i];
    }
    onnx->name_count = count;
}

struct snnconv_onnx_name *snnconv_onnx_names_find(struct snnconv_onnx *onnx, const char *text)
{
    const struct snnconv_onnx_name key = {text, SNNCONV_NONE};
    if (onnx->name_count == 0) return NULL;
    return bsearch(&key, onnx->names, onnx->name_count, sizeof(key), compare);
}

int snnconv_onnx_value(struct snnconv_onnx *onnx, const char *text, uint32_t *out)
{
    static const struct snnconv_array unknown = {.type = SNNCONV_TYPE_NONE};
    struct snnconv_onnx_name *name = snnconv_onnx_names_find(onnx, text);
    *out = SNNCONV_NONE;
    if (text[0] == '\0' || name == NULL) return SNN_OK;
    if (name->value == SNNCONV_NONE) {
        int status =
            snnconv_program_add_value(onnx->program, onnx->context, text, &unknown, &name->value);
        if (status != SNN_OK) return status;
    }
    *out = name->value;
    return SNN_OK;
}
