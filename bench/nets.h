/* Nets and frames for benchmarks, made on the spot: the shapes are published ones, the weights
 * pseudo-random and the same everywhere. What they compute means nothing; how much they compute,
 * and how many of their neurons fire, is that of trained nets.
 */
#ifndef BENCH_NETS_H
#define BENCH_NETS_H

#include "snn/snn.h"

/* VGG-9 on 32x32x3, average pools: 64 64, 128 128, 256 256 256 channels at 3x3, 1024, 10 (Lee et
 * al., "Enabling Spike-Based Backpropagation for Training Deep Neural Network Architectures",
 * Frontiers in Neuroscience 14:119, 2020). */
int snnbench_make_vgg9(struct snn_graph **out, struct snn_context *context);

/* ResNet-8 on 32x32x3: stacks of 16, 32, 64 channels, each with an add (Banbury et al., "MLPerf
 * Tiny Benchmark", NeurIPS 2021). */
int snnbench_make_resnet8(struct snn_graph **out, struct snn_context *context);

/* A single convolution at 3x3 with ReLU, 16x16x64 to 128 channels. */
int snnbench_make_single(struct snn_graph **out, struct snn_context *context);

/* 10.6 million neurons: 512x512x3, 16 16, 32, 32 channels at 3x3, 10. */
int snnbench_make_wide(struct snn_graph **out, struct snn_context *context);

/* Frame `index`: soft spots of random place, size and colour. For struct snn_frames; `user` is the
 * shape, const struct snn_shape *. */
void snnbench_read_frame(uint64_t index, float *intensity, void *user);

/* Writes frames 0..count-1 in 8 bits as an .npy file. */
int snnbench_save_frames(const char *path, struct snn_shape shape, uint32_t count);

/* Thresholds from so many frames. */
int snnbench_calibrate(struct snn_graph *graph, struct snn_context *context, uint64_t frame_count);

#endif
