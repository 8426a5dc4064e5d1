/* Event cameras and chips whose USB format is public (docs/formats/cameras.md): bytes of their
 * transfers to events, as pure functions of bytes and a small state. They never fail; what makes no
 * sense is skipped and counted.
 *
 * Times are 64 bits of microseconds: wraps of the device's counter add up for ever, and after a
 * reset of it time goes on from where it was. They never go back.
 */
#ifndef SNN_DEVICE_CAMERA_H
#define SNN_DEVICE_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "snn/recording.h"

enum snndev_camera_format {
    SNNDEV_CAMERA_NONE = 0,
    SNNDEV_CAMERA_DVS128 = 1,  /* 152a:8400: four bytes an event */
    SNNDEV_CAMERA_DAVIS = 2,   /* 152a:841a, 841b: 16-bit words */
    SNNDEV_CAMERA_DYNAPSE = 3, /* 152a:841d: 16-bit words; y: chip * 4 + core, x: neuron */
};

struct snndev_camera {
    enum snndev_camera_format format; /* the rest zeroed to begin with */
    uint8_t residue[4];
    uint32_t residue_size;
    uint64_t wrapped_us; /* what wraps and resets add to the device's counter */
    uint64_t time_us;
    uint16_t y; /* DAVIS: row of the events that follow */
    bool has_y;
    uint64_t others; /* samples of frames, motion and signals, which are no events */
    uint64_t faults; /* words that make no sense, times that went back */
};

/* Of a device's URI ("usb:152a:841b", "usb:152A:841B:0001"); NONE: no camera that is known. */
enum snndev_camera_format snndev_camera_format_of(const char *uri);
/* Decodes until the bytes are taken or the room is full; returns the events, sets *used_out. A
 * word that is cut off waits for its rest. */
size_t snndev_camera_decode(struct snndev_camera *camera, const uint8_t *bytes, size_t size,
                            size_t *used_out, struct snn_camera_event *events, size_t room);
/* Bytes were lost: half a word is given up, and a row has to come anew. */
void snndev_camera_lost(struct snndev_camera *camera);

#endif
