/* The registry: the only file that names every reader, source, target, transport and emulator.
 * Adding one is one line here.
 */
#include <stddef.h>

#include "libsnn/stream/format.h"
#include "libsnn/stream/source.h"
#include "libsnn/stream/target.h"
#include "snn/version.h"

extern const struct snnstream_source_ops snnstream_idx_source;
extern const struct snnstream_source_ops snnstream_npy_source;
extern const struct snnstream_format_ops snndev_camera_format;
extern const struct snnstream_format_ops snnstream_aedat2_format;
extern const struct snnstream_format_ops snnstream_aedat3_format;
extern const struct snnstream_format_ops snnstream_aedat4_format;
extern const struct snnstream_format_ops snnstream_dat_format;
extern const struct snnstream_format_ops snnstream_es_format;
extern const struct snnstream_format_ops snnstream_evt_format;
extern const struct snnstream_format_ops snnstream_nmnist_format;
extern const struct snnstream_format_ops snnstream_csv_format;
extern const struct snnstream_format_ops snnstream_npy_format;
extern const struct snn_target_ops snnsim_target;
extern const struct snn_target_ops snnsim_chip_target;
extern const struct snn_target_ops snnsim_frame_f32_target;
extern const struct snn_target_ops snnsim_frame_int8_target;
extern const struct snn_target_ops snndev_usb_target;
extern const struct snn_target_ops snndev_serial_target;
extern const struct snn_target_ops snndev_vdev_target;
extern const struct snn_target_ops snndev_replay_target;

/* The room convert knows what is in one. */
struct snnconv_reader;
extern const struct snnconv_reader snnconv_npz_reader;
extern const struct snnconv_reader snnconv_safetensors_reader;
extern const struct snnconv_reader snnconv_torch_reader;
extern const struct snnconv_reader *const snn_weight_reader_table[];

const struct snnconv_reader *const snn_weight_reader_table[] = {
    &snnconv_torch_reader,
    &snnconv_safetensors_reader,
    &snnconv_npz_reader,
    NULL,
};

struct snnconv_model_reader;
extern const struct snnconv_model_reader snnconv_keras_reader;
extern const struct snnconv_model_reader snnconv_nir_reader;
extern const struct snnconv_model_reader snnconv_onnx_reader;
extern const struct snnconv_model_reader snnconv_tflite_reader;
extern const struct snnconv_model_reader *const snn_model_reader_table[];

const struct snnconv_model_reader *const snn_model_reader_table[] = {
    &snnconv_keras_reader, &snnconv_nir_reader, &snnconv_onnx_reader, &snnconv_tflite_reader, NULL,
};

const struct snnstream_source_ops *const snn_source_table[] = {
    &snnstream_idx_source,
    &snnstream_npy_source,
    NULL,
};

const struct snnstream_format_ops *const snn_recording_table[] = {
    &snnstream_nmnist_format, /* hints tell them in this order */
    &snnstream_evt_format,    &snnstream_dat_format,
    &snnstream_es_format,     &snnstream_aedat2_format,
    &snnstream_aedat3_format, &snnstream_aedat4_format,
    &snndev_camera_format,    &snnstream_npy_format,
    &snnstream_csv_format,    NULL,
};

const struct snn_target_ops *const snn_target_table[] = {
    &snnsim_target,
    &snnsim_chip_target,
    &snnsim_frame_f32_target,
    &snnsim_frame_int8_target,
    &snndev_usb_target,
    &snndev_serial_target,
    &snndev_vdev_target,
    &snndev_replay_target,
    NULL,
};

/* The room device knows what is in one. */
struct snndev_transport_ops;
extern const struct snndev_transport_ops snndev_replay_transport;
extern const struct snndev_transport_ops snndev_serial_transport;
extern const struct snndev_transport_ops snndev_usb_transport;
extern const struct snndev_transport_ops snndev_vdev_transport;
extern const struct snndev_transport_ops *const snn_transport_table[];

const struct snndev_transport_ops *const snn_transport_table[] = {
    &snndev_usb_transport,
    &snndev_serial_transport,
    &snndev_vdev_transport,
    &snndev_replay_transport,
    NULL,
};

struct snndev_emulator_ops;
extern const struct snndev_emulator_ops snndev_gadget_emulator;
extern const struct snndev_emulator_ops snndev_process_emulator;
extern const struct snndev_emulator_ops snndev_usbip_emulator;
extern const struct snndev_emulator_ops snndev_vhci_emulator;
extern const struct snndev_emulator_ops *const snn_emulator_table[];

const struct snndev_emulator_ops *const snn_emulator_table[] = {
    &snndev_vhci_emulator,
    &snndev_gadget_emulator,
    &snndev_usbip_emulator,
    &snndev_process_emulator,
    NULL,
};

const char *snn_version(void)
{
    return SNN_VERSION;
}
