/* Recordings of N-MNIST (.bin) and of SLAYER's copies of them (.bs2): five bytes an event,
 *
 *     byte   0        1        2               3           4
 *            x        y        p tttttttt...   (23 bits of time in microseconds, big-endian)
 *
 * In the original files an event with y = 240 is no event: the sensor's timer wrapped, and 2^13 us
 * are added to all that follow. There is no magic; that times never run backwards and addresses
 * stay on a small sensor is what tells these files from others.
 * Source: Orchard et al., "Converting static image datasets to spiking neuromorphic datasets using
 * saccades", Frontiers in Neuroscience 9 (2015), and the reader that goes with the data set.
 */
#include "libsnn/base/error.h"
#include "libsnn/stream/format.h"

enum { EVENT_SIZE = 5, WRAP_Y = 240, WRAP_US = 8192, SIDE_MAX = 240, SURENESS = 30 };

struct state {
    uint64_t wrapped_us;
};

static uint32_t time_of(const unsigned char *event)
{
    return (event[2] & 0x7fu) << 16 | (uint32_t)event[3] << 8 | event[4];
}

/* Any five letters would pass for an event. */
static bool is_text(const unsigned char *head, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if ((head[i] < ' ' || head[i] > '~') && head[i] != '\n' && head[i] != '\r' &&
            head[i] != '\t')
            return false;
    }
    return true;
}

static int probe(const unsigned char *head, size_t size, uint64_t file_size)
{
    uint32_t before = 0;
    if (file_size % EVENT_SIZE != 0 || is_text(head, size)) return 0;
    for (size_t at = 0; size - at >= EVENT_SIZE; at += EVENT_SIZE) {
        const uint32_t time = time_of(head + at);
        if (head[at] >= SIDE_MAX || head[at + 1] > WRAP_Y) return 0;
        if (head[at + 1] == WRAP_Y) return SURENESS; /* times begin anew */
        if (time < before) return 0;
        before = time;
    }
    return size >= EVENT_SIZE ? SURENESS : 0;
}

static int decode(void *state, struct snn_context *context, struct snnstream_window *window,
                  struct snnstream_batch *out)
{
    struct state *s = state;
    const unsigned char *event = window->bytes;
    size_t left = window->size, count = 0;
    for (; left >= EVENT_SIZE && count < out->room; event += EVENT_SIZE, left -= EVENT_SIZE) {
        if (event[1] == WRAP_Y) {
            s->wrapped_us += WRAP_US;
            continue;
        }
        out->items[count++] = (struct snn_camera_event){s->wrapped_us + time_of(event), event[0],
                                                        event[1], (uint8_t)(event[2] >> 7)};
    }
    out->count = count;
    window->taken = window->size - left;
    if (!window->last || left == 0 || left >= EVENT_SIZE) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "byte %llu: an event of %d bytes is cut off",
                        (unsigned long long)(window->offset + window->taken), EVENT_SIZE);
}

const struct snnstream_format_ops snnstream_nmnist_format = {
    .name = "N-MNIST",
    .summary = "N-MNIST recordings (.bin, .bs2)",
    .state_size = sizeof(struct state),
    .probe = probe,
    .decode = decode,
};
