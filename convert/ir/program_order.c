/* The program as a graph: who writes and who reads, order, and what nobody needs.
 *
 * Readers may hand in any indices and any order. Behind snnconv_program_sort every index points at
 * a value or is SNNCONV_NONE, every value that is read has one writer, and it comes first.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "convert/ir/program.h"
#include "libsnn/base/error.h"

/* ---- Writers and readers ---- */

static void count_reads(const struct snnconv_program *program, const uint32_t *values,
                        uint32_t count, uint32_t *readers)
{
    for (uint32_t i = 0; i < count; i++) {
        if (values[i] < program->value_count) readers[values[i]]++;
    }
}

int snnconv_program_uses(const struct snnconv_program *program, struct snn_context *context,
                         uint32_t **writer_out, uint32_t **readers_out)
{
    uint32_t *writer = snnbase_alloc(context, program->value_count, sizeof(*writer));
    uint32_t *readers = snnbase_alloc(context, program->value_count, sizeof(*readers));
    if (!writer || !readers) {
        snnbase_free(context, writer);
        snnbase_free(context, readers);
        return SNN_ERR_NOMEM;
    }
    for (uint32_t i = 0; i < program->value_count; i++)
        writer[i] = SNNCONV_NONE;
    for (uint32_t n = 0; n < program->node_count; n++) {
        const struct snnconv_node *node = &program->nodes[n];
        count_reads(program, node->inputs, node->input_count, readers);
        for (uint32_t i = 0; i < node->output_count; i++) {
            if (node->outputs[i] < program->value_count) writer[node->outputs[i]] = n;
        }
    }
    count_reads(program, program->outputs, program->output_count, readers);
    if (writer_out) *writer_out = writer;
    if (readers_out) *readers_out = readers;
    if (!writer_out) snnbase_free(context, writer);
    if (!readers_out) snnbase_free(context, readers);
    return SNN_OK;
}

/* ---- Sorting ---- */

enum { VISIT_NEW = 0, VISIT_OPEN, VISIT_DONE };

/* One node on the way down to what it needs. */
struct step {
    uint32_t node;
    uint32_t input; /* the next one to look at */
};

struct sorter {
    struct snnconv_program *program;
    struct snn_context *context;
    uint32_t *writer;     /* [value_count]: node, or SNNCONV_NONE */
    unsigned char *given; /* [value_count]: fed from outside */
    unsigned char *visit; /* [node_count] */
    struct step *stack;   /* [node_count]: a node is on it once */
    struct snnconv_node *sorted;
    size_t sorted_capacity;
    uint32_t sorted_count;
};

enum { VALUE_TEXT_SIZE = 128 };

/* A value for messages: its name, or its number where it has none. */
static const char *value_text(const struct snnconv_program *program, uint32_t value,
                              char text[VALUE_TEXT_SIZE])
{
    const char *name = value < program->value_count ? program->values[value].name : "";
    if (name[0] == '\0')
        (void)snprintf(text, VALUE_TEXT_SIZE, "value %" PRIu32, value);
    else
        (void)snprintf(text, VALUE_TEXT_SIZE, "value '%.100s'", name);
    return text;
}

static int check_index(const struct sorter *s, uint32_t value, const char *what)
{
    if (value < s->program->value_count) return SNN_OK;
    return snnbase_fail(s->context, SNN_ERR_FORMAT, "%s is value %" PRIu32 " of %" PRIu32, what,
                        value, s->program->value_count);
}

static int take_inputs(struct sorter *s)
{
    const struct snnconv_program *program = s->program;
    for (uint32_t i = 0; i < program->input_count; i++) {
        char text[VALUE_TEXT_SIZE];
        uint32_t value = program->inputs[i];
        int status = check_index(s, value, "an input of the net");
        if (status != SNN_OK) return status;
        if (s->given[value] || snnconv_value_is_constant(&program->values[value]))
            return snnbase_fail(s->context, SNN_ERR_FORMAT, "%s is fed as an input and %s",
                                value_text(program, value, text),
                                s->given[value] ? "as another one" : "is a constant");
        s->given[value] = 1;
    }
    return SNN_OK;
}

static int take_output(struct sorter *s, uint32_t index, uint32_t value)
{
    const struct snnconv_program *program = s->program;
    const struct snnconv_node *node = &program->nodes[index];
    char text[VALUE_TEXT_SIZE];
    if (value == SNNCONV_NONE) return SNN_OK;
    int status = check_index(s, value, "an output");
    if (status != SNN_OK) return snnbase_where(s->context, "node '%s'", node->name);
    (void)value_text(program, value, text);
    if (s->writer[value] != SNNCONV_NONE)
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "node '%s': writes %s, so does node '%s'",
                            node->name, text, program->nodes[s->writer[value]].name);
    if (s->given[value] || snnconv_value_is_constant(&program->values[value]))
        return snnbase_fail(s->context, SNN_ERR_FORMAT, "node '%s': writes %s, which is %s",
                            node->name, text,
                            s->given[value] ? "an input of the net" : "a constant");
    s->writer[value] = index;
    return SNN_OK;
}

static bool is_available(const struct sorter *s, uint32_t value)
{
    return s->writer[value] != SNNCONV_NONE || s->given[value] ||
           snnconv_value_is_constant(&s->program->values[value]);
}

/* Whether a value that somebody reads comes from anywhere. */
static int check_read(const struct sorter *s, uint32_t value, const char *what)
{
    char text[VALUE_TEXT_SIZE];
    int status = check_index(s, value, what);
    if (status != SNN_OK || is_available(s, value)) return status;
    return snnbase_fail(s->context, SNN_ERR_FORMAT, "%s, %s, is written by no node", what,
                        value_text(s->program, value, text));
}

static int check_reads(const struct sorter *s)
{
    const struct snnconv_program *program = s->program;
    for (uint32_t n = 0; n < program->node_count; n++) {
        const struct snnconv_node *node = &program->nodes[n];
        for (uint32_t i = 0; i < node->input_count; i++) {
            char what[32];
            if (node->inputs[i] == SNNCONV_NONE) continue;
            (void)snprintf(what, sizeof(what), "input %" PRIu32, i);
            if (check_read(s, node->inputs[i], what) != SNN_OK)
                return snnbase_where(s->context, "node '%s'", node->name);
        }
    }
    for (uint32_t i = 0; i < program->output_count; i++) {
        int status = check_read(s, program->outputs[i], "an output of the net");
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

/* The next node that the one on top of the stack waits for, SNNCONV_NONE if none. */
static uint32_t next_needed(const struct sorter *s, struct step *top)
{
    const struct snnconv_node *node = &s->program->nodes[top->node];
    while (top->input < node->input_count) {
        uint32_t value = node->inputs[top->input++];
        uint32_t writer = value == SNNCONV_NONE ? SNNCONV_NONE : s->writer[value];
        if (writer != SNNCONV_NONE && s->visit[writer] != VISIT_DONE) return writer;
    }
    return SNNCONV_NONE;
}

/* Appends a node behind all that it needs: depth first, on a stack of our own because files decide
 * how deep it goes. Nodes that stand in order already are not moved. */
static int append(struct sorter *s, uint32_t root)
{
    uint32_t depth = 0;
    s->stack[depth++] = (struct step){.node = root};
    s->visit[root] = VISIT_OPEN;
    while (depth > 0) {
        struct step *top = &s->stack[depth - 1];
        uint32_t needed = next_needed(s, top);
        if (needed == SNNCONV_NONE) {
            s->visit[top->node] = VISIT_DONE;
            s->sorted[s->sorted_count++] = s->program->nodes[top->node];
            depth--;
        } else if (s->visit[needed] == VISIT_OPEN) {
            return snnbase_fail(s->context, SNN_ERR_FORMAT,
                                "node '%s': needs its own output, in a cycle through node '%s'",
                                s->program->nodes[needed].name, s->program->nodes[top->node].name);
        } else {
            s->visit[needed] = VISIT_OPEN;
            s->stack[depth++] = (struct step){.node = needed};
        }
    }
    return SNN_OK;
}

static int sort(struct sorter *s)
{
    const struct snnconv_program *program = s->program;
    for (uint32_t i = 0; i < program->value_count; i++)
        s->writer[i] = SNNCONV_NONE;
    int status = take_inputs(s);
    for (uint32_t n = 0; n < program->node_count; n++) {
        for (uint32_t i = 0; i < program->nodes[n].output_count && status == SNN_OK; i++)
            status = take_output(s, n, program->nodes[n].outputs[i]);
    }
    if (status == SNN_OK) status = check_reads(s);
    for (uint32_t n = 0; n < program->node_count && status == SNN_OK; n++) {
        if (s->visit[n] == VISIT_NEW) status = append(s, n);
    }
    return status;
}

int snnconv_program_sort(struct snnconv_program *program, struct snn_context *context)
{
    struct sorter s = {.program = program, .context = context};
    int status = SNN_ERR_NOMEM;
    s.writer = snnbase_alloc(context, program->value_count, sizeof(*s.writer));
    s.given = snnbase_alloc(context, program->value_count, sizeof(*s.given));
    s.visit = snnbase_alloc(context, program->node_count, sizeof(*s.visit));
    s.stack = snnbase_alloc(context, program->node_count, sizeof(*s.stack));
    if (!s.writer || !s.given || !s.visit || !s.stack) goto done;
    status = snnbase_grow(context, (void **)&s.sorted, &s.sorted_capacity, program->node_count,
                          sizeof(*s.sorted));
    if (status == SNN_OK) status = sort(&s);
    if (status == SNN_OK && program->node_count > 0)
        memcpy(program->nodes, s.sorted, program->node_count * sizeof(*s.sorted));
done:
    snnbase_free(context, s.sorted);
    snnbase_free(context, s.stack);
    snnbase_free(context, s.visit);
    snnbase_free(context, s.given);
    snnbase_free(context, s.writer);
    return status;
}

/* ---- Sweeping ---- */

struct sweeper {
    const struct snnconv_program *program;
    uint32_t *writer;
    uint32_t *readers;
    uint32_t *waiting; /* nodes found unread whose inputs have not been given back yet */
    uint32_t waiting_count;
    unsigned char *dead; /* [node_count] */
};

static bool is_read(const struct sweeper *s, const struct snnconv_node *node)
{
    for (uint32_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] < s->program->value_count && s->readers[node->outputs[i]] > 0)
            return true;
    }
    return false;
}

static void kill_unread(struct sweeper *s, uint32_t index)
{
    if (s->dead[index] || is_read(s, &s->program->nodes[index])) return;
    s->dead[index] = 1;
    s->waiting[s->waiting_count++] = index;
}

static void sweep(struct sweeper *s)
{
    for (uint32_t n = 0; n < s->program->node_count; n++)
        kill_unread(s, n);
    while (s->waiting_count > 0) {
        const struct snnconv_node *node = &s->program->nodes[s->waiting[--s->waiting_count]];
        for (uint32_t i = 0; i < node->input_count; i++) {
            uint32_t value = node->inputs[i];
            if (value >= s->program->value_count) continue;
            s->readers[value]--;
            if (s->writer[value] != SNNCONV_NONE) kill_unread(s, s->writer[value]);
        }
    }
}

int snnconv_program_sweep(struct snnconv_program *program, struct snn_context *context,
                          uint32_t *removed_out)
{
    struct sweeper s = {.program = program};
    uint32_t left = 0;
    int status = snnconv_program_uses(program, context, &s.writer, &s.readers);
    if (status != SNN_OK) return status;
    s.waiting = snnbase_alloc(context, program->node_count, sizeof(*s.waiting));
    s.dead = snnbase_alloc(context, program->node_count, sizeof(*s.dead));
    if (!s.waiting || !s.dead) {
        status = SNN_ERR_NOMEM;
        goto done;
    }
    sweep(&s);
    for (uint32_t n = 0; n < program->node_count; n++) {
        if (!s.dead[n]) program->nodes[left++] = program->nodes[n];
    }
    *removed_out = program->node_count - left;
    program->node_count = left;
done:
    snnbase_free(context, s.dead);
    snnbase_free(context, s.waiting);
    snnbase_free(context, s.readers);
    snnbase_free(context, s.writer);
    return status;
}
