/* Endpoint 0 of a virtual chip: descriptors that fit together as chapter 9 of USB 2.0 wants them,
 * the requests that a host makes of any device, and vendor requests.
 */
#include "device/vchip/usbdevice.h"

#include <criterion/criterion.h>
#include <string.h>

#include "libsnn/wire/bytes.h"
#include "snn/status.h"
#include "tests/unit/device/chip.h"
#include "tests/unit/support.h"

static struct snndev_port *port;
static struct snndev_usbdevice device;
static uint8_t data[65536];

static void begin(void)
{
    chip_begin();
    chip_plug(NULL);
    cr_assert_eq(snndev_port_create(&port, support_context(), chip, NULL), SNN_OK);
    device = (struct snndev_usbdevice){.port = port, .serial = "VIRT0001"};
}

static void end(void)
{
    snndev_port_destroy(&port);
    chip_end();
}

TestSuite(usbdevice, .init = begin, .fini = end);

/* The bytes that came, or -1 for a stall. */
static int control(uint8_t type, uint8_t request, uint16_t value, uint16_t index, uint16_t length)
{
    uint8_t setup[8] = {type, request};
    size_t actual = 99;
    snnwire_put16(setup + 2, value);
    snnwire_put16(setup + 4, index);
    snnwire_put16(setup + 6, length);
    const enum snndev_outcome outcome = snndev_usb_control(&device, setup, data, &actual);
    if (outcome == SNNDEV_COMPLETED) return (int)actual;
    cr_assert_eq(outcome, SNNDEV_STALLED);
    cr_assert_eq(actual, 0);
    return -1;
}

/* Parts of a descriptor follow each other to its end; how many are of that type. */
static unsigned count_parts(size_t size, uint8_t type)
{
    unsigned count = 0;
    size_t at = 0;
    while (at < size) {
        cr_assert_geq(data[at], 2);
        count += data[at + 1] == type;
        at += data[at];
    }
    cr_assert_eq(at, size);
    return count;
}

Test(usbdevice, descriptors_fit_together)
{
    for (int fast = 0; fast < 2; fast++) {
        device.superspeed = fast == 1;
        cr_assert_eq(control(0x80, 6, 1 << 8, 0, 64), 18);
        cr_assert_eq(data[0], 18);
        cr_assert_eq(snnwire_get16(data + 2), fast ? 0x0300 : 0x0210);
        cr_assert_eq(data[7], fast ? 9 : 64);
        cr_assert_eq(snnwire_get16(data + 8), 0x1209);
        cr_assert_eq(snnwire_get16(data + 10), 0x0001);
        cr_assert_eq(data[17], 1);
        const int size = control(0x80, 6, 2 << 8, 0, 255);
        cr_assert_eq(size, snnwire_get16(data + 2), "wTotalLength");
        cr_assert_eq(count_parts((size_t)size, 4), 1, "one interface");
        cr_assert_eq(count_parts((size_t)size, 5), 2, "two endpoints");
        cr_assert_eq(count_parts((size_t)size, 48), fast ? 2 : 0);
        cr_assert_eq(data[9 + 5], 0xff, "of the vendor's class");
        cr_assert_eq(data[18 + 2], 0x01);
        cr_assert_eq(snnwire_get16(data + 18 + 4), fast ? 1024 : 512);
        cr_assert_eq(control(0x80, 6, 2 << 8, 0, 9), 9, "a host asks for its head first");
        const int bos = control(0x80, 6, 15 << 8, 0, 255);
        cr_assert_eq(bos, snnwire_get16(data + 2));
        cr_assert_eq(count_parts((size_t)bos, 16), data[4], "device capabilities");
    }
}

Test(usbdevice, strings_are_utf_16)
{
    static const char *const texts[] = {NULL, "libsnn", "libsnn virtual chip", "VIRT0001"};
    cr_assert_eq(control(0x80, 6, 3 << 8, 0, 255), 4);
    cr_assert_eq(snnwire_get16(data + 2), 0x0409);
    for (uint16_t i = 1; i < 4; i++) {
        const int size = control(0x80, 6, (uint16_t)(3 << 8 | i), 0x0409, 255);
        cr_assert_eq(size, 2 + 2 * (int)strlen(texts[i]));
        cr_assert_eq(data[0], size);
        for (size_t c = 0; c < strlen(texts[i]); c++)
            cr_assert_eq(snnwire_get16(data + 2 + 2 * c), texts[i][c]);
    }
    cr_assert_eq(control(0x80, 6, 3 << 8 | 5, 0x0409, 255), -1);
    cr_assert_eq(control(0x80, 6, 3 << 8 | 255, 0x0409, 255), -1);
}

Test(usbdevice, windows_finds_its_driver)
{
    static const uint8_t compatible[] = {20, 0, 3, 0, 'W', 'I', 'N', 'U', 'S', 'B', 0, 0};
    const int bos = control(0x80, 6, 15 << 8, 0, 255);
    const uint8_t *capability = data + bos - 28;
    const uint8_t code = capability[26];
    const uint16_t length = snnwire_get16(capability + 24);
    cr_assert_eq(capability[2], 5, "a platform's");
    cr_assert_eq(control(0xc0, code, 0, 7, 4096), length);
    cr_assert_eq(snnwire_get16(data + 8), length);
    cr_assert_arr_eq(data + 10, compatible, sizeof(compatible));
    cr_assert_eq(snnwire_get16(data + 30), length - 30, "a registry property to the end");
    cr_assert_eq(control(0xc0, code, 0, 6, 4096), -1);
}

Test(usbdevice, configuration_is_set_and_told)
{
    cr_assert_eq(control(0x80, 8, 0, 0, 1), 1);
    cr_assert_eq(data[0], 0);
    cr_assert_eq(control(0x00, 9, 2, 0, 0), -1);
    cr_assert_eq(control(0x00, 9, 1, 0, 0), 0);
    cr_assert_eq(control(0x80, 8, 0, 0, 1), 1);
    cr_assert_eq(data[0], 1);
    cr_assert_eq(control(0x81, 10, 0, 0, 1), 1);
    cr_assert_eq(data[0], 0);
    cr_assert_eq(control(0x01, 11, 0, 0, 0), 0);
    cr_assert_eq(control(0x01, 11, 1, 0, 0), -1, "no other setting");
    cr_assert_eq(control(0x80, 0, 0, 0, 2), 2);
    cr_assert_eq(data[0], 1, "self-powered");
}

Test(usbdevice, endpoint_halts_and_goes_on)
{
    size_t actual = 0;
    cr_assert_eq(control(0x02, 3, 0, 0x81, 0), -1, "not yet configured");
    cr_assert_eq(control(0x00, 9, 1, 0, 0), 0);
    cr_assert_eq(control(0x02, 3, 0, 0x81, 0), 0);
    cr_assert_eq(control(0x82, 0, 0, 0x81, 2), 2);
    cr_assert_eq(data[0], 1);
    cr_assert_eq(control(0x82, 0, 0, 0x01, 2), 2);
    cr_assert_eq(data[0], 0);
    cr_assert_eq(snndev_port_give(port, data, 512, 512, &actual), SNNDEV_STALLED);
    cr_assert_eq(control(0x02, 1, 0, 0x81, 0), 0);
    cr_assert_eq(snndev_port_give(port, data, 512, 512, &actual), SNNDEV_COMPLETED);
    cr_assert_eq(control(0x82, 0, 0, 0x82, 2), -1, "no such endpoint");
    cr_assert_eq(control(0x02, 3, 0, 0x01, 0), 0);
    cr_assert_eq(control(0x00, 9, 1, 0, 0), 0, "a configuration clears halts");
    cr_assert_eq(snndev_port_take(port, data, 0, &actual), SNNDEV_COMPLETED);
}

Test(usbdevice, what_a_device_has_not_is_stalled)
{
    cr_assert_eq(control(0x80, 6, 6 << 8, 0, 10), -1, "device qualifier");
    cr_assert_eq(control(0x80, 6, 1 << 8 | 1, 0, 18), -1);
    cr_assert_eq(control(0x80, 7, 0, 0, 0), -1);
    cr_assert_eq(control(0x80, 200, 0, 0, 64), -1);
    cr_assert_eq(control(0xa1, 1, 0, 0, 64), -1, "of a class");
    cr_assert_eq(control(0xc1, 1, 0, 0, 64), -1, "a vendor's to the interface");
    cr_assert_eq(control(0x00, 200, 0, 0, 0), -1);
}

Test(usbdevice, vendor_requests_are_those_of_the_wire)
{
    struct snnwire_hello hello;
    struct snnwire_status status;
    cr_assert_eq(control(0xc0, SNNWIRE_CODE_HELLO, 0, 0, 64), 64);
    cr_assert(snnwire_hello_read(&hello, data, 64));
    cr_assert_str_eq(hello.chip, "speck2f");
    cr_assert_eq(control(0x40, SNNWIRE_CODE_WRITE, 0, 0, 16), -1);
    cr_assert_eq(control(0xc0, SNNWIRE_CODE_STATUS, 0, 0, 8), 8);
    cr_assert(snnwire_status_read(&status, data, 8));
    cr_assert_eq(status.error, SNNWIRE_ERROR_STATE);
    cr_assert_eq(control(0x40, SNNWIRE_CODE_BEGIN, 0, 0, 0), 0);
    memset(data, 0, 16);
    data[0] = 1;
    cr_assert_eq(control(0x40, SNNWIRE_CODE_WRITE, 3, 0, 16), 16);
    cr_assert_eq(control(0xc0, SNNWIRE_CODE_READ, 3, 0, 16), 16);
    cr_assert_eq(data[0], 1);
    cr_assert_eq(control(0xc0, SNNWIRE_CODE_READ, 0, 0, 4097), -1, "more than a payload");
    cr_assert_eq(control(0x40, SNNWIRE_CODE_WRITE, 0, 0, 65535), -1);
}
