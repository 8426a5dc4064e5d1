/* Modem lines for pseudo terminals, which have none: with them libserialport takes a pty for a
 * port. The library's calls of ioctl and tcflush end here, as this program's come before the C
 * library's.
 */
/* For syscall. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _DEFAULT_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#include "tests/unit/device/line.h"

_Atomic bool far_has_modem;
_Atomic unsigned far_modem_calls;
_Atomic unsigned far_flushes_out;

static int lines = TIOCM_DTR | TIOCM_RTS | TIOCM_CTS | TIOCM_DSR | TIOCM_CAR;

int ioctl(int descriptor, unsigned long request, ...)
{
    va_list list;
    va_start(list, request);
    int *argument = va_arg(list, int *);
    va_end(list);
    const long result = syscall(SYS_ioctl, descriptor, request, argument);
    if (result >= 0 || errno != ENOTTY || !far_has_modem) return (int)result;
    if (request == TIOCMGET)
        *argument = lines;
    else if (request == TIOCMSET)
        lines = *argument;
    else if (request == TIOCMBIS)
        lines |= *argument;
    else if (request == TIOCMBIC)
        lines &= ~*argument;
    else
        return -1;
    far_modem_calls++;
    errno = 0;
    return 0;
}

int tcflush(int descriptor, int queues)
{
    if (queues != TCIFLUSH) far_flushes_out++;
    return (int)syscall(SYS_ioctl, descriptor, TCFLSH, queues);
}
