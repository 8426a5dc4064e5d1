/* A virtual chip under test: requests by their fields, programs as registers, a stream written and
 * read by the wire's codec. What goes wrong on the way fails the test.
 */
#ifndef TESTS_UNIT_DEVICE_CHIP_H
#define TESTS_UNIT_DEVICE_CHIP_H

#include "device/vchip/vchip.h"
#include "snn/program.h"

enum { CHIP_ITEMS_MAX = 1 << 16, CHIP_BYTES_MAX = 1 << 20 };

extern struct snndev_vchip *chip;

/* For .init and .fini of a suite, with support_begin and support_end in them. */
void chip_begin(void);
void chip_end(void);

/* Plugs a chip in; NULL: speck2f, as it comes. */
void chip_plug(const struct snndev_vchip_options *options);
/* The same for the profile that the program has. */
void chip_plug_for(const struct snn_program *program, struct snndev_vchip_options options);

/* A request without data; the error that STATUS tells, and its detail. */
enum snnwire_error chip_ask(uint8_t code, uint8_t core, uint8_t region);
uint32_t chip_detail(void);
/* With data. */
enum snnwire_error chip_write(uint8_t core, uint8_t region, uint32_t offset, const void *data,
                              uint32_t size);
enum snnwire_error chip_read(uint8_t core, uint8_t region, uint32_t offset, void *data,
                             uint32_t size);
/* Of any length. */
void chip_write_all(uint8_t core, uint8_t region, const uint8_t *data, size_t size);
struct snnwire_statistics chip_statistics(void);

/* The records that say what a core of a program does. Monitors are off. */
struct snnwire_core chip_core_record(const struct snn_core *core);
struct snnwire_chip chip_record(const struct snn_program *program);
/* BEGIN and all of the program, with monitors for the cores of that mask; then COMMIT, which is
 * asked for in the second form, and RESET. */
void chip_configure(const struct snn_program *program, uint32_t monitored);
void chip_load(const struct snn_program *program, uint32_t monitored);

/* The stream to the chip: written, then sent with a CHECK behind it. */
void chip_put_event(uint64_t time_us, uint16_t feature, uint8_t y, uint8_t x);
void chip_put_mark(enum snnwire_mark mark, uint32_t value);
void chip_send(void);
/* The same in pieces of so many bytes. */
void chip_send_pieces(size_t piece);
/* The stream from the chip, read until it rests, into chip_items. Nothing may be unchecked. */
extern struct snnwire_item chip_items[CHIP_ITEMS_MAX];
extern size_t chip_item_count;
void chip_receive(void);
/* Reads so many bytes only. */
void chip_receive_some(size_t bytes);

/* Item `i` is this mark, or an event. */
void chip_is_mark(size_t i, enum snnwire_mark mark, uint32_t argument, uint32_t value);
void chip_is_event(size_t i, uint64_t time_us, uint16_t layer, uint16_t feature);

#endif
