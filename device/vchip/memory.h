/* Memories of a virtual chip: registers, kernels, biases and neurons of every core, as requests
 * write and read them, byte for byte; and the chip program that they add up to.
 *
 * How large a region is follows from the registers of its core, up to what the profile has; what it
 * holds stays when they change. Nothing here runs anything.
 */
#ifndef SNN_DEVICE_VCHIP_MEMORY_H
#define SNN_DEVICE_VCHIP_MEMORY_H

#include "libsnn/base/memory.h"
#include "libsnn/wire/message.h"
#include "snn/program.h"

struct snndev_core_memory {
    uint8_t registers[SNNWIRE_CORE_BYTES];
    struct snnwire_core core; /* the same, decoded */
    uint8_t *kernel, *bias, *neuron;
};

struct snndev_memory {
    struct snnbase_arena arena;
    const struct snn_chip *chip; /* borrowed */
    uint8_t registers[SNNWIRE_CHIP_BYTES];
    struct snnwire_chip set; /* the same, decoded */
    struct snndev_core_memory *cores;
};

/* All zero. Errors: NOMEM; fini in any case. */
int snndev_memory_init(struct snndev_memory *memory, struct snn_context *context,
                       const struct snn_chip *chip);
void snndev_memory_fini(struct snndev_memory *memory);

/* Errors: UNKNOWN, RANGE; INVALID: registers that no writer makes, and nothing changes. */
enum snnwire_error snndev_memory_write(struct snndev_memory *memory,
                                       const struct snnwire_request *request, const uint8_t *data);
enum snnwire_error snndev_memory_read(const struct snndev_memory *memory,
                                      const struct snnwire_request *request, uint8_t *data);
enum snnwire_error snndev_memory_crc(const struct snndev_memory *memory,
                                     const struct snnwire_request *request, uint32_t *crc_out);

/* The program that the enabled cores are, checked as the chip would. *core_out is set where a core
 * is at fault, else to SNNWIRE_CHIP. Errors: INVALID, LIMIT, NOMEM. */
int snndev_memory_program(const struct snndev_memory *memory, struct snn_context *context,
                          struct snn_program **out, uint32_t *core_out);

#endif
