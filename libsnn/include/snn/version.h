/* The version of the headers; the library tells its own with snn_version. */
#ifndef SNN_VERSION_H
#define SNN_VERSION_H

#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SNN_VERSION_MAJOR 0
#define SNN_VERSION_MINOR 1
#define SNN_VERSION_PATCH 0
#define SNN_VERSION "0.1.0"

/* "0.1.0": of the library that was linked. */
SNN_API const char *snn_version(void);

#ifdef __cplusplus
}
#endif
#endif
