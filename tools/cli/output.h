/* Files that a tool is going to write: whether they can be, before the work is done.
 */
#ifndef TOOLS_CLI_OUTPUT_H
#define TOOLS_CLI_OUTPUT_H

#include <stdbool.h>

#include "tools/cli/message.h"

/* Prints what keeps `path` from being written: a folder of that name, none to write it into.
 * NULL and "-" are always fine. Returns SNNCLI_EXIT_OK, NO_OUTPUT or NO_MEMORY. */
int snncli_check_output(struct snncli_console *console, const char *path);

/* The same regular file, or the same name for one that does not exist yet; devices may be written
 * to twice. Either may be NULL. */
bool snncli_same_file(const char *a, const char *b);

#endif
