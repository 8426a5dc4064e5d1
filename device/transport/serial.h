/* Serial lines from inside: the port (serial_port.c: libserialport, or a pty), the line (the thread
 * that moves its bytes, serial_line.c), and requests and transfers on top (serial.c).
 */
#ifndef SNN_DEVICE_SERIAL_H
#define SNN_DEVICE_SERIAL_H

#include "device/transport/queue.h"
#include "libsnn/wire/word.h"

enum {
    SNNDEV_SERIAL_PATH = 256,
    SNNDEV_SERIAL_ROOM = 65536,                    /* stream bytes that nobody waits for yet */
    SNNDEV_SERIAL_CLEAR = SNNWIRE_FRAME_MAX,       /* zeros that push half a frame out */
    SNNDEV_SERIAL_ASK = 2 * (int)SNNWIRE_FRAME_MAX /* those and a request */
};

struct sp_port;

/* ---- The port ---- */

struct snndev_serial_port {
    struct sp_port *port; /* NULL: a pty, which libserialport does not take */
    int descriptor;       /* reads and writes do not wait */
    unsigned baud;
    char path[SNNDEV_SERIAL_PATH];
};

/* "PATH@BAUD"; without a rate 115,200. Errors: INVALID (no path, no such rate, no serial port),
 * NOT_FOUND (the hint lists the ports there are), ACCESS (the hint names the group), BUSY, IO,
 * UNSUPPORTED. Nothing is left open after an error. */
int snndev_serial_port_open(struct snndev_serial_port *out, struct snn_context *context,
                            const char *arguments);
void snndev_serial_port_close(struct snndev_serial_port *port);

/* ---- The line ---- */

/* Lock: that of the desk. The line's thread has it but while it waits. */
struct snndev_line {
    struct snndev_desk desk;
    int descriptor;
    int wake[2]; /* a pipe: something is to be done */
    pthread_t thread;
    bool stop, gone;

    uint8_t written[SNNWIRE_FRAME_MAX]; /* on its way out, at `at` of `size` */
    size_t written_size, written_at;
    uint8_t ask[SNNDEV_SERIAL_ASK]; /* goes out as soon as a frame is over */
    size_t ask_size, ask_at;
    size_t out_at;                       /* taken of the first out transfer */
    uint8_t residue[SNNWIRE_WORD_BYTES]; /* of a word, whose rest is in the next transfer */
    size_t residue_size;

    struct snnwire_framer framer;
    uint8_t came[SNNDEV_SERIAL_ROOM];
    size_t came_size;
    uint64_t frames; /* that were right */

    unsigned awaited; /* code of the request whose answer is awaited; 0: none */
    bool answered;
    struct snnwire_status answer;
    uint8_t data[SNNWIRE_PAYLOAD_MAX];
    size_t data_size;
};

/* The descriptor stays the caller's. Errors: NOMEM, IO. */
int snndev_line_start(struct snndev_line *line, struct snn_context *context, int descriptor);
void snndev_line_stop(struct snndev_line *line);
/* Gives up half a frame that came, with what may be behind it; with the lock held. */
void snndev_line_clear(struct snndev_line *line);
/* Has the thread look again; with the lock held. */
void snndev_line_nudge(struct snndev_line *line);

#endif
