/* The file of a chip program, shared between the two files that read and write it
 * (docs/formats/program.md). Small values are as in the model file, whose helpers are used.
 */
#ifndef SNN_MODEL_PROGRAM_FILE_H
#define SNN_MODEL_PROGRAM_FILE_H

#include "libsnn/model/native.h"
#include "snn/program.h"

#define SNNMODEL_PROGRAM_FORMAT "snn.program/1"
#define SNNMODEL_PROGRAM_FAMILY "snn.program/"

#endif
