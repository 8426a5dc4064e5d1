/* snn_emulate: a virtual chip, a port with its faults around it, and the emulator that puts it on a
 * bus. What it is made of is gone when it returns, however that comes.
 */
#include <string.h>

#include "device/vchip/emulator.h"
#include "libsnn/base/error.h"
#include "snn/device.h"

enum { SERIAL_MAX = 23, NAMES_BYTES = 160 };

static int find_emulator(struct snn_context *context, const char *as,
                         const struct snndev_emulator_ops **out)
{
    char names[NAMES_BYTES] = "";
    for (size_t i = 0; snn_emulator_table[i]; i++) {
        const char *name = snn_emulator_table[i]->name;
        if (as && strcmp(as, name) == 0) {
            *out = snn_emulator_table[i];
            return SNN_OK;
        }
        strncat(names, i > 0 ? ", " : "", sizeof names - strlen(names) - 1);
        strncat(names, name, sizeof names - strlen(names) - 1);
    }
    snnbase_fail(context, SNN_ERR_INVALID, "there is no way '%s' to emulate a chip", as ? as : "");
    return snnbase_hint(context, "one of %s", names);
}

/* What goes into the descriptors and the record HELLO. */
static int check_serial(struct snn_context *context, const char *serial)
{
    if (!serial) return SNN_OK;
    const size_t size = strlen(serial);
    bool printable = size > 0;
    for (size_t i = 0; i < size; i++)
        if (serial[i] <= ' ' || serial[i] > '~' || serial[i] == ':') printable = false;
    if (printable && size <= SERIAL_MAX) return SNN_OK;
    snnbase_fail(context, SNN_ERR_INVALID, "serial number '%s' cannot be that of a device", serial);
    return snnbase_hint(context, "1 to %d printable characters without spaces and colons",
                        SERIAL_MAX);
}

static int serve_chip(struct snn_context *context, const struct snndev_emulator_ops *emulator,
                      struct snndev_vchip *chip, const struct snndev_faults *faults,
                      const struct snn_emulate_options *options)
{
    struct snndev_port *port = NULL;
    int status = snndev_port_create(&port, context, chip, faults);
    if (status != SNN_OK) return status;
    status = emulator->serve(context, port, options);
    snndev_port_destroy(&port);
    return status;
}

int snn_emulate(struct snn_context *context, const struct snn_emulate_options *options)
{
    const struct snndev_emulator_ops *emulator = NULL;
    struct snndev_vchip *chip = NULL;
    struct snndev_faults faults;
    int status = find_emulator(context, options->as, &emulator);
    if (status == SNN_OK) status = check_serial(context, options->serial);
    if (status == SNN_OK) status = snndev_faults_parse(&faults, context, options->fault);
    if (status != SNN_OK) return status;
    const struct snndev_vchip_options wanted = {
        .chip = options->chip, .serial = options->serial, .output_words = faults.output_words};
    status = snndev_vchip_create(&chip, context, &wanted);
    if (status != SNN_OK) return status;
    snndev_vchip_ask(chip, options->go_on, options->user);
    status = serve_chip(context, emulator, chip, &faults, options);
    snndev_vchip_destroy(&chip);
    return status;
}
