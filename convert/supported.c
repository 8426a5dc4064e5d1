/* The table of what is read: the rows of all readers, one after another.
 */
#include <stddef.h>

#include "convert/read/model.h"

bool snn_supported_row(uint32_t index, struct snn_supported *out)
{
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        const struct snnconv_model_reader *reader = snn_model_reader_table[i];
        uint32_t count = 0;
        if (reader->supported == NULL) continue;
        while (reader->supported(count, out)) {
            if (count == index) return true;
            count++;
        }
        index -= count;
    }
    return false;
}
