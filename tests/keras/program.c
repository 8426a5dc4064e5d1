/* What a model file computes, as its reader understood it, before any pass: program [--text] FILE
 *
 * Reads one frame of float32 from stdin in the layout of the file's input and writes the output's
 * values to stdout; with --text it writes the program itself. Problems go to stderr, one a line. An
 * oracle that knows the format by other means compares.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/file.h"
#include "snn/context.h"
#include "snn/status.h"

static void tell(const struct snn_diagnostic *diagnostic, void *user)
{
    static const char *const severities[] = {"note", "warning", "error"};
    (void)user;
    (void)fprintf(stderr, "%s: %s: %s\n", severities[diagnostic->severity], diagnostic->layer,
                  diagnostic->text);
}

static const struct snnconv_model_reader *find_reader(const struct snnconv_file *file)
{
    const struct snnconv_model_reader *best = NULL;
    int best_score = 0;
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        int score = snn_model_reader_table[i]->probe(file->bytes, file->size);
        if (score > best_score) {
            best = snn_model_reader_table[i];
            best_score = score;
        }
    }
    return best;
}

static int write_text(const struct snnconv_program *program, struct snn_context *context)
{
    char *text = NULL;
    int status = snnconv_program_format(&text, context, program);
    if (status != SNN_OK) return status;
    (void)printf("%s, %s\n%s", program->format, program->channels_last ? "NHWC" : "NCHW", text);
    snnbase_free(context, text);
    return SNN_OK;
}

/* Runs the frame on stdin through a sorted program. */
static int run(const struct snnconv_program *program, struct snn_context *context,
               struct snnbase_arena *arena)
{
    struct snnconv_array input = program->values[program->inputs[0]].array;
    size_t count = snnconv_array_count(&input);
    void *frame = snnconv_array_alloc(&input, context, arena);
    struct snnconv_array *arrays =
        snnbase_arena_alloc(arena, context, program->value_count, sizeof(*arrays));
    if (frame == NULL || arrays == NULL) return SNN_ERR_NOMEM;
    if (fread(frame, sizeof(float), count, stdin) != count)
        return snn_context_fail(context, SNN_ERR_IO, "stdin: %zu floats expected", count);
    int status = snnconv_program_run(program, context, &input, arrays, arena);
    if (status != SNN_OK) return status;
    const struct snnconv_array *output = &arrays[program->outputs[0]];
    count = snnconv_array_count(output);
    return fwrite(output->data, sizeof(float), count, stdout) == count ? SNN_OK : SNN_ERR_IO;
}

static int read_and_run(struct snn_context *context, const struct snnconv_file *file, bool as_text)
{
    const struct snnconv_model_reader *reader = find_reader(file);
    struct snnconv_program program;
    struct snnbase_arena arena;
    if (reader == NULL || reader->read == NULL)
        return snn_context_fail(context, SNN_ERR_UNSUPPORTED, "%s: no reader", file->path);
    snnconv_program_init(&program, context);
    snnbase_arena_init(&arena, context);
    int status = reader->read(&program, context, file, NULL);
    if (status == SNN_OK) status = snnconv_program_sort(&program, context);
    if (status == SNN_OK)
        status = as_text ? write_text(&program, context) : run(&program, context, &arena);
    snnbase_arena_fini(&arena);
    snnconv_program_fini(&program);
    return status;
}

int main(int argc, char **argv)
{
    const struct snn_context_options options = {.diagnostic = tell};
    bool as_text = argc == 3 && strcmp(argv[1], "--text") == 0;
    struct snn_context *context = NULL;
    struct snnbase_buffer bytes = {NULL, 0, 0};
    if (argc != (as_text ? 3 : 2) || snn_context_create(&context, &options) != SNN_OK) return 2;
    const char *path = argv[argc - 1];
    int status = snnbase_file_read(context, path, &bytes);
    const struct snnconv_file file = {path, bytes.data, bytes.size};
    if (status == SNN_OK) status = read_and_run(context, &file, as_text);
    if (status != SNN_OK) (void)fprintf(stderr, "%s\n", snn_context_message(context));
    snnbase_buffer_fini(context, &bytes);
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
