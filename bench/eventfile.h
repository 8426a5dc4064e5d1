/* Recordings for bench/events.c: a scene of edges that move over a sensor, written in each format.
 *
 * Bytes are those of docs/formats/events.md. Each writer takes the events in pieces and keeps what
 * it must know of the pieces before.
 */
#ifndef BENCH_EVENTFILE_H
#define BENCH_EVENTFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "snn/recording.h"

enum { SNNBENCH_WIDTH = 640, SNNBENCH_HEIGHT = 480 };

/* What a writer remembers. */
struct snnbench_writer {
    FILE *file;
    uint64_t time_us; /* of the last event */
    uint64_t count;
    uint32_t high, low, row;
    bool begun;
};

struct snnbench_eventfile {
    const char *name; /* NULL ends the table */
    bool noise;       /* no edges: every event alone */
    void (*begin)(struct snnbench_writer *writer);
    void (*write)(struct snnbench_writer *writer, const struct snn_camera_event *events,
                  size_t count);
    void (*end)(struct snnbench_writer *writer); /* NULL: nothing */
};

extern const struct snnbench_eventfile snnbench_eventfiles[];

/* Writes so many events; returns the size of the file, 0 where it could not be written. */
uint64_t snnbench_eventfile_write(const struct snnbench_eventfile *format, const char *path,
                                  uint64_t count);

/* ---- AEDAT, aedatfile.c ---- */

void snnbench_aedat2_begin(struct snnbench_writer *writer);
void snnbench_aedat2_write(struct snnbench_writer *writer, const struct snn_camera_event *events,
                           size_t count);
void snnbench_aedat3_begin(struct snnbench_writer *writer);
void snnbench_aedat3_write(struct snnbench_writer *writer, const struct snn_camera_event *events,
                           size_t count);
void snnbench_aedat4_begin(struct snnbench_writer *writer);
void snnbench_aedat4_write(struct snnbench_writer *writer, const struct snn_camera_event *events,
                           size_t count);
void snnbench_aedat4_lz4_begin(struct snnbench_writer *writer);
void snnbench_aedat4_lz4_write(struct snnbench_writer *writer,
                               const struct snn_camera_event *events, size_t count);
void snnbench_aedat4_zstd_begin(struct snnbench_writer *writer);
void snnbench_aedat4_zstd_write(struct snnbench_writer *writer,
                                const struct snn_camera_event *events, size_t count);

#endif
