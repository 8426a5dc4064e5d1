/* Nets to be placed, as lists of layers that a test, or the text of a remedy, can change.
 *
 * A plan becomes a graph with weights by lot, which is lowered for its chip and placed.
 */
#ifndef TESTS_UNIT_CONVERT_PLACE_PLAN_H
#define TESTS_UNIT_CONVERT_PLACE_PLAN_H

#include "snn/place.h"
#include "tests/unit/convert/support.h"

enum { PLAN_ROWS_MAX = 24 };

struct row {
    char name[16];
    enum snn_layer_kind kind;
    uint32_t features;
    uint32_t kernel_h, kernel_w, stride, pads[4], groups, dilation;
    bool bias;
    uint32_t from;  /* the input, as an index of rows + 1; 0: the row before */
    uint32_t other; /* ADD: the second input, likewise */
};

struct plan {
    struct snn_shape input;
    struct row rows[PLAN_ROWS_MAX];
    uint32_t count;
    struct snn_chip chip;
    float v_min;
    float gains[2];
    uint32_t gain_count;
    bool membrane, split_off;
    struct snn_pin pins[4];
    uint32_t pin_count;
};

/* Without layers, for a built-in chip. */
struct plan plan_of(const char *chip, uint32_t channels, uint32_t height, uint32_t width);

/* Add a layer, which is good until the next is added. */
struct row *plan_conv(struct plan *plan, const char *name, uint32_t features, uint32_t kernel,
                      uint32_t stride, uint32_t pad);
struct row *plan_pool(struct plan *plan, uint32_t kernel, uint32_t stride);
struct row *plan_dense(struct plan *plan, const char *name, uint32_t features);
/* Sum of the row before and an earlier one. */
void plan_add(struct plan *plan, const char *name, uint32_t other);

struct snn_graph *plan_build(struct snn_context *context, const struct plan *plan);

/* Lowers a graph as the plan has it and places it; the second form builds it too. */
int plan_place_graph(struct snn_placement **out, struct snn_context *context,
                     const struct snn_graph *graph, const struct plan *plan, bool remedies);
struct snn_placement *plan_place(const struct plan *plan, bool remedies);

/* Does what the text of a remedy says, which fails the test if it cannot be read. */
void plan_change(struct plan *plan, const char *text);

/* The net, for a message; a static place. */
const char *plan_describe(const struct plan *plan);

#endif
