/* Files that people take for models.
 */
#include "libsnn/model/stranger.h"

#include <string.h>

static const struct {
    const char *bytes;
    size_t size, offset;
    const char *name, *hint;
} strangers[] = {
    {"\x1f\x8b", 2, 0, "gzip", "data goes elsewhere than the model"},
    {"\x93NUMPY", 6, 0, "NumPy", "data goes elsewhere than the model"},
    {"\0\0\x08", 3, 0, "IDX", "data goes elsewhere than the model"},
    {"\x89PNG", 4, 0, "a PNG image", NULL},
    {"PK\3\4", 4, 0, "a zip archive (PyTorch, NumPy, Keras)",
     "weights need a topology: snnconvert WEIGHTS --arch TOPOLOGY.json"},
    {"\x89HDF", 4, 0, "HDF5", NULL},
    {"TFL3", 4, 4, "TensorFlow Lite", NULL},
};

void snnmodel_stranger_find(const void *bytes, size_t size, const char **name_out,
                            const char **hint_out)
{
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++) {
        const char *begin = (const char *)bytes + strangers[i].offset;
        if (size < strangers[i].offset + strangers[i].size ||
            memcmp(begin, strangers[i].bytes, strangers[i].size) != 0)
            continue;
        *name_out = strangers[i].name;
        *hint_out = strangers[i].hint;
        return;
    }
}

static size_t skip_blanks(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size && (text[at] == ' ' || (text[at] >= '\t' && text[at] <= '\r')))
        at++;
    return at;
}

bool snnmodel_stranger_is_text(const void *bytes, size_t size)
{
    const char *text = bytes;
    size_t at = skip_blanks(text, size);
    bool zip = size >= 4 && memcmp(text, "PK\3\4", 4) == 0;
    return at == size || (text[at] >= ' ' && text[at] <= '~' && !zip);
}

bool snnmodel_stranger_is_json(const void *bytes, size_t size)
{
    const char *text = bytes;
    size_t at = skip_blanks(text, size);
    return at < size && (text[at] == '{' || text[at] == '[');
}
