/* The chip profiles that the library carries inside: data/chips/NAME.json, byte for byte.
 *
 * The arrays are made from those files at build time (data/embed.py); they are not terminated by a
 * zero.
 */
#ifndef SNN_MODEL_CHIP_DATA_H
#define SNN_MODEL_CHIP_DATA_H

#include <stddef.h>

extern const unsigned char snnmodel_chip_dynapcnn_json[];
extern const size_t snnmodel_chip_dynapcnn_json_size;
extern const unsigned char snnmodel_chip_speck2e_json[];
extern const size_t snnmodel_chip_speck2e_json_size;
extern const unsigned char snnmodel_chip_speck2f_json[];
extern const size_t snnmodel_chip_speck2f_json_size;

#endif
