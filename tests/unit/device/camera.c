/* Cameras' bytes to events: words made by hand from docs/formats/cameras.md. */
#include <criterion/criterion.h>
#include <string.h>

#include "device/camera/camera.h"

enum { ROOM = 64 };

static struct snndev_camera camera;
static struct snn_camera_event events[ROOM];
static size_t count;

static void begin(enum snndev_camera_format format)
{
    camera = (struct snndev_camera){.format = format};
    count = 0;
}

static void feed(const uint8_t *bytes, size_t size)
{
    size_t used = 0;
    count += snndev_camera_decode(&camera, bytes, size, &used, events + count, ROOM - count);
    cr_assert_eq(used, size);
}

static void words(const uint16_t *values, size_t size)
{
    for (size_t i = 0; i < size / sizeof(*values); i++) {
        const uint8_t bytes[2] = {(uint8_t)values[i], (uint8_t)(values[i] >> 8)};
        feed(bytes, 2);
    }
}

#define WORDS(...) words((const uint16_t[]){__VA_ARGS__}, sizeof((const uint16_t[]){__VA_ARGS__}))

static bool is(size_t index, uint64_t time_us, unsigned x, unsigned y, unsigned polarity)
{
    const struct snn_camera_event *e = &events[index];
    return index < count && e->time_us == time_us && e->x == x && e->y == y &&
           e->polarity == polarity;
}

Test(camera, devices_are_told_by_their_numbers)
{
    cr_assert_eq(snndev_camera_format_of("usb:152a:8400"), SNNDEV_CAMERA_DVS128);
    cr_assert_eq(snndev_camera_format_of("usb:152A:841A"), SNNDEV_CAMERA_DAVIS);
    cr_assert_eq(snndev_camera_format_of("usb:152a:841b:00000123"), SNNDEV_CAMERA_DAVIS);
    cr_assert_eq(snndev_camera_format_of("usb:152a:841d"), SNNDEV_CAMERA_DYNAPSE);
    cr_assert_eq(snndev_camera_format_of("usb:152a:841dd"), SNNDEV_CAMERA_NONE);
    cr_assert_eq(snndev_camera_format_of("usb:152a:84"), SNNDEV_CAMERA_NONE);
    cr_assert_eq(snndev_camera_format_of("usb:1209:0001"), SNNDEV_CAMERA_NONE);
    cr_assert_eq(snndev_camera_format_of(""), SNNDEV_CAMERA_NONE);
}

Test(camera, a_row_holds_for_the_columns_behind_it)
{
    begin(SNNDEV_CAMERA_DAVIS);
    /* time 5; row 100; ON at 3, OFF at 345; time 6, row 0, ON at 3 */
    WORDS(0x8005, 0x1064, 0x3003, 0x2159, 0x8006, 0x1000, 0x3003);
    cr_assert(count == 3 && camera.faults == 0);
    cr_assert(is(0, 5, 3, 100, 1) && is(1, 5, 345, 100, 0) && is(2, 6, 3, 0, 1));
}

Test(camera, a_column_without_a_row_is_a_fault)
{
    begin(SNNDEV_CAMERA_DAVIS);
    WORDS(0x8005, 0x3003);
    cr_assert(count == 0 && camera.faults == 1);
    WORDS(0x1001, 0x3003);
    snndev_camera_lost(&camera);
    WORDS(0x3003);
    cr_assert(count == 1 && camera.faults == 2);
}

Test(camera, wraps_add_up_for_ever)
{
    begin(SNNDEV_CAMERA_DAVIS);
    WORDS(0x1001, 0xffff, 0x3001, 0x7001, 0x8000, 0x3001);
    cr_assert(is(0, 32767, 1, 1, 1) && is(1, 32768, 1, 1, 1));
    /* 4095 wraps at once, so often that a counter of 32 bits would overflow: 40 x 4095 x 32768 us
     */
    for (int i = 0; i < 40; i++)
        WORDS(0x7fff);
    WORDS(0x8007, 0x3001);
    cr_assert(is(2, 32768 + UINT64_C(40) * 4095 * 32768 + 7, 1, 1, 1) && camera.faults == 0);
}

Test(camera, after_a_reset_time_goes_on)
{
    begin(SNNDEV_CAMERA_DAVIS);
    WORDS(0x7002, 0x8064, 0x0001, 0x1001, 0x8005, 0x3001);
    cr_assert(is(0, 65536 + 100 + 5, 1, 1, 1) && camera.faults == 0);
}

Test(camera, time_that_goes_back_is_a_fault_and_stays)
{
    begin(SNNDEV_CAMERA_DAVIS);
    WORDS(0x1001, 0x8064, 0x8063, 0x3001);
    cr_assert(is(0, 100, 1, 1, 1) && camera.faults == 1);
}

Test(camera, frames_and_motion_are_no_events)
{
    begin(SNNDEV_CAMERA_DAVIS);
    /* external input, frame start, a frame's sample, motion, exposure */
    WORDS(0x0002, 0x0008, 0x41ff, 0x5012, 0x6012);
    cr_assert(count == 0 && camera.others == 5 && camera.faults == 0);
}

Test(camera, words_may_be_cut_anywhere)
{
    static const uint8_t bytes[] = {0x05, 0x80, 0x64, 0x10, 0x03, 0x30, 0x59, 0x21};
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        begin(SNNDEV_CAMERA_DAVIS);
        feed(bytes, cut);
        feed(bytes + cut, sizeof(bytes) - cut);
        cr_assert(is(0, 5, 3, 100, 1) && is(1, 5, 345, 100, 0), "cut at %zu", cut);
    }
}

Test(camera, a_full_room_leaves_the_rest)
{
    static const uint8_t bytes[] = {0x01, 0x10, 0x03, 0x30, 0x04, 0x30, 0x05, 0x30};
    size_t used = 0;
    begin(SNNDEV_CAMERA_DAVIS);
    cr_assert_eq(snndev_camera_decode(&camera, bytes, sizeof(bytes), &used, events, 2), 2);
    cr_assert_eq(used, 6);
    cr_assert_eq(snndev_camera_decode(&camera, bytes + used, 2, &used, events, 2), 1);
    cr_assert_eq(events[0].x, 5);
}

Test(camera, dynapse_tells_chip_core_and_neuron)
{
    begin(SNNDEV_CAMERA_DYNAPSE);
    /* time 9; core 0 of chip 0 (1), neuron 0x12; cores 1, 2, 3 (codes 2, 5, 6) of chip 3 (4) */
    WORDS(0x8009, 0x1121, 0x2ff4, 0x5004, 0x6014);
    cr_assert(count == 4 && camera.faults == 0);
    cr_assert(is(0, 9, 0x12, 0, 1) && is(1, 9, 0xff, 13, 1) && is(2, 9, 0, 14, 1) &&
              is(3, 9, 1, 15, 1));
    /* codes 3 and 4, chips 0 and 5 on the wire, do not exist */
    WORDS(0x3121, 0x4121, 0x1120, 0x1125);
    cr_assert(count == 4 && camera.faults == 4);
}

Test(camera, dvs128_is_mirrored_and_says_off_as_one)
{
    /* address 0: the corner opposite, ON; x 3, y 100, OFF: 100 << 8 | 3 << 1 | 1; a signal */
    static const uint8_t bytes[] = {0x00, 0x00, 0x05, 0x00, 0x07, 0x64,
                                    0x06, 0x00, 0x00, 0x80, 0x07, 0x00};
    begin(SNNDEV_CAMERA_DVS128);
    feed(bytes, sizeof(bytes));
    cr_assert(count == 2 && camera.others == 1 && camera.faults == 0);
    cr_assert(is(0, 5, 127, 127, 1) && is(1, 6, 124, 27, 0));
}

Test(camera, dvs128_wraps_at_fourteen_bits)
{
    static const uint8_t wrap[] = {0, 0, 0, 0x80}, reset[] = {0, 0, 0, 0x40};
    static const uint8_t event[] = {0, 0, 1, 0};
    begin(SNNDEV_CAMERA_DVS128);
    for (int i = 0; i < 3; i++)
        feed(wrap, 4);
    feed(event, 4);
    feed(reset, 4);
    feed(event, 4);
    cr_assert(is(0, 3 * 16384 + 1, 127, 127, 1) && is(1, 3 * 16384 + 2, 127, 127, 1));
}
