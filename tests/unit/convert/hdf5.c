/* HDF5 files as trees, and the child process that libhdf5 runs in: files are written here and read
 * again, damaged on the way; children crash, hang and ask for too much. What h5py writes is the
 * matter of tests/keras/keras.py.
 */
#include "convert/read/hdf5.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/read/child.h"
#include "convert/read/hdf5_lib.h"
#include "libsnn/base/error.h"
#include "snn/status.h"
#include "tests/unit/convert/support.h"

TestSuite(hdf5, .init = support_begin, .fini = support_end);

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FILE_MAX = 1 << 16 };

/* ---- A tree with one of everything ---- */

static const float floats[6] = {1.5F, -2.0F, 0.0F, 3.0F, 4.0F, 5.0F};
static const int64_t longs[1] = {-7};
static const uint8_t truths[2] = {1, 0};
static const uint16_t halves[2] = {0x3c00, 0xc000}; /* 1, -2 */
static const char *const names[2] = {"input", "h\xc3\xa9"};
static const char *const kind[1] = {"IF"};

static const struct snnconv_hdf5_item inner[] = {
    {.name = "weight", .array = {SNNCONV_TYPE_F32, 2, {2, 3}, floats}},
    {.name = "longs", .array = {SNNCONV_TYPE_I64, 0, {0}, longs}},
    {.name = "truths", .array = {SNNCONV_TYPE_BOOL, 1, {2}, truths}},
    {.name = "halves", .array = {SNNCONV_TYPE_F16, 1, {2}, halves}},
    {.name = "nothing", .array = {SNNCONV_TYPE_F64, 1, {0}, floats}},
    {.name = "names", .array = {SNNCONV_TYPE_NONE, 1, {2}, NULL}, .text = names},
};

static struct snnconv_hdf5_item *make_tree(struct snnconv_hdf5_item items[3])
{
    static const struct snnconv_hdf5_item attributes[] = {
        {.name = "type", .array = {SNNCONV_TYPE_NONE, 0, {0}, NULL}, .text = kind},
        {.name = "count", .array = {SNNCONV_TYPE_I64, 0, {0}, longs}},
    };
    memset(items, 0, 3 * sizeof(items[0]));
    items[2] = (struct snnconv_hdf5_item){.name = "empty", .is_group = true};
    items[1] = (struct snnconv_hdf5_item){.name = "zz", .is_group = true};
    items[1].children = (struct snnconv_hdf5_item *)malloc(sizeof(inner));
    memcpy(items[1].children, inner, sizeof(inner));
    items[1].child_count = COUNT(inner);
    items[0] = (struct snnconv_hdf5_item){.name = "/", .is_group = true};
    items[0].children = &items[1];
    items[0].child_count = 2;
    items[0].attributes = (struct snnconv_hdf5_item *)malloc(sizeof(attributes));
    memcpy(items[0].attributes, attributes, sizeof(attributes));
    items[0].attribute_count = COUNT(attributes);
    return items;
}

static size_t write_tree(unsigned char *bytes)
{
    struct snnconv_hdf5_item items[3];
    cr_assert_eq(snnconv_hdf5_write(support_context(), support_path("tree.h5"), make_tree(items)),
                 SNN_OK, "%s", snn_context_message(support_context()));
    free(items[0].attributes);
    free(items[1].children);
    return support_get("tree.h5", bytes, FILE_MAX);
}

static int read_bytes(struct snn_context *context, const unsigned char *bytes, size_t size)
{
    struct snnbase_arena arena;
    struct snnconv_hdf5_item *root = NULL;
    snnbase_arena_init(&arena, context);
    int status = snnconv_hdf5_read(&root, context, &arena, bytes, size);
    snnbase_arena_fini(&arena);
    return status;
}

static void check_item(const struct snnconv_hdf5_item *group, const struct snnconv_hdf5_item *want)
{
    const struct snnconv_hdf5_item *got = snnconv_hdf5_child(group, want->name);
    cr_assert_not_null(got, "%s", want->name);
    cr_assert_eq(got->array.type, want->array.type, "%s", want->name);
    cr_assert_eq(got->array.rank, want->array.rank, "%s", want->name);
    for (uint32_t i = 0; i < want->array.rank; i++)
        cr_assert_eq(got->array.dim[i], want->array.dim[i]);
    if (want->text != NULL) return;
    size_t bytes = snnconv_array_count(&want->array) * snnconv_type_size(want->array.type);
    cr_assert_not_null(got->array.data);
    cr_assert_eq(memcmp(got->array.data, want->array.data, bytes), 0, "%s", want->name);
}

Test(hdf5, what_is_written_is_read_again)
{
    static unsigned char bytes[FILE_MAX];
    struct snnbase_arena arena;
    struct snnconv_hdf5_item *root = NULL;
    size_t size = write_tree(bytes);
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_hdf5_read(&root, support_context(), &arena, bytes, size), SNN_OK, "%s",
                 snn_context_message(support_context()));
    const struct snnconv_hdf5_item *group = snnconv_hdf5_child(root, "/zz");
    for (size_t i = 0; i < COUNT(inner); i++)
        check_item(group, &inner[i]);
    cr_assert_str_eq(snnconv_hdf5_child(root, "zz/names")->text[1], "h\xc3\xa9");
    cr_assert_str_eq(root->children[0].name, "zz", "in order of creation");
    cr_assert(root->children[1].is_group);
    cr_assert_eq(root->children[1].child_count, 0);
    cr_assert_str_eq(snnconv_hdf5_text(snnconv_hdf5_attribute(root, "type")), "IF");
    cr_assert_null(snnconv_hdf5_text(snnconv_hdf5_attribute(root, "count")), "no text");
    cr_assert_null(snnconv_hdf5_child(root, "zz/no/way"));
    cr_assert_lt(group->offset, size);
    snnbase_arena_fini(&arena);
}

Test(hdf5, equal_trees_make_equal_files)
{
    static unsigned char one[FILE_MAX], two[FILE_MAX];
    size_t size = write_tree(one);
    cr_assert_eq(write_tree(two), size);
    cr_assert_eq(memcmp(one, two, size), 0);
}

Test(hdf5, other_bytes_are_refused_without_a_child)
{
    static const unsigned char bytes[600] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, 'x'};
    cr_assert_not(snnconv_hdf5_probe(bytes, sizeof(bytes)));
    cr_assert_not(snnconv_hdf5_probe(bytes, 0));
    cr_assert_eq(read_bytes(support_context(), bytes, sizeof(bytes)), SNN_ERR_FORMAT);
}

Test(hdf5, a_signature_behind_a_user_block_is_found)
{
    static unsigned char bytes[2100];
    static const unsigned char signature[] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    memcpy(bytes + 1024, signature, sizeof(signature));
    cr_assert(snnconv_hdf5_probe(bytes, sizeof(bytes)));
    cr_assert_not(snnconv_hdf5_probe(bytes, 1031), "cut within");
    memmove(bytes + 1025, bytes + 1024, sizeof(signature));
    cr_assert_not(snnconv_hdf5_probe(bytes, sizeof(bytes)));
}

/* Whatever happens, it is one of these, and it happens soon. */
static void check_damaged(const unsigned char *bytes, size_t size)
{
    int status = read_bytes(support_context(), bytes, size);
    cr_assert(status == SNN_OK || status == SNN_ERR_FORMAT || status == SNN_ERR_LIMIT ||
                  status == SNN_ERR_NOMEM,
              "%d: %s", status, snn_context_message(support_context()));
}

Test(hdf5, truncated_files_are_refused)
{
    static unsigned char bytes[FILE_MAX];
    size_t size = write_tree(bytes);
    for (size_t cut = 0; cut + 1 < size; cut += 97) {
        check_damaged(bytes, cut);
        cr_assert_neq(read_bytes(support_context(), bytes, cut), SNN_OK, "%zu", cut);
    }
}

Test(hdf5, flipped_bits_do_not_reach_the_parent)
{
    static unsigned char bytes[FILE_MAX];
    size_t size = write_tree(bytes);
    uint32_t state = 5;
    for (int i = 0; i < 400; i++) {
        size_t at = (size_t)(support_random(&state) * (double)size);
        unsigned char old = bytes[at];
        bytes[at] ^= (unsigned char)(1u << (i % 8));
        check_damaged(bytes, size);
        bytes[at] = old;
    }
}

Test(hdf5, limits_of_the_context_hold_in_the_child)
{
    static unsigned char bytes[FILE_MAX];
    size_t size = write_tree(bytes);
    const struct snn_limits limits[] = {
        {.tensor_bytes = 16}, {.json_node_count = 5}, {.file_bytes = 200}};
    for (size_t i = 0; i < COUNT(limits); i++) {
        struct snn_context *context = support_limited(&limits[i]);
        cr_expect_eq(read_bytes(context, bytes, size), SNN_ERR_LIMIT, "limit %zu: %s", i,
                     snn_context_message(context));
        snn_context_destroy(&context);
    }
}

static unsigned char swept[FILE_MAX];
static size_t swept_size;

static int read_swept(struct snn_context *context)
{
    return read_bytes(context, swept, swept_size);
}

Test(hdf5, reading_survives_running_out_of_memory)
{
    swept_size = write_tree(swept);
    support_sweep(read_swept);
}

Test(hdf5, a_file_that_cannot_be_written_is_not_there)
{
    struct snnconv_hdf5_item items[3];
    make_tree(items);
    items[2].name = ""; /* no name of a group */
    cr_assert_eq(snnconv_hdf5_write(support_context(), support_path("bad.h5"), items),
                 SNN_ERR_INVALID);
    cr_assert_neq(access(support_path("bad.h5"), F_OK), 0);
    free(items[0].attributes);
    free(items[1].children);
}

/* ---- Messages that no honest child writes ---- */

struct message {
    unsigned char bytes[512];
    size_t size;
};

static void number(struct message *message, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        message->bytes[message->size++] = (unsigned char)(value >> (8 * i));
}

static void head(struct message *message, uint64_t item, const char *name)
{
    number(message, item);
    number(message, strlen(name));
    memcpy(message->bytes + message->size, name, strlen(name));
    message->size += strlen(name);
    number(message, 0); /* offset */
}

static void refuse_message(const struct message *message, const char *what)
{
    struct snnbase_arena arena;
    struct snnconv_hdf5_item *root = NULL;
    snnbase_arena_init(&arena, support_context());
    cr_expect_eq(
        snnconv_hdf5_decode(&root, support_context(), &arena, message->bytes, message->size),
        SNN_ERR_FORMAT, "%s", what);
    snnbase_arena_fini(&arena);
}

Test(hdf5, messages_that_lie_are_refused)
{
    struct message m = {.size = 0};
    head(&m, SNNCONV_HDF5_GROUP, "/");
    number(&m, UINT64_MAX / 64);
    refuse_message(&m, "more attributes than bytes");
    m.size = 0;
    head(&m, SNNCONV_HDF5_ARRAY, "a");
    number(&m, SNNCONV_TYPE_F64);
    number(&m, 2);
    number(&m, UINT64_C(1) << 33);
    number(&m, UINT64_C(1) << 33);
    refuse_message(&m, "a product that does not fit");
    m.size = 0;
    head(&m, SNNCONV_HDF5_ARRAY, "a");
    number(&m, SNNCONV_TYPE_COUNT);
    refuse_message(&m, "a type that is none");
    m.size = 0;
    head(&m, SNNCONV_HDF5_ARRAY, "a");
    number(&m, SNNCONV_TYPE_F32);
    number(&m, SNNCONV_RANK_MAX + 1);
    refuse_message(&m, "too high a rank");
    m.size = 0;
    head(&m, SNNCONV_HDF5_TEXT, "a");
    number(&m, 1);
    number(&m, UINT64_C(1) << 40);
    refuse_message(&m, "more texts than bytes");
    m.size = 0;
    head(&m, 9, "a");
    refuse_message(&m, "a kind that is none");
    m.size = 0;
    head(&m, SNNCONV_HDF5_GROUP, "a\nb");
    number(&m, 0);
    number(&m, 0);
    refuse_message(&m, "control characters in a name");
    m.size = 0;
    for (int i = 0; i < 3; i++)
        number(&m, UINT64_MAX);
    refuse_message(&m, "a name longer than all");
    m.size = 0;
    head(&m, SNNCONV_HDF5_GROUP, "/");
    number(&m, 0);
    number(&m, 0);
    number(&m, 0);
    refuse_message(&m, "bytes behind the root");
}

Test(hdf5, messages_that_nest_without_end_are_refused)
{
    static unsigned char bytes[64 * 48];
    struct snnbase_arena arena;
    struct snnconv_hdf5_item *root = NULL;
    size_t size = 0;
    for (int i = 0; i < 64; i++) {
        struct message m = {.size = 0};
        head(&m, SNNCONV_HDF5_GROUP, "g");
        number(&m, 0);
        number(&m, i < 63);
        memcpy(bytes + size, m.bytes, m.size);
        size += m.size;
    }
    snnbase_arena_init(&arena, support_context());
    cr_assert_eq(snnconv_hdf5_decode(&root, support_context(), &arena, bytes, size),
                 SNN_ERR_FORMAT);
    snnbase_arena_fini(&arena);
}

/* ---- The child ---- */

static struct snnconv_child_job job_of(snnconv_child_fn run)
{
    struct snnconv_child_job job = {.run = run,
                                    .memory_bytes = 64 << 20,
                                    .output_bytes = 1 << 20,
                                    .processor_ms = 1000,
                                    .blame = "it gave up"};
    return job;
}

/* Runs it and gives the message of its error. */
static const char *run_child(int status, const struct snnconv_child_job *job, size_t *size_out)
{
    struct snnbase_buffer out = {NULL, 0, 0};
    int got = snnconv_child_run(&out, support_context(), job);
    cr_assert_eq(got, status, "%d: %s", got, snn_context_message(support_context()));
    if (size_out != NULL) *size_out = out.size;
    snnbase_buffer_fini(support_context(), &out);
    return snn_context_message(support_context());
}

static int crash(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    (void)context;
    (void)user;
    snnconv_child_put_number(pipe, 1);
    (void)raise(SIGSEGV);
    return SNN_OK;
}

static int spin(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    volatile unsigned long turns = 0;
    (void)pipe;
    (void)context;
    (void)user;
    for (;;)
        turns++;
    return SNN_OK;
}

static int flood(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    (void)context;
    (void)user;
    for (;;)
        snnconv_child_put_number(pipe, 7);
    return SNN_OK;
}

static int complain(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    (void)user;
    snnconv_child_put_text(pipe, "half", 4);
    return snnbase_fail(context, SNN_ERR_UNSUPPORTED, "no such thing as %d", 42);
}

static int leave(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    (void)pipe;
    (void)context;
    (void)user;
    _exit(0);
}

/* Files it has, and files it can get: none. */
static int look_around(struct snnconv_child_pipe *pipe, struct snn_context *context, void *user)
{
    unsigned count = 0;
    (void)context;
    (void)user;
    for (int i = 0; i < 256; i++)
        count += fcntl(i, F_GETFD) != -1;
    count += open("/dev/null", O_RDONLY) >= 0 ? 100u : 0u;
    for (unsigned i = 0; i < count; i++)
        snnconv_child_put(pipe, "x", 1);
    return SNN_OK;
}

Test(hdf5, a_child_that_crashes_is_an_error)
{
    struct snnconv_child_job job = job_of(crash);
    cr_assert_str_eq(run_child(SNN_ERR_FORMAT, &job, NULL), "it gave up (signal 11)");
}

Test(hdf5, a_child_that_does_not_end_is_ended)
{
    struct snnconv_child_job job = job_of(spin);
    cr_assert_str_eq(run_child(SNN_ERR_FORMAT, &job, NULL),
                     "it gave up (more than 1.0 s of processor time)");
}

Test(hdf5, a_child_that_writes_without_end_is_ended)
{
    struct snnconv_child_job job = job_of(flood);
    run_child(SNN_ERR_LIMIT, &job, NULL);
}

Test(hdf5, the_error_of_a_child_is_that_of_its_parent)
{
    struct snnconv_child_job job = job_of(complain);
    size_t size = 0;
    cr_assert_str_eq(run_child(SNN_ERR_UNSUPPORTED, &job, &size), "no such thing as 42");
    cr_assert_eq(size, 12, "what it wrote before");
}

Test(hdf5, a_child_that_leaves_without_a_word_is_an_error)
{
    struct snnconv_child_job job = job_of(leave);
    cr_assert_str_eq(run_child(SNN_ERR_FORMAT, &job, NULL), "it gave up (without a word)");
}

Test(hdf5, a_child_has_its_pipe_and_no_other_file)
{
    struct snnconv_child_job job = job_of(look_around);
    size_t size = 0;
    run_child(SNN_OK, &job, &size);
    cr_assert_eq(size, 1);
}

Test(hdf5, a_parent_that_ignores_its_children_reads_all_the_same)
{
    static unsigned char bytes[FILE_MAX];
    size_t size = write_tree(bytes);
    (void)signal(SIGCHLD, SIG_IGN);
    cr_assert_eq(read_bytes(support_context(), bytes, size), SNN_OK, "%s",
                 snn_context_message(support_context()));
    struct snnconv_child_job job = job_of(crash);
    run_child(SNN_ERR_FORMAT, &job, NULL);
    (void)signal(SIGCHLD, SIG_DFL);
}

struct reading {
    const unsigned char *bytes;
    size_t size;
    int failures;
};

static void *read_many(void *user)
{
    struct reading *reading = user;
    struct snn_context *context = NULL;
    if (snn_context_create(&context, NULL) != SNN_OK) return NULL;
    for (int i = 0; i < 20; i++)
        reading->failures += read_bytes(context, reading->bytes, reading->size) != SNN_OK;
    snn_context_destroy(&context);
    return NULL;
}

Test(hdf5, threads_read_at_the_same_time)
{
    static unsigned char bytes[FILE_MAX];
    struct reading readings[4];
    pthread_t threads[4];
    size_t size = write_tree(bytes);
    for (int i = 0; i < 4; i++) {
        readings[i] = (struct reading){bytes, size, 0};
        cr_assert_eq(pthread_create(&threads[i], NULL, read_many, &readings[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(pthread_join(threads[i], NULL), 0);
        cr_assert_eq(readings[i].failures, 0);
    }
}
