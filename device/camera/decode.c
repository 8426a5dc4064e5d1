/* Transfers of event cameras to events, see camera.h and docs/formats/cameras.md.
 *
 * Facts are those of the vendor's public library (iniVation libcaer: src/dvs128.c, davis_common.h,
 * dynapse.c, timestamps.h), as read there; no line is from it.
 */
#include <ctype.h>
#include <string.h>

#include "device/camera/camera.h"
#include "libsnn/wire/bytes.h"

#define WORD_TIME 0x8000u
#define DATA_MASK 0x0fffu
#define WRAP_US 0x8000u        /* of a counter of 15 bits */
#define DVS128_WRAP_US 0x4000u /* of 14 bits */
#define DVS128_SIDE 128u

enum {
    CODE_SPECIAL = 0,
    CODE_ROW = 1,
    CODE_OFF = 2,
    CODE_ON = 3,
    CODE_WRAP = 7,
    SPECIAL_RESET = 1
};

enum snndev_camera_format snndev_camera_format_of(const char *uri)
{
    static const struct {
        const char *product;
        enum snndev_camera_format format;
    } known[] = {{"usb:152a:8400", SNNDEV_CAMERA_DVS128},
                 {"usb:152a:841a", SNNDEV_CAMERA_DAVIS},
                 {"usb:152a:841b", SNNDEV_CAMERA_DAVIS},
                 {"usb:152a:841d", SNNDEV_CAMERA_DYNAPSE}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *product = known[i].product;
        size_t at = 0;
        while (product[at] != '\0' && tolower((unsigned char)uri[at]) == product[at])
            at++;
        if (product[at] == '\0' && (uri[at] == '\0' || uri[at] == ':')) return known[i].format;
    }
    return SNNDEV_CAMERA_NONE;
}

void snndev_camera_lost(struct snndev_camera *camera)
{
    camera->residue_size = 0;
    camera->has_y = false;
}

/* ---- Time ---- */

static void set_time(struct snndev_camera *camera, uint64_t time_us)
{
    if (time_us < camera->time_us)
        camera->faults++;
    else
        camera->time_us = time_us;
}

static void wrap(struct snndev_camera *camera, uint64_t by_us)
{
    camera->wrapped_us += by_us;
    set_time(camera, camera->wrapped_us);
}

/* The device's counter begins anew. */
static void reset(struct snndev_camera *camera)
{
    camera->wrapped_us = camera->time_us;
}

/* ---- Words ---- */

static bool emit(const struct snndev_camera *camera, uint32_t x, uint32_t y, unsigned polarity,
                 struct snn_camera_event *out)
{
    *out = (struct snn_camera_event){camera->time_us, (uint16_t)x, (uint16_t)y, (uint8_t)polarity};
    return true;
}

static bool take_davis(struct snndev_camera *camera, unsigned code, unsigned data,
                       struct snn_camera_event *out)
{
    if (code == CODE_ROW) {
        camera->y = (uint16_t)data;
        camera->has_y = true;
        return false;
    }
    if (code != CODE_OFF && code != CODE_ON) {
        camera->others++;
        return false;
    }
    if (camera->has_y) return emit(camera, data, camera->y, code == CODE_ON, out);
    camera->faults++;
    return false;
}

/* Chips count from 1 on their way out. */
static bool take_dynapse(struct snndev_camera *camera, unsigned code, unsigned data,
                         struct snn_camera_event *out)
{
    static const int8_t cores[8] = {-1, 0, 1, -1, -1, 2, 3, -1};
    const unsigned chip = (data & 0xfu) - 1u, neuron = data >> 4;
    if (cores[code] >= 0 && chip < 4)
        return emit(camera, neuron, chip * 4u + (unsigned)cores[code], 1, out);
    camera->faults++;
    return false;
}

/* One word of 16 bits; whether it was an event. */
static bool take_word(struct snndev_camera *camera, uint16_t word, struct snn_camera_event *out)
{
    const unsigned code = word >> 12 & 7u, data = word & DATA_MASK;
    if ((word & WORD_TIME) != 0) {
        set_time(camera, camera->wrapped_us + (word & (WORD_TIME - 1u)));
        return false;
    }
    if (code == CODE_WRAP) {
        wrap(camera, (uint64_t)data * WRAP_US);
        return false;
    }
    if (code == CODE_SPECIAL) {
        if (data == SPECIAL_RESET)
            reset(camera);
        else if (data == 0)
            camera->faults++;
        else
            camera->others++;
        return false;
    }
    return camera->format == SNNDEV_CAMERA_DAVIS ? take_davis(camera, code, data, out)
                                                 : take_dynapse(camera, code, data, out);
}

/* Address and time, 16 bits each. The sensor sees the world mirrored twice, and OFF as 1. */
static bool take_dvs128(struct snndev_camera *camera, const uint8_t *bytes,
                        struct snn_camera_event *out)
{
    const unsigned address = snnwire_get16(bytes), time = snnwire_get16(bytes + 2);
    if ((time & 0x8000u) != 0) {
        wrap(camera, DVS128_WRAP_US);
        return false;
    }
    if ((time & 0x4000u) != 0) {
        reset(camera);
        return false;
    }
    set_time(camera, camera->wrapped_us + time);
    if ((address & 0x8000u) != 0) {
        camera->others++;
        return false;
    }
    const unsigned x = address >> 1 & 0x7fu, y = address >> 8 & 0x7fu;
    return emit(camera, DVS128_SIDE - 1 - x, DVS128_SIDE - 1 - y, (address & 1u) == 0, out);
}

size_t snndev_camera_decode(struct snndev_camera *camera, const uint8_t *bytes, size_t size,
                            size_t *used_out, struct snn_camera_event *events, size_t room)
{
    const uint32_t unit = camera->format == SNNDEV_CAMERA_DVS128 ? 4 : 2;
    size_t count = 0, used = 0;
    while (count < room && used < size) {
        while (camera->residue_size < unit && used < size)
            camera->residue[camera->residue_size++] = bytes[used++];
        if (camera->residue_size < unit) break;
        camera->residue_size = 0;
        count += unit == 4 ? take_dvs128(camera, camera->residue, &events[count])
                           : take_word(camera, snnwire_get16(camera->residue), &events[count]);
    }
    *used_out = used;
    return count;
}
