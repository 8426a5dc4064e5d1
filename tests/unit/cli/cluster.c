/* What a process makes of a launcher's environment in a build without MPI, whose door this program
 * has in place of the other.
 */
#include "tools/cli/cluster.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/cli/sample.h"
#include "tools/cli/cluster_link.h"

/* None of what the launcher of these tests may have set. */
static void forget_launcher(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE",
                                        "OMPI_COMM_WORLD_RANK",
                                        "PMI_SIZE",
                                        "PMI_RANK",
                                        "PMIX_SIZE",
                                        "PMIX_RANK"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        cr_assert_eq(unsetenv(names[i]), 0);
}

/* Opens a cluster; returns the exit status, and what was said in `memory`. */
static int open_cluster(struct memory *memory)
{
    struct snncli_console console = memory_console(memory);
    struct snncli_cluster *cluster = NULL;
    int status = snncli_cluster_open(&cluster, &console);
    cr_expect_null(cluster);
    return status;
}

Test(cli_cluster, without_a_launcher_a_process_is_alone, .init = forget_launcher)
{
    struct memory memory;
    struct snncli_cluster *none = NULL;
    setenv("SLURM_PROCID", "3", 1); /* a batch script has it, too */
    cr_expect_eq(open_cluster(&memory), SNNCLI_EXIT_OK);
    cr_expect_str_eq(memory_text(&memory), "");
    cr_expect_eq(snncli_cluster_size(none), 1);
    cr_expect(snncli_cluster_is_root(none));
    cr_expect_eq(snncli_cluster_threads(none), 0);
    cr_expect_not(snncli_cluster_over(none));
    cr_expect_eq(snncli_cluster_close(&none, SNNCLI_EXIT_CHECK), SNNCLI_EXIT_CHECK);
    memory_close(&memory);
}

Test(cli_cluster, one_of_several_is_refused_by_a_build_without_mpi, .init = forget_launcher)
{
    struct memory memory;
    setenv("OMPI_COMM_WORLD_SIZE", "2", 1);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    cr_expect_eq(open_cluster(&memory), SNNCLI_EXIT_USAGE);
    cr_expect_not_null(strstr(memory_text(&memory), "built without MPI"), "%s",
                       memory_text(&memory));
    memory_close(&memory);
}

Test(cli_cluster, only_the_first_of_them_says_so, .init = forget_launcher)
{
    struct memory memory;
    setenv("PMI_SIZE", "2", 1);
    setenv("PMI_RANK", "1", 1);
    cr_expect_eq(open_cluster(&memory), SNNCLI_EXIT_USAGE);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
}

Test(cli_cluster, a_launcher_of_one_process_is_none_to_a_build_without_mpi, .init = forget_launcher)
{
    struct memory memory;
    setenv("OMPI_COMM_WORLD_SIZE", "1", 1);
    setenv("OMPI_COMM_WORLD_RANK", "0", 1);
    cr_expect_eq(open_cluster(&memory), SNNCLI_EXIT_OK);
    cr_expect_str_eq(memory_text(&memory), "");
    memory_close(&memory);
}

Test(cli_cluster, launchers_are_known_by_what_they_set, .init = forget_launcher)
{
    cr_expect_not(snncli_launch_find().launched);
    setenv("PMIX_RANK", "5", 1);
    cr_expect(snncli_launch_find().launched);
    cr_expect_eq(snncli_launch_find().size, 0, "PMIx says it only when asked");
    cr_expect_eq(snncli_launch_find().rank, 5);
    setenv("PMI_RANK", "2", 1);
    setenv("PMI_SIZE", "many", 1);
    cr_expect_eq(snncli_launch_find().rank, 2);
    cr_expect_eq(snncli_launch_find().size, 0, "no number");
    setenv("OMPI_COMM_WORLD_RANK", "1", 1);
    setenv("OMPI_COMM_WORLD_SIZE", "4", 1);
    cr_expect_eq(snncli_launch_find().rank, 1);
    cr_expect_eq(snncli_launch_find().size, 4);
}
