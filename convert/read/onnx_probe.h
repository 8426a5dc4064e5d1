/* Whether bytes are an ONNX file, told without protobuf-c.
 */
#ifndef SNN_CONVERT_READ_ONNX_PROBE_H
#define SNN_CONVERT_READ_ONNX_PROBE_H

#include <stddef.h>

/* As in struct snnconv_model_reader. */
int snnconv_onnx_probe(const unsigned char *bytes, size_t size);

#endif
