/* Whether a launcher started this process, as one of how many: from the environment, before and
 * without MPI.
 *
 * Open MPI's mpirun sets OMPI_COMM_WORLD_SIZE; launchers that speak PMIx or PMI (srun --mpi=pmix,
 * mpiexec of others) set PMIX_RANK or PMI_RANK. SLURM_PROCID alone says nothing: every batch script
 * has it.
 */
#include <stdlib.h>

#include "tools/cli/cluster_link.h"

/* 0 where the variable is not there or no number. */
static unsigned number_of(const char *name)
{
    const char *text = getenv(name);
    const unsigned long number = text != NULL ? strtoul(text, NULL, 10) : 0;
    return number <= 1000000 ? (unsigned)number : 0;
}

struct snncli_launch snncli_launch_find(void)
{
    static const char *const names[][2] = {{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
                                           {"PMI_SIZE", "PMI_RANK"},
                                           {"PMIX_SIZE", "PMIX_RANK"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (getenv(names[i][1]) == NULL) continue;
        return (struct snncli_launch){true, number_of(names[i][0]), number_of(names[i][1])};
    }
    return (struct snncli_launch){.launched = false};
}
