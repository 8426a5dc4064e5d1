/* What a model file computes before any pass has touched it: run_program MODEL INPUT OUTPUT
 *
 * INPUT holds the float32 elements of the first input, OUTPUT gets those of the first output, both
 * bare and in native order. The program's text goes to stdout. For tests in tests/flow that hold a
 * reader against the framework that wrote the file.
 */
#include <stdio.h>
#include <stdlib.h>

#include "convert/ir/program.h"
#include "convert/read/model.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "snn/status.h"

static void print_diagnostic(const struct snn_diagnostic *diagnostic, void *user)
{
    static const char *const severities[] = {"note", "warning", "error"};
    (void)user;
    fprintf(stderr, "%s: %s: %s%s%s\n", severities[diagnostic->severity], diagnostic->where,
            diagnostic->layer, diagnostic->layer[0] != '\0' ? ": " : "", diagnostic->text);
}

static int read_program(struct snnconv_program *program, struct snn_context *context,
                        const struct snnconv_file *file)
{
    const struct snnconv_model_reader *best = NULL;
    struct snn_import_options options = {.arch = NULL};
    int best_score = 0;
    for (size_t i = 0; snn_model_reader_table[i] != NULL; i++) {
        int score = snn_model_reader_table[i]->probe(file->bytes, file->size);
        if (score <= best_score) continue;
        best = snn_model_reader_table[i];
        best_score = score;
    }
    if (best == NULL || best->read == NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: not read by this build", file->path);
    int status = best->read(program, context, file, &options);
    return status == SNN_OK ? snnconv_program_sort(program, context) : status;
}

static int print_program(const struct snnconv_program *program, struct snn_context *context)
{
    char *text = NULL;
    int status = snnconv_program_format(&text, context, program);
    if (status != SNN_OK) return status;
    printf("%s\n%s", program->format, text);
    snnbase_free(context, text);
    return SNN_OK;
}

static int write_output(struct snn_context *context, const struct snnconv_array *array,
                        const char *path)
{
    FILE *file = fopen(path, "wb");
    size_t count = snnconv_array_count(array), written = 0;
    if (file == NULL) return snnbase_fail(context, SNN_ERR_IO, "%s: not written", path);
    for (size_t i = 0; i < count; i++) {
        float value = (float)snnconv_array_load(array, i);
        written += fwrite(&value, sizeof(value), 1, file);
    }
    if (fclose(file) == 0 && written == count) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_IO, "%s: not written", path);
}

static int run(const struct snnconv_program *program, struct snn_context *context,
               const char *input_path, const char *output_path)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    struct snnbase_arena arena;
    struct snnconv_array *arrays = NULL;
    struct snnconv_array input = program->values[program->inputs[0]].array;
    snnbase_arena_init(&arena, context);
    int status = snnbase_file_read(context, input_path, &bytes);
    if (status == SNN_OK && bytes.size != 4 * snnconv_array_count(&input))
        status = snnbase_fail(context, SNN_ERR_INVALID, "%s: %zu bytes", input_path, bytes.size);
    input.data = bytes.data;
    if (status == SNN_OK) arrays = snnbase_alloc(context, program->value_count, sizeof(*arrays));
    if (status == SNN_OK && arrays == NULL) status = SNN_ERR_NOMEM;
    if (status == SNN_OK) status = snnconv_program_run(program, context, &input, arrays, &arena);
    if (status == SNN_OK) status = write_output(context, &arrays[program->outputs[0]], output_path);
    snnbase_free(context, arrays);
    snnbase_arena_fini(&arena);
    snnbase_buffer_fini(context, &bytes);
    return status;
}

int main(int argc, char **argv)
{
    const struct snn_context_options options = {.diagnostic = print_diagnostic};
    struct snn_context *context = NULL;
    struct snnbase_buffer bytes = {NULL, 0, 0};
    struct snnconv_program program;
    if (argc != 4 || snn_context_create(&context, &options) != SNN_OK) return EXIT_FAILURE;
    snnconv_program_init(&program, context);
    int status = snnbase_file_read(context, argv[1], &bytes);
    const struct snnconv_file file = {argv[1], bytes.data, bytes.size};
    if (status == SNN_OK) status = read_program(&program, context, &file);
    if (status == SNN_OK) status = print_program(&program, context);
    if (status == SNN_OK) status = run(&program, context, argv[2], argv[3]);
    if (status != SNN_OK) fprintf(stderr, "%s\n", snn_context_message(context));
    snnconv_program_fini(&program);
    snnbase_buffer_fini(context, &bytes);
    snn_context_destroy(&context);
    return status == SNN_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
