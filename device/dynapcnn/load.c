/* Loading: the memories of a chip program onto a device. What its CRC says is right already stays;
 * the rest is written and verified, and the registers are read back, before the configuration is
 * put in force.
 *
 * Registers come first: they say how large the other memories are.
 */
#include <string.h>
#include <time.h>

#include "device/device.h"
#include "device/dynapcnn/records.h"
#include "libsnn/base/error.h"

struct loader {
    struct snn_context *context;
    struct snn_device *device;
    struct snndev_link *link;
    struct snn_device_load_report report;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int request(struct loader *l, const struct snnwire_request *r, uint8_t *data,
                   uint32_t *size_out)
{
    return snndev_link_request(l->link, l->context, r, data, size_out);
}

/* "core 3, kernel: ", or of the chip. */
static int where(struct loader *l, const struct snndev_core_memories *core, unsigned region,
                 int status)
{
    if (core->index == SNNWIRE_CHIP)
        snnbase_where(l->context, "chip, %s", snndev_region_name(region));
    else
        snnbase_where(l->context, "core %u, %s", core->index, snndev_region_name(region));
    return status;
}

static int ask_crc(struct loader *l, const struct snndev_core_memories *core, unsigned region,
                   uint32_t *crc_out)
{
    uint8_t bytes[4];
    uint32_t size = 0;
    const struct snnwire_request r = {.code = SNNWIRE_CODE_CRC,
                                      .in = true,
                                      .core = core->index,
                                      .region = (uint8_t)region,
                                      .size = sizeof(bytes)};
    int status = request(l, &r, bytes, &size);
    if (status == SNN_OK && size != sizeof(bytes))
        status = snnbase_fail(l->context, SNN_ERR_PROTOCOL, "a CRC of %u bytes", size);
    if (status != SNN_OK) return where(l, core, region, status);
    *crc_out = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
               (uint32_t)bytes[3] << 24;
    l->report.bytes_verified += core->regions[region].size;
    return SNN_OK;
}

static int write_memory(struct loader *l, const struct snndev_core_memories *core, unsigned region)
{
    const struct snndev_memory *memory = &core->regions[region];
    uint8_t data[SNNWIRE_PAYLOAD_MAX];
    int status = SNN_OK;
    for (uint32_t at = 0; status == SNN_OK && at < memory->size;) {
        const uint32_t left = memory->size - at;
        const uint32_t size = left < SNNWIRE_PAYLOAD_MAX ? left : SNNWIRE_PAYLOAD_MAX;
        const struct snnwire_request r = {.code = SNNWIRE_CODE_WRITE,
                                          .core = core->index,
                                          .region = (uint8_t)region,
                                          .offset = at,
                                          .size = size};
        memcpy(data, memory->bytes + at, size);
        status = request(l, &r, data, NULL);
        at += size;
    }
    if (status != SNN_OK) return where(l, core, region, status);
    l->report.bytes_written += memory->size;
    return SNN_OK;
}

static int refuse_content(struct loader *l, const struct snndev_core_memories *core,
                          unsigned region, uint32_t expected, uint32_t read)
{
    snnbase_fail(l->context, SNN_ERR_PROTOCOL,
                 "was written and reads back wrong: CRC %08x, expected %08x", read, expected);
    snnbase_hint(l->context, "load again; a device that stays so has a defect");
    return where(l, core, region, SNN_ERR_PROTOCOL);
}

/* Writes a memory where it differs, and holds what is there then against what was meant. */
static int bring(struct loader *l, const struct snndev_core_memories *core, unsigned region,
                 bool *written)
{
    const struct snndev_memory *memory = &core->regions[region];
    uint32_t read = 0;
    if (memory->size == 0) return SNN_OK;
    const uint32_t expected = snnwire_crc32(0, memory->bytes, memory->size);
    int status = ask_crc(l, core, region, &read);
    if (status != SNN_OK || read == expected) return status;
    *written = true;
    status = write_memory(l, core, region);
    if (status == SNN_OK) status = ask_crc(l, core, region, &read);
    if (status != SNN_OK || read == expected) return status;
    return refuse_content(l, core, region, expected, read);
}

static int compare(struct loader *l, const struct snndev_memory *meant, const uint8_t *bytes,
                   uint32_t size)
{
    if (size != meant->size)
        return snnbase_fail(l->context, SNN_ERR_PROTOCOL, "%u of %u bytes read back", size,
                            meant->size);
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] == meant->bytes[i]) continue;
        return snnbase_fail(l->context, SNN_ERR_PROTOCOL,
                            "byte %u was written and reads back wrong: %02x, expected %02x", i,
                            bytes[i], meant->bytes[i]);
    }
    return SNN_OK;
}

/* A CRC could be right by a defect of the device, and registers decide what it does. */
static int read_back(struct loader *l, const struct snndev_core_memories *core)
{
    const struct snndev_memory *registers = &core->regions[SNNWIRE_REGION_REGISTERS];
    uint8_t bytes[SNNWIRE_PAYLOAD_MAX];
    uint32_t size = 0;
    const struct snnwire_request r = {.code = SNNWIRE_CODE_READ,
                                      .in = true,
                                      .core = core->index,
                                      .region = SNNWIRE_REGION_REGISTERS,
                                      .size = registers->size};
    int status = request(l, &r, bytes, &size);
    if (status == SNN_OK) status = compare(l, registers, bytes, size);
    return status == SNN_OK ? SNN_OK : where(l, core, SNNWIRE_REGION_REGISTERS, status);
}

static int load_core(struct loader *l, const struct snndev_core_memories *core)
{
    bool written = false;
    int status = SNN_OK;
    for (unsigned region = 0; status == SNN_OK && region < SNNDEV_REGIONS; region++)
        status = bring(l, core, region, &written);
    if (status == SNN_OK) status = read_back(l, core);
    if (status != SNN_OK || !core->used || core->index == SNNWIRE_CHIP) return status;
    l->report.cores_written += written;
    l->report.cores_kept += !written;
    return SNN_OK;
}

static int step(struct loader *l, enum snnwire_code code, const char *what)
{
    const struct snnwire_request r = {.code = (uint8_t)code};
    int status = request(l, &r, NULL, NULL);
    if (status != SNN_OK) snnbase_where(l->context, "%s", what);
    return status;
}

static int load(struct loader *l, const struct snndev_records *records)
{
    int status = step(l, SNNWIRE_CODE_BEGIN, "begin of the configuration");
    for (uint32_t i = 0; status == SNN_OK && i < records->core_count; i++)
        status = load_core(l, &records->cores[i]);
    if (status == SNN_OK) status = step(l, SNNWIRE_CODE_COMMIT, "end of the configuration");
    return status == SNN_OK ? snn_device_reset(l->device, l->context) : status;
}

/* A record has room for the first characters of a long name. */
static int check_chip(struct snn_device *device, struct snn_context *context,
                      const struct snn_program *program)
{
    const struct snn_device_info *info = snn_device_about(device);
    if (strncmp(program->chip.name, info->chip, sizeof(info->chip) - 1) != 0) {
        snnbase_fail(context, SNN_ERR_INVALID, "the chip program is for %s, the device is %s",
                     program->chip.name, info->chip);
        return snnbase_hint(context, "place the net again for this chip");
    }
    if (program->chip.core_count == info->core_count) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID, "the profile of %s has %u cores, the device has %u",
                 program->chip.name, program->chip.core_count, info->core_count);
    return snnbase_hint(context, "place the net again, by the profile that the device has");
}

int snn_device_load(struct snn_device *device, struct snn_context *context,
                    const struct snn_program *program, struct snn_device_load_report *report_out)
{
    struct loader l = {.context = context, .device = device, .link = snndev_device_link(device)};
    const double begin = now();
    struct snnbase_arena arena;
    struct snndev_records records;
    int status = check_chip(device, context, program);
    if (status != SNN_OK) return status;
    snnbase_arena_init(&arena, context);
    status =
        snndev_records_make(&records, context, &arena, program, snndev_device_monitors_all(device));
    if (status == SNN_OK) status = load(&l, &records);
    snnbase_arena_fini(&arena);
    if (status != SNN_OK) return status;
    l.report.seconds = now() - begin;
    if (report_out != NULL) *report_out = l.report;
    return SNN_OK;
}
