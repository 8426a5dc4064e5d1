/* Context, status codes and the functions that raise errors. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "snn/context.h"
#include "snn/status.h"
#include "tests/unit/base/support.h"

Test(status, every_code_has_its_own_name_and_text)
{
    for (int code = SNN_ERR_INTERNAL; code <= SNN_OK; code++) {
        cr_assert_str_neq(snn_status_name(code), "UNKNOWN", "code %d", code);
        cr_assert_str_neq(snn_status_text(code), "UNKNOWN", "code %d", code);
        for (int other = code + 1; other <= SNN_OK; other++) {
            cr_assert_str_neq(snn_status_name(code), snn_status_name(other));
            cr_assert_str_neq(snn_status_text(code), snn_status_text(other));
        }
    }
    cr_assert_str_eq(snn_status_name(SNN_ERR_NOMEM), "NOMEM");
    cr_assert_str_eq(snn_status_name(SNN_ERR_NOT_FOUND), "NOT_FOUND");
}

Test(status, code_outside_the_list_is_unknown)
{
    cr_assert_str_eq(snn_status_name(1), "UNKNOWN");
    cr_assert_str_eq(snn_status_name(SNN_ERR_INTERNAL - 1), "UNKNOWN");
    cr_assert_str_eq(snn_status_text(1), "UNKNOWN");
}

Test(context, new_context_has_no_error_and_default_limits)
{
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    cr_assert_eq(snn_context_status(context), SNN_OK);
    cr_assert_str_eq(snn_context_message(context), "");
    cr_assert_str_eq(snn_context_hint(context), "");
    cr_assert_null(snnbase_kernel_level(context));
    const struct snn_limits *limits = snnbase_limits(context);
    cr_assert_eq(limits->file_bytes, 2147483648u);
    cr_assert_eq(limits->tensor_bytes, 1073741824u);
    cr_assert_eq(limits->neuron_count, 67108864u);
    cr_assert_eq(limits->layer_count, 4096u);
    cr_assert_eq(limits->json_node_count, 1048576u);
    snn_context_destroy(&context);
    cr_assert_null(context);
}

Test(context, limits_that_are_named_are_kept)
{
    struct snn_context_options options = {.limits = {.file_bytes = 7, .layer_count = 3}};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    cr_assert_eq(snnbase_limits(context)->file_bytes, 7u);
    cr_assert_eq(snnbase_limits(context)->layer_count, 3u);
    cr_assert_eq(snnbase_limits(context)->tensor_bytes, 1073741824u);
    snn_context_destroy(&context);
}

Test(context, destroy_accepts_null)
{
    struct snn_context *context = NULL;
    snn_context_destroy(NULL);
    snn_context_destroy(&context);
    cr_assert_null(context);
}

Test(context, questions_about_no_context_have_empty_answers)
{
    cr_assert_str_eq(snn_context_message(NULL), "");
    cr_assert_str_eq(snn_context_hint(NULL), "");
    cr_assert_eq(snn_context_status(NULL), SNN_OK);
}

Test(context, known_kernel_levels_are_copied)
{
    char level[] = "avx2";
    struct snn_context_options options = {.kernel_level = level};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    memset(level, 'x', 4);
    cr_assert_str_eq(snnbase_kernel_level(context), "avx2");
    snn_context_destroy(&context);
    options.kernel_level = "scalar";
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    cr_assert_str_eq(snnbase_kernel_level(context), "scalar");
    snn_context_destroy(&context);
}

Test(context, unknown_kernel_level_is_invalid)
{
    static const char *const wrong[] = {"", "AVX2", "avx", "avx22",
                                        "a level of far too many letters"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct snn_context_options options = {.kernel_level = wrong[i]};
        struct snn_context *context = NULL;
        cr_assert_eq(snn_context_create(&context, &options), SNN_ERR_INVALID, "'%s'", wrong[i]);
        cr_assert_null(context);
    }
}

static void *refuse(size_t size, void *user)
{
    (void)size;
    (void)user;
    return NULL;
}

static void never(void *memory, void *user)
{
    (void)user;
    cr_assert_null(memory);
}

Test(context, allocator_that_gives_nothing_is_nomem)
{
    struct snn_context_options options = {.allocator = {refuse, never, NULL}};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_ERR_NOMEM);
    cr_assert_null(context);
}

Test(context, half_an_allocator_is_invalid)
{
    struct snn_context_options options = {.allocator = {refuse, NULL, NULL}};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_ERR_INVALID);
    options.allocator = (struct snn_allocator){NULL, never, NULL};
    cr_assert_eq(snn_context_create(&context, &options), SNN_ERR_INVALID);
}

Test(error, failure_sets_message_and_code_and_clears_the_hint)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    cr_assert_eq(snnbase_fail(context, SNN_ERR_LIMIT, "%d words exceed %d", 9, 8), SNN_ERR_LIMIT);
    cr_assert_eq(snnbase_hint(context, "split layer %d", 2), SNN_ERR_LIMIT);
    cr_assert_str_eq(snn_context_message(context), "9 words exceed 8");
    cr_assert_str_eq(snn_context_hint(context), "split layer 2");
    cr_assert_eq(snnbase_fail(context, SNN_ERR_IO, "gone"), SNN_ERR_IO);
    cr_assert_str_eq(snn_context_hint(context), "");
    cr_assert_eq(snn_context_status(context), SNN_ERR_IO);
    support_context_end(&context, &allocator);
}

Test(error, where_is_put_before_and_keeps_code_and_hint)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    snnbase_fail(context, SNN_ERR_FORMAT, "kernel is empty");
    snnbase_hint(context, "give it a size");
    cr_assert_eq(snnbase_where(context, "layer %d", 3), SNN_ERR_FORMAT);
    cr_assert_eq(snnbase_where(context, "%s", "a.json"), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "a.json: layer 3: kernel is empty");
    cr_assert_str_eq(snn_context_hint(context), "give it a size");
    support_context_end(&context, &allocator);
}

Test(error, a_place_that_is_said_twice_is_taken_off)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    snnbase_fail(context, SNN_ERR_FORMAT, "layer 'a': layer 'a': no weights");
    snnbase_hint(context, "give some");
    cr_assert_eq(snnbase_error_strip(context, "layer 'b': "), SNN_ERR_FORMAT);
    cr_assert_eq(snnbase_error_strip(context, "layer 'a': "), SNN_ERR_FORMAT);
    cr_assert_str_eq(snn_context_message(context), "layer 'a': no weights");
    cr_assert_str_eq(snn_context_hint(context), "give some");
    support_context_end(&context, &allocator);
}

Test(error, message_may_quote_the_one_it_replaces)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    snnbase_fail(context, SNN_ERR_IO, "first");
    snnbase_fail(context, SNN_ERR_IO, "second after %s", snn_context_message(context));
    cr_assert_str_eq(snn_context_message(context), "second after first");
    snnbase_where(context, "%s", snn_context_message(context));
    cr_assert_str_eq(snn_context_message(context), "second after first: second after first");
    support_context_end(&context, &allocator);
}

Test(error, text_too_long_is_cut_and_says_so)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    char text[3000];
    memset(text, 'm', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    snnbase_fail(context, SNN_ERR_IO, "%s", text);
    snnbase_hint(context, "%s", text);
    const char *message = snn_context_message(context);
    const char *hint = snn_context_hint(context);
    cr_assert_eq(strlen(message), 1023);
    cr_assert_str_eq(message + 1019, "m...");
    cr_assert_eq(strlen(hint), 511);
    cr_assert_str_eq(hint + 507, "m...");
    snnbase_where(context, "here");
    cr_assert_eq(strlen(message), 1023);
    cr_assert_eq(strncmp(message, "here: mmm", 9), 0);
    cr_assert_str_eq(message + 1019, "m...");
    text[1023] = '\0'; /* exactly what fits is not cut */
    snnbase_fail(context, SNN_ERR_IO, "%s", text);
    cr_assert_str_eq(snn_context_message(context), text);
    support_context_end(&context, &allocator);
}

Test(error, errno_becomes_code_path_and_reason)
{
    static const struct {
        int value;
        int status;
        const char *message;
    } rows[] = {
        {ENOENT, SNN_ERR_NOT_FOUND, "x/y: no such file or folder"},
        {EACCES, SNN_ERR_ACCESS, "x/y: permission denied"},
        {EROFS, SNN_ERR_ACCESS, "x/y: the file system is read-only"},
        {ENOMEM, SNN_ERR_NOMEM, "x/y: out of memory"},
        {EISDIR, SNN_ERR_IO, "x/y: is a directory"},
        {ENOSPC, SNN_ERR_IO, "x/y: no space left on device"},
        {EBUSY, SNN_ERR_BUSY, "x/y: in use by somebody else"},
    };
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        cr_assert_eq(snnbase_fail_errno(context, rows[i].value, "x/y"), rows[i].status);
        cr_assert_str_eq(snn_context_message(context), rows[i].message);
        cr_assert_eq(snn_context_status(context), rows[i].status);
    }
    snnbase_fail_errno(context, ENOSPC, "x/y");
    cr_assert_str_neq(snn_context_hint(context), "");
    support_context_end(&context, &allocator);
}

Test(error, errno_without_a_row_is_io_and_tells_its_number)
{
    struct support_allocator allocator = {0};
    struct snn_context *context = support_context(&allocator, NULL);
    cr_assert_eq(snnbase_fail_errno(context, 4242, "x"), SNN_ERR_IO);
    cr_assert(support_contains(snn_context_message(context), "(errno 4242)"));
    support_context_end(&context, &allocator);
}

Test(error, copy_carries_message_hint_and_code)
{
    struct support_allocator allocator = {0};
    struct snn_context *parent = support_context(&allocator, NULL);
    struct snn_context *worker = support_context(&allocator, NULL);
    snnbase_fail(worker, SNN_ERR_GONE, "unplugged");
    snnbase_hint(worker, "plug in");
    snnbase_error_copy(parent, worker);
    snnbase_fail(worker, SNN_ERR_IO, "other");
    cr_assert_str_eq(snn_context_message(parent), "unplugged");
    cr_assert_str_eq(snn_context_hint(parent), "plug in");
    cr_assert_eq(snn_context_status(parent), SNN_ERR_GONE);
    snnbase_error_copy(parent, parent);
    cr_assert_str_eq(snn_context_message(parent), "unplugged");
    snn_context_destroy(&worker);
    support_context_end(&parent, &allocator);
}

struct seen {
    int count;
    enum snn_severity severity;
    int code;
    char line[256];
};

static void see(const struct snn_diagnostic *diagnostic, void *user)
{
    struct seen *seen = user;
    seen->count++;
    seen->severity = diagnostic->severity;
    seen->code = diagnostic->code;
    snprintf(seen->line, sizeof(seen->line), "%s|%s|%s|%s", diagnostic->layer, diagnostic->where,
             diagnostic->text, diagnostic->hint);
}

Test(error, diagnostics_reach_the_sink_and_leave_the_error_alone)
{
    struct seen seen = {0};
    struct snn_context_options options = {.diagnostic = see, .diagnostic_user = &seen};
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, &options), SNN_OK);
    snnbase_diagnose(context, SNN_SEVERITY_WARNING, "conv2", "retrain", "%d dead", 5);
    cr_assert_eq(seen.count, 1);
    cr_assert_eq(seen.severity, SNN_SEVERITY_WARNING);
    cr_assert_eq(seen.code, SNN_OK);
    cr_assert_str_eq(seen.line, "conv2||5 dead|retrain");
    snnbase_diagnose(context, SNN_SEVERITY_NOTE, NULL, NULL, "fine");
    cr_assert_eq(seen.count, 2);
    cr_assert_str_eq(seen.line, "||fine|");
    cr_assert_str_eq(snn_context_message(context), "");
    snnbase_fail(context, SNN_ERR_LIMIT, "too large");
    snnbase_diagnose(context, SNN_SEVERITY_ERROR, NULL, NULL, "%s", snn_context_message(context));
    cr_assert_eq(seen.code, SNN_ERR_LIMIT);
    cr_assert_str_eq(seen.line, "||too large|");
    snn_context_destroy(&context);
}

Test(error, diagnostics_without_a_sink_are_dropped)
{
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL, "nobody hears this");
    cr_assert_str_eq(snn_context_message(context), "");
    snn_context_destroy(&context);
}

Test(error, forked_context_shares_all_but_the_sink_and_the_error)
{
    struct seen seen = {0};
    struct support_allocator allocator = {0};
    struct snn_context *donor = support_context(&allocator, NULL);
    struct snn_context_options options = {.allocator = *snnbase_allocator(donor),
                                          .limits = {.layer_count = 5},
                                          .diagnostic = see,
                                          .diagnostic_user = &seen,
                                          .kernel_level = "scalar"};
    struct snn_context *parent = NULL;
    struct snn_context *worker = NULL;
    cr_assert_eq(snn_context_create(&parent, &options), SNN_OK);
    snnbase_fail(parent, SNN_ERR_IO, "old");
    cr_assert_eq(snnbase_context_fork(&worker, parent), SNN_OK);
    cr_assert_eq(allocator.live, 3);
    cr_assert_eq(snnbase_limits(worker)->layer_count, 5u);
    cr_assert_str_eq(snnbase_kernel_level(worker), "scalar");
    cr_assert_str_eq(snn_context_message(worker), "");
    snnbase_diagnose(worker, SNN_SEVERITY_WARNING, NULL, NULL, "from a worker");
    cr_assert_eq(seen.count, 0);
    snn_context_destroy(&worker);
    allocator.fail_at = allocator.calls + 1;
    cr_assert_eq(snnbase_context_fork(&worker, parent), SNN_ERR_NOMEM);
    cr_assert_null(worker);
    snn_context_destroy(&parent);
    support_context_end(&donor, &allocator);
}
