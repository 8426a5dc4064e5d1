/* A chip program as the memories of a device: register records and bytes of each core, as they go
 * over the wire (docs/formats/wire.md, "Records"). A pure function of the program; who writes them
 * where is load.c.
 */
#ifndef SNN_DEVICE_DYNAPCNN_RECORDS_H
#define SNN_DEVICE_DYNAPCNN_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libsnn/base/memory.h"
#include "libsnn/wire/message.h"
#include "snn/program.h"

#define SNNDEV_REGIONS 4u /* registers, kernel, bias, neurons */

/* One memory, as it is to be. */
struct snndev_memory {
    const uint8_t *bytes; /* borrowed from the program, or in the arena */
    uint32_t size;        /* 0: not used */
};

/* Memories of one core, by enum snnwire_region; of a core that is not used the registers only. */
struct snndev_core_memories {
    uint8_t index; /* on the chip, or SNNWIRE_CHIP */
    bool used;
    struct snndev_memory regions[SNNDEV_REGIONS];
};

/* The chip's registers, then its cores in their order on the chip. */
struct snndev_records {
    const struct snndev_core_memories *cores; /* [core_count] */
    uint32_t core_count;                      /* all of the chip, and one for the chip itself */
};

/* In the arena, for as long as the program. `monitor`: every core's spikes come to the host, too.
 * Errors: LIMIT (a register or memory that the wire has no room for), NOMEM. */
int snndev_records_make(struct snndev_records *out, struct snn_context *context,
                        struct snnbase_arena *arena, const struct snn_program *program,
                        bool monitor);

/* "registers", "kernel", "bias", "neurons". */
const char *snndev_region_name(unsigned region);

#endif
