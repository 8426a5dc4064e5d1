/* Small programs for the tests of passes and emission, and the proof that these change nothing:
 * behind every pass, every value that names its origin is compared with the program as it was.
 *
 * A net lives for one test; all its constants are of a generator, so that no two are alike.
 */
#ifndef TESTS_UNIT_CONVERT_PASS_SUPPORT_H
#define TESTS_UNIT_CONVERT_PASS_SUPPORT_H

#include <stdint.h>

#include "convert/ir/program.h"
#include "convert/pass/pass.h"
#include "snn/graph.h"
#include "tests/unit/convert/support.h"

struct net {
    struct snnconv_program program;
    uint32_t state;   /* of the generator */
    uint32_t seed;    /* named in messages */
    const char *name; /* of the next node; NULL: one is made */
    /* Of net_check: what is compared, where it is known to be exact only so far. */
    double tolerance;
    struct snnconv_program passed;
    struct snnconv_pass_state pass_state;
    struct snn_graph *graph;
    uint32_t *origins;
};

void net_begin(struct net *net);
void net_end(struct net *net);

#define NET_DIM(...)                                                            \
    sizeof((const int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (const int64_t[]) \
    {                                                                           \
        __VA_ARGS__                                                             \
    }
#define NET_LIST(...) \
    (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t)

uint32_t net_input(struct net *net, size_t rank, const int64_t *dim);
/* Uniform in -scale .. scale; _positive: scale / 2 .. scale. */
uint32_t net_random(struct net *net, double scale, size_t rank, const int64_t *dim);
uint32_t net_positive(struct net *net, double scale, size_t rank, const int64_t *dim);
uint32_t net_floats(struct net *net, const float *values, size_t rank, const int64_t *dim);
uint32_t net_constant(struct net *net, const struct snnconv_array *array);
uint32_t net_scalar(struct net *net, float value);
uint32_t net_integers(struct net *net, size_t count, const int64_t *items);

struct snnconv_attributes net_attributes(enum snnconv_op op);
/* A node; attributes may be NULL. Returns its output. */
uint32_t net_op(struct net *net, enum snnconv_op op, const struct snnconv_attributes *attributes,
                const uint32_t *inputs, size_t count);
uint32_t net_unary(struct net *net, enum snnconv_op op, uint32_t x);
uint32_t net_binary(struct net *net, enum snnconv_op op, uint32_t a, uint32_t b);
uint32_t net_transpose(struct net *net, uint32_t x, size_t rank, const int64_t *perm);
uint32_t net_reshape(struct net *net, uint32_t x, size_t rank, const int64_t *dim);
/* Square kernels with a bias; no channels are shared out. */
uint32_t net_conv(struct net *net, uint32_t x, int64_t in, int64_t out, int64_t kernel,
                  int64_t pad);
uint32_t net_pool(struct net *net, enum snnconv_op op, uint32_t x, int64_t kernel);
uint32_t net_norm(struct net *net, uint32_t x, int64_t channels);
uint32_t net_gemm(struct net *net, uint32_t x, int64_t in, int64_t out);
void net_output(struct net *net, uint32_t value);

/* Runs all passes and emission on a copy and compares behind each pass, and the graph; returns the
 * graph, which the net keeps. */
struct snn_graph *net_check(struct net *net);
/* The same up to and with one pass, without a graph: the program is `passed`. */
void net_pass(struct net *net, const char *last);
/* Passes or emission refuse the net with this message; the diagnostics hold it too. */
void net_refuse(struct net *net, int status, const char *message);

uint32_t net_count(const struct snnconv_program *program, enum snnconv_op op);
const struct snn_layer *net_layer(const struct net *net, const char *name);

#endif
