/* The energy profiles that the library carries inside: data/energy.json, byte for byte.
 *
 * The array is made from that file at build time (data/embed.py); it is not terminated by a zero.
 */
#ifndef SNN_MODEL_ENERGY_DATA_H
#define SNN_MODEL_ENERGY_DATA_H

#include <stddef.h>

extern const unsigned char snnmodel_energy_json[];
extern const size_t snnmodel_energy_json_size;

#endif
