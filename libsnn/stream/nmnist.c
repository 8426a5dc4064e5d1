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
#include "libsnn/stream/recording.h"

enum { EVENT_SIZE = 5, WRAP_Y = 240, WRAP_US = 8192, SIDE_MAX = 240, SURENESS = 30 };

static uint32_t time_of(const unsigned char *event)
{
    return (event[2] & 0x7fu) << 16 | (uint32_t)event[3] << 8 | event[4];
}

static int probe(const unsigned char *bytes, size_t size)
{
    uint32_t before = 0;
    if (size == 0 || size % EVENT_SIZE != 0) return 0;
    for (size_t at = 0; at < size; at += EVENT_SIZE) {
        uint32_t time = time_of(bytes + at);
        if (bytes[at] >= SIDE_MAX || bytes[at + 1] > WRAP_Y) return 0;
        if (bytes[at + 1] == WRAP_Y) return SURENESS; /* times begin anew */
        if (time < before) return 0;
        before = time;
    }
    return SURENESS;
}

static int decode(struct snnstream_camera_events *out, struct snn_context *context,
                  const char *path, const struct snnbase_buffer *bytes)
{
    uint64_t base = 0, before = 0;
    if (bytes->size % EVENT_SIZE != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%s: byte %zu: an event of %d bytes is cut off", path,
                            bytes->size - bytes->size % EVENT_SIZE, EVENT_SIZE);
    for (size_t at = 0; at < bytes->size; at += EVENT_SIZE) {
        const unsigned char *event = bytes->data + at;
        uint64_t time = base + time_of(event);
        if (event[1] == WRAP_Y) {
            base += WRAP_US;
            continue;
        }
        if (time < before)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s: byte %zu: time %llu us after %llu us",
                                path, at, (unsigned long long)time, (unsigned long long)before);
        before = time;
        const struct snnstream_camera_event camera = {time, event[0], event[1],
                                                      (uint8_t)(event[2] >> 7)};
        int status = snnstream_recording_add(out, context, camera);
        if (status != SNN_OK) return status;
    }
    return SNN_OK;
}

const struct snnstream_event_ops snnstream_nmnist_events = {
    .name = "N-MNIST",
    .summary = "N-MNIST recordings (.bin, .bs2)",
    .probe = probe,
    .decode = decode,
};
