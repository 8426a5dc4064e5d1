/* tools/snnconvert/samna_play.py, byte for byte: the script that --to samna puts beside what it
 * writes. Made at build time (data/embed.py); not terminated by a zero.
 */
#ifndef TOOLS_SNNCONVERT_SAMNA_DATA_H
#define TOOLS_SNNCONVERT_SAMNA_DATA_H

#include <stddef.h>

extern const unsigned char snnconvert_samna_play[];
extern const size_t snnconvert_samna_play_size;

#endif
