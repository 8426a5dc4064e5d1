/* Ctrl-C. Each test is a process of its own, so it may raise signals. */
#include <criterion/criterion.h>
#include <signal.h>

#include "tools/cli/interrupt.h"

Test(cli_interrupt, first_signal_sets_the_flag)
{
    snncli_interrupt_install();
    cr_expect_not(snncli_interrupt_pending());
    raise(SIGINT);
    cr_expect(snncli_interrupt_pending());
}

Test(cli_interrupt, termination_counts_too)
{
    snncli_interrupt_install();
    raise(SIGTERM);
    cr_expect(snncli_interrupt_pending());
}

Test(cli_interrupt, second_signal_ends_at_once, .exit_code = 130)
{
    snncli_interrupt_install();
    raise(SIGINT);
    raise(SIGTERM);
    cr_assert_fail("still alive after the second signal");
}

Test(cli_interrupt, ignored_signal_stays_ignored)
{
    signal(SIGINT, SIG_IGN);
    snncli_interrupt_install();
    raise(SIGINT);
    cr_expect_not(snncli_interrupt_pending());
}

Test(cli_interrupt, the_first_signal_ends_what_may_end_at_once, .exit_code = 130)
{
    snncli_interrupt_install();
    snncli_interrupt_at_once(true);
    raise(SIGTERM);
    cr_assert_fail("still alive after a signal");
}

Test(cli_interrupt, a_signal_before_ends_it_too, .exit_code = 130)
{
    snncli_interrupt_install();
    raise(SIGTERM);
    snncli_interrupt_at_once(true);
    cr_assert_fail("still alive after a signal");
}

Test(cli_interrupt, afterwards_a_signal_asks_again)
{
    snncli_interrupt_install();
    snncli_interrupt_at_once(true);
    snncli_interrupt_at_once(false);
    raise(SIGTERM);
    cr_expect(snncli_interrupt_pending());
}
