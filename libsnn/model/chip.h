/* Chip profiles as JSON values: what a profile's own file and a chip program, which carries its
 * profile along, have in common (docs/formats/chip.md).
 */
#ifndef SNN_MODEL_CHIP_H
#define SNN_MODEL_CHIP_H

#include "libsnn/base/json.h"
#include "libsnn/base/jsonout.h"
#include "snn/chip.h"

#define SNNMODEL_CHIP_FORMAT "snn.chip/1"

/* Reads and checks the object `value`. `out` is written only on success. Errors: FORMAT naming
 * member, value and what is allowed, UNSUPPORTED (another version of the format), NOMEM. */
int snnmodel_chip_read(struct snn_context *context, const struct snnbase_json_value *value,
                       struct snn_chip *out);

/* Writes the same object; the chip was checked. Errors stick to `out`. */
void snnmodel_chip_write(struct snnbase_jsonout *out, const struct snn_chip *chip);

/* Whether a chip that somebody filled in is one: ranges, and figures that contradict each other.
 * Errors: FORMAT naming member, value and what is allowed, NOMEM. */
int snnmodel_chip_check(struct snn_context *context, const struct snn_chip *chip);

#endif
