/* Checks of output paths.
 */
#include "tools/cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "out/run.json" -> "out/."; allocated, NULL without memory. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t size = slash != NULL ? (size_t)(slash - path) + 1 : 0;
    char *folder = malloc(size + 2);
    if (folder == NULL) return NULL;
    memcpy(folder, path, size);
    memcpy(folder + size, ".", 2);
    return folder;
}

int snncli_check_output(struct snncli_console *console, const char *path)
{
    struct stat info;
    if (path == NULL || strcmp(path, "-") == 0) return SNNCLI_EXIT_OK;
    bool exists = stat(path, &info) == 0;
    if (exists && S_ISDIR(info.st_mode))
        return snncli_fail(console, SNNCLI_EXIT_NO_OUTPUT, path, "is a directory");
    if (exists && !S_ISREG(info.st_mode)) return SNNCLI_EXIT_OK; /* a device needs no folder */
    char *folder = folder_of(path);
    if (folder == NULL)
        return snncli_fail(console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    int status = SNNCLI_EXIT_OK;
    if (access(folder, W_OK) != 0)
        status = snncli_fail(console, SNNCLI_EXIT_NO_OUTPUT, path,
                             "its folder does not exist or may not be written to");
    free(folder);
    return status;
}

bool snncli_same_file(const char *a, const char *b)
{
    struct stat left, right;
    if (a == NULL || b == NULL) return false;
    bool exists = stat(a, &left) == 0;
    if (!exists || stat(b, &right) != 0) return !exists && strcmp(a, b) == 0;
    return S_ISREG(left.st_mode) && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
}
