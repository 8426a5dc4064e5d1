/* A folder as a data set: names of files, in an order that does not depend on the file system, and
 * their labels. Nothing is opened here but the list of labels.
 */
#include "libsnn/stream/folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"

enum {
    FILES_MAX = 4 * 1024 * 1024,
    LABEL_MAX = 65535,
    NAME_SHOWN = 60,
    LEFT_OUT_SIZE = 160,
    BOM_SIZE = 3
};

bool snnstream_folder_is(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static const char *join(struct snnstream_folder *folder, struct snn_context *context,
                        const char *path, const char *name, size_t name_size)
{
    size_t size = strlen(path);
    char *text = snnbase_arena_alloc(&folder->arena, context, size + name_size + 2, 1);
    if (text == NULL) return NULL;
    memcpy(text, path, size);
    if (size > 0 && path[size - 1] != '/') text[size++] = '/';
    memcpy(text + size, name, name_size);
    return text;
}

static int add(struct snnstream_folder *folder, struct snn_context *context, const char *path,
               int32_t label)
{
    if (path == NULL) return SNN_ERR_NOMEM;
    if (folder->count == FILES_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%s: more than %d files", path, FILES_MAX);
    int status = snnbase_grow(context, (void **)&folder->entries, &folder->capacity,
                              folder->count + 1, sizeof(*folder->entries));
    if (status != SNN_OK) return status;
    folder->entries[folder->count++] = (struct snnstream_folder_entry){path, label};
    return SNN_OK;
}

/* Only files of the disk are read as part of a folder: a pipe or a device may keep whoever opens it
 * waiting for ever. What is not there is for its reader to tell. */
static int check_regular(struct snn_context *context, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
        return SNN_OK;
    snnbase_fail(context, SNN_ERR_UNSUPPORTED, "%s: not a regular file", path);
    return snnbase_hint(context, "of a folder only files are read, no pipes, sockets or devices");
}

/* ---- Lists of labels ---- */

/* "0".."65535"; false for anything else. */
static bool read_label(const char *text, size_t size, int32_t *out)
{
    int32_t value = 0;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || value > LABEL_MAX) return false;
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return size > 0 && value <= LABEL_MAX;
}

/* One line, without its end: "NAME LABEL", empty, or a comment after '#'. */
static int take_line(struct snnstream_folder *folder, struct snn_context *context, const char *path,
                     const char *line, size_t size)
{
    int32_t label = 0;
    while (size > 0 && strchr(" \t\r", line[size - 1]) != NULL)
        size--;
    if (size == 0 || line[0] == '#') return SNN_OK;
    size_t space = size;
    while (space > 0 && line[space - 1] != ' ' && line[space - 1] != '\t')
        space--;
    size_t name = space;
    while (name > 0 && (line[name - 1] == ' ' || line[name - 1] == '\t'))
        name--;
    if (name == 0 || !read_label(line + space, size - space, &label)) {
        snnbase_fail(context, SNN_ERR_FORMAT, "'%.*s' is not \"NAME LABEL\"",
                     (int)(size < NAME_SHOWN ? size : NAME_SHOWN), line);
        return snnbase_hint(context, "a name, a blank and a whole number up to %d", LABEL_MAX);
    }
    if (memchr(line, '\0', name) != NULL)
        return snnbase_fail(context, SNN_ERR_FORMAT, "a name with a zero byte");
    const char *full = join(folder, context, path, line, name);
    if (full == NULL) return SNN_ERR_NOMEM;
    if (!snnbase_file_exists(full)) return snnbase_fail_errno(context, errno, full);
    int status = check_regular(context, full);
    return status == SNN_OK ? add(folder, context, full, label) : status;
}

static int read_labels(struct snnstream_folder *folder, struct snn_context *context,
                       const char *path, const char *labels)
{
    static const char bom[] = "\xef\xbb\xbf"; /* as editors of Windows put it */
    struct snnbase_buffer text = {NULL, 0, 0};
    int status = snnbase_file_read(context, labels, &text);
    size_t number = 0;
    size_t at = status == SNN_OK && text.size >= BOM_SIZE && memcmp(text.data, bom, BOM_SIZE) == 0
                    ? BOM_SIZE
                    : 0;
    while (status == SNN_OK && at < text.size) {
        const char *line = (const char *)text.data + at;
        const char *end = memchr(line, '\n', text.size - at);
        size_t size = end != NULL ? (size_t)(end - line) : text.size - at;
        number++;
        status = take_line(folder, context, path, line, size);
        if (status != SNN_OK && status != SNN_ERR_NOMEM)
            status = snnbase_where(context, "%s: line %zu", labels, number);
        at += size + 1;
    }
    snnbase_buffer_fini(context, &text);
    folder->labelled = true;
    return status;
}

/* ---- Names ---- */

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct snnstream_folder_entry *)a)->path,
                  ((const struct snnstream_folder_entry *)b)->path);
}

/* Adds the files of one folder, sorted by name; or its subfolders, those that no number names with
 * a label of -1. */
static int list_files(struct snnstream_folder *folder, struct snn_context *context,
                      const char *path, int32_t label, bool folders)
{
    DIR *directory = opendir(path);
    if (directory == NULL) return snnbase_fail_errno(context, errno, path);
    size_t first = folder->count;
    int status = SNN_OK;
    errno = 0;
    for (struct dirent *entry; status == SNN_OK && (entry = readdir(directory)) != NULL;
         errno = 0) {
        int32_t number = label;
        size_t size = strlen(entry->d_name);
        if (entry->d_name[0] == '.') continue;
        const char *full = join(folder, context, path, entry->d_name, size);
        if (full == NULL) {
            status = SNN_ERR_NOMEM;
        } else if (snnstream_folder_is(full) == folders) {
            if (!folders) status = check_regular(context, full);
            if (folders && !read_label(entry->d_name, size, &number)) number = -1;
            if (status == SNN_OK) status = add(folder, context, full, number);
        }
    }
    if (status == SNN_OK && errno != 0) status = snnbase_fail_errno(context, errno, path);
    (void)closedir(directory);
    if (status == SNN_OK && folder->count > first)
        qsort(folder->entries + first, folder->count - first, sizeof(*folder->entries),
              compare_entries);
    return status;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

/* Folders that make no class, for a message: their names, as many as there is room for. */
struct left_out {
    size_t count, named;
    char names[LEFT_OUT_SIZE];
};

static void leave_out(struct left_out *left, const char *path)
{
    const size_t at = strlen(left->names);
    const char *name = base_name(path);
    left->count++;
    if (left->named + 1 < left->count || at + strlen(name) + 3 > LEFT_OUT_SIZE) return;
    snprintf(left->names + at, LEFT_OUT_SIZE - at, "%s%s", at > 0 ? ", " : "", name);
    left->named++;
}

static void warn_left_out(struct snn_context *context, const char *path,
                          const struct left_out *left, const char *why)
{
    if (left->count == 0) return;
    snnbase_diagnose(context, SNN_SEVERITY_WARNING, NULL, NULL, "%s: %s: %zu left out (%s%s)", path,
                     why, left->count, left->names, left->named < left->count ? ", ..." : "");
}

/* "0" and "00" would be one class. */
static int check_twice(struct snn_context *context, const struct snnstream_folder_entry *classes,
                       size_t count)
{
    unsigned char seen[LABEL_MAX / 8 + 1] = {0};
    for (size_t i = 0; i < count; i++) {
        if (classes[i].label < 0) continue;
        unsigned char *byte = &seen[classes[i].label / 8];
        const unsigned char bit = (unsigned char)(1u << (classes[i].label % 8));
        if (*byte & bit)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: another folder of class %d",
                                classes[i].path, (int)classes[i].label);
        *byte |= bit;
    }
    return SNN_OK;
}

/* Adds the files of those of the first `classes` entries that are classes. */
static int list_labelled(struct snnstream_folder *folder, struct snn_context *context,
                         const char *path, size_t classes)
{
    struct left_out unnumbered = {.names = ""}, empty = {.names = ""};
    for (size_t i = 0; i < classes; i++) {
        const struct snnstream_folder_entry entry = folder->entries[i];
        const size_t before = folder->count;
        if (entry.label < 0) {
            leave_out(&unnumbered, entry.path);
            continue;
        }
        int status = list_files(folder, context, entry.path, entry.label, false);
        if (status != SNN_OK) return status;
        if (folder->count == before) leave_out(&empty, entry.path);
    }
    if (folder->count == classes && unnumbered.count > 0) {
        snnbase_fail(context, SNN_ERR_NOT_FOUND, "%s: no recordings in this folder", path);
        return snnbase_hint(context,
                            "folders of classes are named by numbers, 0, 1, 2, ..., not %s: name "
                            "them so, or list the recordings in a labels.txt",
                            unnumbered.names);
    }
    warn_left_out(context, path, &unnumbered, "folders that are not named by a number");
    warn_left_out(context, path, &empty, "folders of classes without a file");
    return SNN_OK;
}

/* Subfolders 0, 1, ... and the files in each. */
static int list_classes(struct snnstream_folder *folder, struct snn_context *context,
                        const char *path)
{
    int status = list_files(folder, context, path, -1, true);
    const size_t classes = folder->count;
    if (status == SNN_OK) status = check_twice(context, folder->entries, classes);
    if (status == SNN_OK) status = list_labelled(folder, context, path, classes);
    if (status != SNN_OK || classes == 0) return status;
    folder->count -= classes;
    memmove(folder->entries, folder->entries + classes, folder->count * sizeof(*folder->entries));
    folder->labelled = folder->count > 0;
    return SNN_OK;
}

/* Folders beside files are no part of the data set. */
static int warn_beside(struct snnstream_folder *folder, struct snn_context *context,
                       const char *path)
{
    struct left_out left = {.names = ""};
    const size_t files = folder->count;
    int status = list_files(folder, context, path, -1, true);
    if (status != SNN_OK) return status;
    for (size_t i = files; i < folder->count; i++)
        leave_out(&left, folder->entries[i].path);
    folder->count = files;
    warn_left_out(context, path, &left, "folders beside recordings");
    return SNN_OK;
}

static int list_folder(struct snnstream_folder *folder, struct snn_context *context,
                       const char *path, const char *labels)
{
    static const char own[] = "labels.txt";
    if (labels == NULL) {
        const char *beside = join(folder, context, path, own, sizeof(own) - 1);
        if (beside == NULL) return SNN_ERR_NOMEM;
        int status = check_regular(context, beside);
        if (status != SNN_OK) return status;
        if (snnbase_file_exists(beside)) labels = beside;
    }
    if (labels != NULL) return read_labels(folder, context, path, labels);
    int status = list_files(folder, context, path, -1, false);
    if (status != SNN_OK) return status;
    return folder->count == 0 ? list_classes(folder, context, path)
                              : warn_beside(folder, context, path);
}

int snnstream_folder_list(struct snnstream_folder *out, struct snn_context *context,
                          const char *path, const char *labels)
{
    *out = (struct snnstream_folder){.entries = NULL};
    snnbase_arena_init(&out->arena, context);
    out->is_file = !snnstream_folder_is(path);
    if (out->is_file && labels != NULL)
        return snnbase_fail(context, SNN_ERR_INVALID,
                            "%s: labels go with a folder of recordings, this is a file", path);
    if (out->is_file)
        return add(out, context, snnbase_arena_string(&out->arena, context, path), -1);
    int status = list_folder(out, context, path, labels);
    if (status != SNN_OK || out->count > 0) return status;
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "%s: no recordings in this folder", path);
    return snnbase_hint(context, "recordings stand in it, or one folder a class: 0, 1, 2, ...");
}

void snnstream_folder_fini(struct snnstream_folder *folder)
{
    snnbase_allocator_free(&folder->arena.allocator, folder->entries);
    snnbase_arena_fini(&folder->arena);
}
