/* A build without MPI: alone it is as good as any, under a launcher it must not do a job that is
 * meant to be shared once a process.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tools/cli/cluster_link.h"
#include "tools/cli/message.h"

int snncli_link_open(struct snncli_link **out, char *text, char *hint, size_t size)
{
    *out = NULL;
    if (snncli_launch_find().size == 1) return SNNCLI_EXIT_OK;
    snprintf(text, size, "started as one of several processes, but built without MPI");
    snprintf(hint, size,
             "build with the feature mpi (Debian: libopenmpi-dev), or start it without mpirun");
    return SNNCLI_EXIT_USAGE;
}

struct snncli_link_info snncli_link_info(const struct snncli_link *link)
{
    (void)link;
    return (struct snncli_link_info){.size = 1, .processors = 1};
}

const char *snncli_link_host(const struct snncli_link *link, unsigned rank)
{
    (void)link;
    (void)rank;
    return "";
}

bool snncli_link_send(struct snncli_link *link, const struct snncli_letter *letter)
{
    (void)link;
    free(letter->bytes);
    return false;
}

bool snncli_link_receive(struct snncli_link *link, struct snncli_letter *out)
{
    (void)link;
    (void)out;
    return false;
}

bool snncli_link_idle(struct snncli_link *link)
{
    (void)link;
    return true;
}

void snncli_link_close(struct snncli_link **link)
{
    *link = NULL;
}

void snncli_link_abort(struct snncli_link *link, int exit_status)
{
    (void)link;
    _Exit(exit_status);
}
