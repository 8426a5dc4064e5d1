/* A virtual chip that other programs open: emulate CHIP AS [FAULT]. Its URI on stdout, then it is
 * served until the end of stdin.
 */
#include <poll.h>
#include <stdio.h>

#include "snn/snn.h"

static void say(const char *uri, void *user)
{
    (void)user;
    printf("%s\n", uri);
    fflush(stdout);
}

static bool is_wanted(void *user)
{
    struct pollfd input = {.fd = 0, .events = POLLIN};
    (void)user;
    return poll(&input, 1, 0) == 0;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    if (argc < 3 || snn_context_create(&context, NULL) != SNN_OK) return 64;
    const struct snn_emulate_options options = {.chip = argv[1],
                                                .as = argv[2],
                                                .fault = argc > 3 ? argv[3] : NULL,
                                                .ready = say,
                                                .go_on = is_wanted};
    const int status = snn_emulate(context, &options);
    if (status != SNN_OK)
        fprintf(stderr, "%s\n%s\n", snn_context_message(context), snn_context_hint(context));
    snn_context_destroy(&context);
    return status == SNN_OK ? 0 : 1;
}
