/* Bytes as a file, see file.h. It lies in memory: a disk would take most of a run's time. It loses
 * its name at once, so that a process that dies leaves nothing behind; what a process has open is
 * found below /proc.
 */
#include "tests/fuzz/file.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

struct slot {
    int descriptor; /* 0: not open yet */
    char path[64];
};

static int open_nameless(void)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "/snn-fuzz-%ld", (long)getpid());
    int descriptor = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (descriptor >= 0) (void)shm_unlink(name);
    return descriptor;
}

static bool write_all(int descriptor, const char *bytes, size_t size)
{
    size_t done = 0;
    while (done < size) {
        ssize_t written = pwrite(descriptor, bytes + done, size - done, (off_t)done);
        if (written <= 0) return false;
        done += (size_t)written;
    }
    return true;
}

const char *file_of(unsigned slot, const void *data, size_t size)
{
    static struct slot slots[FILE_SLOTS];
    struct slot *s = &slots[slot];
    if (s->descriptor <= 0) s->descriptor = open_nameless();
    if (s->descriptor < 0) return NULL;
    (void)snprintf(s->path, sizeof(s->path), "/proc/self/fd/%d", s->descriptor);
    if (ftruncate(s->descriptor, 0) != 0 || !write_all(s->descriptor, data, size)) return NULL;
    return s->path;
}
