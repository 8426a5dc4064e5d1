/* Recordings for bench/events.c, see eventfile.h. */
#include "bench/eventfile.h"

#include <string.h>

enum { PIECE = 4096, RUN_MAX = 8 };

/* ---- The scene ---- */

struct scene {
    uint64_t random, time_us;
    bool noise;
    uint32_t run; /* pixels left of an edge */
    struct snn_camera_event last;
};

static uint32_t draw(struct scene *scene, uint32_t below)
{
    scene->random = scene->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((scene->random >> 33) * below >> 31);
}

/* An edge is up to RUN_MAX pixels of a row at one time, of which two in three fire. */
static struct snn_camera_event next_event(struct scene *scene)
{
    if (scene->run > 0 && scene->last.x + 3u < SNNBENCH_WIDTH) {
        scene->run--;
        scene->last.x = (uint16_t)(scene->last.x + 1u + (draw(scene, 3) == 0));
        return scene->last;
    }
    scene->time_us += draw(scene, 3);
    scene->run = scene->noise ? 0 : draw(scene, RUN_MAX);
    scene->last =
        (struct snn_camera_event){scene->time_us, (uint16_t)draw(scene, SNNBENCH_WIDTH),
                                  (uint16_t)draw(scene, SNNBENCH_HEIGHT), (uint8_t)draw(scene, 2)};
    return scene->last;
}

/* ---- The formats ---- */

static void put(struct snnbench_writer *w, uint64_t value, unsigned bytes)
{
    unsigned char little[8];
    for (unsigned i = 0; i < bytes; i++)
        little[i] = (unsigned char)(value >> 8 * i);
    (void)fwrite(little, 1, bytes, w->file);
}

static void begin_evt2(struct snnbench_writer *w)
{
    (void)fputs("% evt 2.0\n% geometry 640x480\n% end\n", w->file);
}

static void begin_evt21(struct snnbench_writer *w)
{
    (void)fputs("% format EVT21;endianness=little;height=480;width=640\n% end\n", w->file);
}

static void begin_evt3(struct snnbench_writer *w)
{
    (void)fputs("% evt 3.0\n% format EVT3;height=480;width=640\n% end\n", w->file);
}

/* True: the high part of the time is another one. */
static bool has_new_high(struct snnbench_writer *w, uint64_t high)
{
    const bool is_new = !w->begun || w->high != (uint32_t)high;
    w->begun = true;
    w->high = (uint32_t)high;
    return is_new;
}

static void write_evt2(struct snnbench_writer *w, const struct snn_camera_event *events,
                       size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *e = &events[i];
        if (has_new_high(w, e->time_us >> 6)) put(w, UINT32_C(8) << 28 | w->high, 4);
        put(w, (uint32_t)e->polarity << 28 | (e->time_us & 63) << 22 | (uint32_t)e->x << 11 | e->y,
            4);
    }
}

/* Pixels from the first event on, below `side`, that are of its time, row and polarity. */
static size_t take_vector(const struct snn_camera_event *events, size_t count, uint32_t side,
                          uint32_t *mask)
{
    size_t n = 0;
    *mask = 0;
    while (n < count && events[n].time_us == events->time_us && events[n].y == events->y &&
           events[n].polarity == events->polarity && events[n].x >= events->x &&
           events[n].x - events->x < (int)side && (n == 0 || events[n].x > events[n - 1].x)) {
        *mask |= 1u << (events[n].x - events->x);
        n++;
    }
    return n;
}

static void write_evt21(struct snnbench_writer *w, const struct snn_camera_event *events,
                        size_t count)
{
    for (size_t i = 0; i < count;) {
        const struct snn_camera_event *e = &events[i];
        uint32_t mask;
        if (has_new_high(w, e->time_us >> 6)) put(w, (uint64_t)(8u << 28 | w->high) << 32, 8);
        i += take_vector(e, count - i, 32, &mask);
        put(w,
            (uint64_t)e->polarity << 60 | (e->time_us & 63) << 54 | (uint64_t)e->x << 43 |
                (uint64_t)e->y << 32 | mask,
            8);
    }
}

static void put_time_and_row(struct snnbench_writer *w, const struct snn_camera_event *e)
{
    const bool first = !w->begun;
    if (has_new_high(w, e->time_us >> 12 & 0xfff)) {
        put(w, 8u << 12 | w->high, 2);
        w->low = 0;
    }
    if (w->low != (e->time_us & 0xfff)) put(w, 6u << 12 | (e->time_us & 0xfff), 2);
    if (first || w->row != e->y) put(w, e->y, 2);
    w->low = e->time_us & 0xfff;
    w->row = e->y;
}

/* Vectors of twelve where they say more than single pixels, as sensors do. */
static void write_evt3(struct snnbench_writer *w, const struct snn_camera_event *events,
                       size_t count)
{
    for (size_t i = 0; i < count;) {
        const struct snn_camera_event *e = &events[i];
        uint32_t mask;
        const size_t n = take_vector(e, count - i, 12, &mask);
        put_time_and_row(w, e);
        if (n > 1) {
            put(w, 3u << 12 | (uint32_t)e->polarity << 11 | e->x, 2);
            put(w, 4u << 12 | mask, 2);
        } else {
            put(w, 2u << 12 | (uint32_t)e->polarity << 11 | e->x, 2);
        }
        i += n;
    }
}

static void begin_dat(struct snnbench_writer *w)
{
    (void)fputs("% Data file containing CD events\n% Version 2\n% Width 640\n% Height 480\n",
                w->file);
    put(w, 8 << 8 | 12, 2);
}

static void write_dat(struct snnbench_writer *w, const struct snn_camera_event *events,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *e = &events[i];
        put(w, e->time_us, 4);
        put(w, (uint32_t)e->polarity << 28 | (uint32_t)e->y << 14 | e->x, 4);
    }
}

static void begin_es(struct snnbench_writer *w)
{
    (void)fwrite("Event Stream\2\0\0\1", 1, 16, w->file);
    put(w, SNNBENCH_WIDTH, 2);
    put(w, SNNBENCH_HEIGHT, 2);
}

static void write_es(struct snnbench_writer *w, const struct snn_camera_event *events, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct snn_camera_event *e = &events[i];
        put(w, (e->time_us - w->time_us) << 1 | e->polarity, 1);
        put(w, (uint32_t)e->y << 16 | e->x, 4);
        w->time_us = e->time_us;
    }
}

static void begin_csv(struct snnbench_writer *w)
{
    (void)fputs("t,x,y,p\n", w->file);
}

static void write_csv(struct snnbench_writer *w, const struct snn_camera_event *events,
                      size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)fprintf(w->file, "%llu,%u,%u,%u\n", (unsigned long long)events[i].time_us,
                      events[i].x, events[i].y, events[i].polarity);
}

/* How many there are is known at the end: the header is written once more. */
static void put_npy_head(struct snnbench_writer *w)
{
    static const unsigned char magic[] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 118, 0};
    char text[119];
    (void)snprintf(text, sizeof(text),
                   "{'descr': [('t', '<i8'), ('x', '<i2'), ('y', '<i2'), ('p', '|i1')], "
                   "'fortran_order': False, 'shape': (%llu,)}",
                   (unsigned long long)w->count);
    (void)fwrite(magic, 1, sizeof(magic), w->file);
    (void)fprintf(w->file, "%-117s\n", text);
}

static void write_npy(struct snnbench_writer *w, const struct snn_camera_event *events,
                      size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(w, events[i].time_us, 8);
        put(w, (uint32_t)events[i].y << 16 | events[i].x, 4);
        put(w, events[i].polarity, 1);
    }
    w->count += count;
}

static void end_npy(struct snnbench_writer *w)
{
    if (fseek(w->file, 0, SEEK_SET) != 0) return;
    put_npy_head(w);
    (void)fseek(w->file, 0, SEEK_END);
}

const struct snnbench_eventfile snnbench_eventfiles[] = {
    {"EVT 2.0", false, begin_evt2, write_evt2, NULL},
    {"EVT 2.1", false, begin_evt21, write_evt21, NULL},
    {"EVT 3.0", false, begin_evt3, write_evt3, NULL},
    {"EVT 3.0, noise", true, begin_evt3, write_evt3, NULL},
    {"DAT 2", false, begin_dat, write_dat, NULL},
    {"Event Stream 2", false, begin_es, write_es, NULL},
    {"AEDAT 2", false, snnbench_aedat2_begin, snnbench_aedat2_write, NULL},
    {"AEDAT 3.1", false, snnbench_aedat3_begin, snnbench_aedat3_write, NULL},
    {"AEDAT 4", false, snnbench_aedat4_begin, snnbench_aedat4_write, NULL},
#if SNNBENCH_LZ4
    {"AEDAT 4, LZ4", false, snnbench_aedat4_lz4_begin, snnbench_aedat4_lz4_write, NULL},
    {"AEDAT 4, noise", true, snnbench_aedat4_lz4_begin, snnbench_aedat4_lz4_write, NULL},
#endif
#if SNNBENCH_ZSTD
    {"AEDAT 4, zstd", false, snnbench_aedat4_zstd_begin, snnbench_aedat4_zstd_write, NULL},
#endif
    {"NPY", false, put_npy_head, write_npy, end_npy},
    {"CSV", false, begin_csv, write_csv, NULL},
    {NULL, false, NULL, NULL, NULL},
};

uint64_t snnbench_eventfile_write(const struct snnbench_eventfile *format, const char *path,
                                  uint64_t count)
{
    static struct snn_camera_event events[PIECE];
    struct scene scene = {.random = 1, .noise = format->noise};
    struct snnbench_writer writer = {.file = fopen(path, "wb")};
    if (writer.file == NULL) {
        perror(path);
        return 0;
    }
    format->begin(&writer);
    for (uint64_t done = 0; done < count;) {
        const size_t n = count - done < PIECE ? (size_t)(count - done) : PIECE;
        for (size_t i = 0; i < n; i++)
            events[i] = next_event(&scene);
        format->write(&writer, events, n);
        done += n;
    }
    if (format->end != NULL) format->end(&writer);
    const long size = ftell(writer.file);
    const bool failed = ferror(writer.file) != 0;
    if (fclose(writer.file) != 0 || failed || size <= 0) {
        perror(path);
        return 0;
    }
    return (uint64_t)size;
}
