/* Runs cases of a folder: NAME.onnx on NAME.in.K, one file of bare elements for each input, writes
 * NAME.out.K for each output. Names come on standard input; for each a line goes out, of fields
 * apart by tabs:
 *
 *     ok NAME TYPE:EXTENTxEXTENT...     refused NAME MESSAGE     failed NAME MESSAGE
 *
 * Refused is what the reader says no to, failed what goes wrong behind it. The batch stays as it
 * is in the file, unless the program is given "one" behind the folder.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/read/onnx.h"
#include "libsnn/base/buffer.h"
#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/memory.h"
#include "snn/status.h"

enum { PATH_SIZE = 4096, NAME_SIZE = 512 };

extern const struct snnconv_model_reader snnconv_onnx_reader;

struct run {
    struct snn_context *context;
    bool one; /* frame at a time */
    const char *folder;
    const char *name;
    struct snnbase_buffer model;
    struct snnconv_program program;
    struct snnbase_arena arena;
    struct snnconv_array *inputs;
    struct snnconv_array *values;
};

static void path_of(const struct run *run, const char *kind, uint32_t index, char *path)
{
    (void)snprintf(path, PATH_SIZE, "%s/%s.%s.%" PRIu32, run->folder, run->name, kind, index);
}

static int read_model(struct run *run)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s.onnx", run->folder, run->name);
    int status = snnbase_file_read(run->context, path, &run->model);
    if (status != SNN_OK) return status;
    const struct snnconv_file file = {path, run->model.data, run->model.size};
    if (run->one) return snnconv_onnx_reader.read(&run->program, run->context, &file, NULL);
    return snnconv_onnx_read(&run->program, run->context, &file, NULL);
}

static int read_input(struct run *run, uint32_t index)
{
    char path[PATH_SIZE];
    struct snnbase_buffer bytes = {.data = NULL};
    struct snnconv_array *array = &run->inputs[index];
    *array = run->program.values[run->program.inputs[index]].array;
    path_of(run, "in", index, path);
    void *room = snnconv_array_alloc(array, run->context, &run->arena);
    if (room == NULL) return SNN_ERR_NOMEM;
    int status = snnbase_file_read(run->context, path, &bytes);
    if (status == SNN_OK &&
        bytes.size != snnconv_array_count(array) * snnconv_type_size(array->type))
        status = snnbase_fail(run->context, SNN_ERR_FORMAT, "%s: %zu bytes", path, bytes.size);
    if (status == SNN_OK && bytes.size > 0) memcpy(room, bytes.data, bytes.size);
    snnbase_buffer_fini(run->context, &bytes);
    return status;
}

static int run_program(struct run *run)
{
    struct snnconv_program *program = &run->program;
    int status = snnconv_program_sort(program, run->context);
    run->inputs = snnbase_alloc(run->context, program->input_count, sizeof(*run->inputs));
    run->values = snnbase_alloc(run->context, program->value_count, sizeof(*run->values));
    if (run->inputs == NULL || run->values == NULL) return SNN_ERR_NOMEM;
    for (uint32_t i = 0; i < program->input_count && status == SNN_OK; i++)
        status = read_input(run, i);
    if (status != SNN_OK) return status;
    return snnconv_program_run(program, run->context, run->inputs, run->values, &run->arena);
}

static int write_outputs(struct run *run)
{
    for (uint32_t i = 0; i < run->program.output_count; i++) {
        char path[PATH_SIZE];
        const struct snnconv_array *array = &run->values[run->program.outputs[i]];
        path_of(run, "out", i, path);
        int status = snnbase_file_save(run->context, path, array->data,
                                       snnconv_array_count(array) * snnconv_type_size(array->type));
        if (status != SNN_OK) return status;
    }
    printf("ok\t%s", run->name);
    for (uint32_t i = 0; i < run->program.output_count; i++) {
        const struct snnconv_array *array = &run->values[run->program.outputs[i]];
        printf("\t%s:", snnconv_type_name(array->type));
        for (uint32_t k = 0; k < array->rank; k++)
            printf("%s%" PRId64, k > 0 ? "x" : "", array->dim[k]);
    }
    printf("\n");
    return SNN_OK;
}

static void run_case(struct snn_context *context, const char *folder, const char *name, bool one)
{
    struct run run = {.context = context, .one = one, .folder = folder, .name = name};
    snnconv_program_init(&run.program, context);
    snnbase_arena_init(&run.arena, context);
    const char *verdict = "refused";
    int status = read_model(&run);
    if (status == SNN_OK) {
        verdict = "failed";
        status = run_program(&run);
    }
    if (status == SNN_OK) status = write_outputs(&run);
    if (status != SNN_OK)
        printf("%s\t%s\t%s: %s\n", verdict, name, snn_status_name(status),
               snn_context_message(context));
    snnbase_free(context, run.inputs);
    snnbase_free(context, run.values);
    snnbase_arena_fini(&run.arena);
    snnconv_program_fini(&run.program);
    snnbase_buffer_fini(context, &run.model);
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    char name[NAME_SIZE];
    bool one = argc == 3 && strcmp(argv[2], "one") == 0;
    if ((argc != 2 && !one) || snn_context_create(&context, NULL) != SNN_OK) return EXIT_FAILURE;
    while (fgets(name, sizeof(name), stdin) != NULL) {
        name[strcspn(name, "\n")] = '\0';
        run_case(context, argv[1], name, one);
    }
    snn_context_destroy(&context);
    return EXIT_SUCCESS;
}
