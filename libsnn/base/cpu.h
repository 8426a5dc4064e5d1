/* What the processor can do, asked once per context; no global cache. */
#ifndef SNN_BASE_CPU_H
#define SNN_BASE_CPU_H

#include <stdbool.h>

struct snnbase_cpu {
    bool avx2; /* AVX2, and the system saves the registers */
};

void snnbase_cpu_detect(struct snnbase_cpu *out);

#endif
