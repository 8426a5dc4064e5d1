/* The one place with file-level state in the tools: a signal handler gets nothing but a number, so
 * the flag it sets can live nowhere else. It is atomic rather than sig_atomic_t because workers
 * read it too, and C11 allows a handler to touch lock-free atomics.
 */
#include "tools/cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/message.h"

_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "a signal handler needs a lock-free flag");

static atomic_int interrupted;
static atomic_int idle; /* nothing has to be put in order */

static void on_signal(int signal_number)
{
    (void)signal_number;
    if (atomic_exchange(&interrupted, 1) || atomic_load(&idle)) _exit(SNNCLI_EXIT_INTERRUPTED);
}

void snncli_interrupt_install(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action, old;

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN) continue;
        sigaction(signals[i], &action, NULL);
    }
    /* A file over the limit (ulimit -f) is an error of write like any other. */
    action.sa_handler = SIG_IGN;
    sigaction(SIGXFSZ, &action, NULL);
}

bool snncli_interrupt_pending(void)
{
    return atomic_load(&interrupted) != 0;
}

void snncli_interrupt_at_once(bool at_once)
{
    atomic_store(&idle, at_once);
    if (at_once && snncli_interrupt_pending()) _exit(SNNCLI_EXIT_INTERRUPTED);
}

bool snncli_interrupt_go_on(void *user)
{
    (void)user;
    return !snncli_interrupt_pending();
}
