/* A device at the other end of a serial line, for tests: a pty and a thread that answers as it is
 * told to.
 */
#ifndef TESTS_UNIT_DEVICE_LINE_H
#define TESTS_UNIT_DEVICE_LINE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "libsnn/wire/message.h"

enum { FAR_ROOM = 1 << 16 };

struct far_end {
    int descriptor; /* of the pty's other side */
    int kept;       /* holds the near side open, too */
    char uri[80];   /* without the scheme */
    pthread_t thread;
    bool running;
    _Atomic bool stop;
    /* What it does. */
    unsigned deaf_to;   /* requests that it does not hear, at first */
    unsigned halves;    /* half frames sent before answers, at first */
    unsigned garble;    /* answers of which a byte is wrong, at first */
    unsigned silent;    /* code that is never answered */
    uint16_t refuse;    /* code that is refused */
    bool echo;          /* sends the words that come back */
    const char *babble; /* sent where an answer would be */
    /* What it saw. */
    _Atomic unsigned requests;
    uint8_t words[FAR_ROOM];
    _Atomic size_t words_size;
    struct snnwire_framer framer;
};

/* Whether ptys have modem lines, and how often those were asked for. */
extern _Atomic bool far_has_modem;
extern _Atomic unsigned far_modem_calls;
/* How often what was not sent yet has been thrown away. */
extern _Atomic unsigned far_flushes_out;

void far_begin(struct far_end *end);
/* Sends stream bytes to the host. */
void far_send(struct far_end *end, const uint8_t *bytes, size_t size);
/* The plug is pulled. */
void far_pull(struct far_end *end);
void far_end(struct far_end *end);

#endif
