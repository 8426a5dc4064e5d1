/* Between the files that explain a placement that failed: findings as they grow, and their texts.
 */
#ifndef SNN_CONVERT_PLACE_FINDING_H
#define SNN_CONVERT_PLACE_FINDING_H

#include "convert/place/place.h"

/* A text in the making; what does not fit is cut off. */
struct snnconv_text {
    char data[1024];
    size_t length;
};

void snnconv_text_put(struct snnconv_text *text, const char *format, ...) SNN_PRINTF(2, 3);

/* "core 5", "cores 5 and 6", "cores 0 to 2 and 5": the cores whose bits are set. */
void snnconv_text_cores(struct snnconv_text *text, uint64_t cores);
/* "1, 2 and 4" */
void snnconv_text_choices(struct snnconv_text *text, const uint32_t *values, uint32_t count);
/* Between item `at` of `count` and the one before it: nothing, ", " or " and ". */
void snnconv_text_join(struct snnconv_text *text, uint32_t at, uint32_t count);

struct snnconv_finder {
    struct snn_context *context;
    const struct snnconv_attempt *attempt;
    struct snn_finding *findings; /* [count], from the context's memory */
    size_t capacity;
    uint32_t count;
};

/* `of` but for its texts and severity, which is ERROR. Errors: NOMEM. */
int snnconv_finder_add(struct snnconv_finder *finder, const struct snn_finding *of,
                       const struct snnconv_text *text, const struct snnconv_text *hint);

/* Cores that hold a whole stage; and those of pairs that hold it together. */
uint64_t snnconv_cores_whole(const struct snnconv_attempt *attempt, uint32_t layer);
uint64_t snnconv_cores_shared(const struct snnconv_attempt *attempt, uint32_t layer);

/* Why all layers together find no cores, though each has some (shortage.c): layers with none, where
 * `excluded`, are left out. Errors: NOMEM. */
int snnconv_shortage_find(struct snnconv_finder *finder, const bool *excluded);

/* What a stage alone is refused for: its form, its sizes, its memories (reason.c). */
int snnconv_reasons_find(struct snnconv_finder *finder, uint32_t layer);

#endif
