/* A device at the other end of a serial line, see line.h. */
/* For posix_openpt. NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's own switch */
#define _XOPEN_SOURCE 700
#include "tests/unit/device/line.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static void send_all(struct far_end *end, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t count = write(end->descriptor, bytes, size);
        if (count < 0) return;
        bytes += count;
        size -= (size_t)count;
    }
}

void far_send(struct far_end *end, const uint8_t *bytes, size_t size)
{
    uint8_t frame[SNNWIRE_FRAME_MAX];
    send_all(end, frame, snnwire_frame_write(SNNWIRE_FRAME_WORDS, bytes, size, frame));
}

static void answer(struct far_end *end, const struct snnwire_request *request)
{
    uint8_t payload[SNNWIRE_FRAME_PAYLOAD_MAX] = {0}, frame[SNNWIRE_FRAME_MAX];
    const bool refused = end->refuse == request->code;
    const struct snnwire_status status = {
        request->code, refused ? SNNWIRE_ERROR_RANGE : SNNWIRE_ERROR_NONE, request->core};
    size_t size = SNNWIRE_STATUS_BYTES;
    snnwire_status_write(&status, payload);
    if (request->in && !refused) {
        memset(payload + size, request->core, request->size);
        size += request->size;
    }
    size = snnwire_frame_write(SNNWIRE_FRAME_ANSWER, payload, size, frame);
    if (end->halves > 0) {
        static const uint8_t half[] = {0xA5, SNNWIRE_FRAME_WORDS, 0, 0x10, 1, 2, 3};
        end->halves--;
        send_all(end, half, sizeof(half));
    }
    if (end->garble > 0) {
        end->garble--;
        frame[size / 2] ^= 1;
    }
    send_all(end, frame, size);
}

static void take(struct far_end *end, const struct snnwire_frame *frame)
{
    struct snnwire_request request;
    if (frame->type == SNNWIRE_FRAME_WORDS) {
        memcpy(end->words + end->words_size, frame->payload, frame->size);
        end->words_size += frame->size;
        if (end->echo) far_send(end, frame->payload, frame->size);
    }
    if (frame->type != SNNWIRE_FRAME_REQUEST ||
        !snnwire_request_read(&request, frame->payload, SNNWIRE_REQUEST_BYTES))
        return;
    end->requests++;
    if (end->babble != NULL) {
        send_all(end, (const uint8_t *)end->babble, strlen(end->babble));
    } else if (end->deaf_to > 0) {
        end->deaf_to--;
    } else if (end->silent != request.code) {
        answer(end, &request);
    }
}

static void *serve(void *user)
{
    struct far_end *end = user;
    uint8_t bytes[4096];
    struct pollfd file = {.fd = end->descriptor, .events = POLLIN};
    while (!end->stop) {
        struct snnwire_frame frame;
        size_t at = 0, used = 0;
        if (poll(&file, 1, 20) <= 0) continue;
        const ssize_t count = read(end->descriptor, bytes, sizeof(bytes));
        if (count <= 0) continue;
        while (snnwire_frame_read(&end->framer, bytes + at, (size_t)count - at, &used, &frame)) {
            at += used;
            take(end, &frame);
        }
    }
    return NULL;
}

void far_begin(struct far_end *end)
{
    struct termios settings;
    end->descriptor = posix_openpt(O_RDWR | O_NOCTTY);
    cr_assert(end->descriptor >= 0 && grantpt(end->descriptor) == 0);
    cr_assert_eq(unlockpt(end->descriptor), 0);
    const char *path = ptsname(end->descriptor);
    snprintf(end->uri, sizeof(end->uri), "%s@115200", path);
    end->kept = open(path, O_RDWR | O_NOCTTY);
    cr_assert(end->kept >= 0 && tcgetattr(end->kept, &settings) == 0);
    settings.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG | IEXTEN);
    settings.c_oflag &= (tcflag_t)~OPOST;
    settings.c_iflag &= (tcflag_t) ~(ICRNL | INLCR | IGNCR | IXON | ISTRIP);
    cr_assert_eq(tcsetattr(end->kept, TCSANOW, &settings), 0);
    end->running = pthread_create(&end->thread, NULL, serve, end) == 0;
    cr_assert(end->running);
}

void far_pull(struct far_end *end)
{
    if (!end->running) return;
    end->stop = true;
    pthread_join(end->thread, NULL);
    end->running = false;
    close(end->kept);
    close(end->descriptor);
}

void far_end(struct far_end *end)
{
    far_pull(end);
}
