/* What a person asked snndev for: verb, device, model, and the values of options.
 */
#ifndef TOOLS_SNNDEV_OPTIONS_H
#define TOOLS_SNNDEV_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/device.h"
#include "snn/net.h"
#include "snn/stream.h"
#include "tools/cli/pins.h"
#include "tools/snndev/options_table.h"

/* An address to serve on: "127.0.0.1:8080", "[::1]:8080". */
struct snndev_address {
    char host[64];
    uint16_t port;
};

struct snndev_options {
    struct snncli_console *console;
    struct snn_context *context; /* for error texts of the library */
    bool verb_given;
    enum snndev_verb verb;
    const char *uri;   /* replay: the file */
    const char *model; /* NULL: none */
    bool watch, allow_loss;
    const char *json; /* "-": standard output */
    double seconds;   /* 0: without end */
    const char *serve_text;
    struct snndev_address serve;
    const char *output, *layer, *session;
    const char *to; /* replay: the device that events go to; NULL: FILE is a session */
    struct snn_lower_options lower;
    const char *norm; /* NULL: the default */
    struct snncli_pins pins;
    const char *data, *labels; /* NULL: the model's own sample */
    uint64_t samples;          /* 0: as many as the verb takes */
    uint64_t offset;
    uint32_t timesteps;
    enum snn_encoding encoding;
    uint64_t seed;
    double dt_us;
    struct snn_device_options device;
    struct snn_emulate_options emulate;
    bool given[OPT_COUNT]; /* by enum snndev_option */
};

/* Reads the arguments. Returns SNNCLI_GO_ON or the exit status to end with. */
int snndev_options_read(struct snndev_options *options, struct snncli_console *console,
                        struct snn_context *context, int argc, char **argv);

/* "HOST:PORT" with a numeric host; false for anything else. */
bool snndev_parse_address(struct snndev_address *out, const char *text);

#endif
