/* Ctrl-C, SIGTERM, a closed terminal: the first asks the tool to stop in good order, the second
 * ends it at once.
 *
 * A tool polls snncli_interrupt_pending where it can stop (the progress callback of a run does),
 * then writes what it has, marked incomplete, and ends with SNNCLI_EXIT_INTERRUPTED.
 */
#ifndef TOOLS_CLI_INTERRUPT_H
#define TOOLS_CLI_INTERRUPT_H

#include <stdbool.h>

/* Catches these signals; one that is ignored already (nohup, a shell's background job) stays so.
 * System calls are restarted. */
void snncli_interrupt_install(void);

/* True from the first signal on; from any thread. */
bool snncli_interrupt_pending(void);
/* The opposite, for options that ask whether to go on; `user` is not looked at. */
bool snncli_interrupt_go_on(void *user);

/* While data are opened, which may take long or wait for a pipe that nobody writes to, nobody polls
 * and there is nothing to put in order: between (true) and (false) the first signal ends the tool.
 */
void snncli_interrupt_at_once(bool at_once);

#endif
