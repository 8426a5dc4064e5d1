/* ONNX in a build without protobuf-c: the format is known, its files are not read. Takes the place
 * of onnx.c and of all that it needs but the wire walk.
 */
#include "convert/read/model.h"
#include "convert/read/onnx_probe.h"

const struct snnconv_model_reader snnconv_onnx_reader = {
    .name = "onnx",
    .summary = "ONNX models (.onnx)",
    .missing = "libprotobuf-c-dev and protobuf-c-compiler",
    .probe = snnconv_onnx_probe,
};
