/* The smallest user of libsnn: asks for the version and makes a context. */
#include <snn/snn.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    struct snn_context *context = NULL;
    if (snn_context_create(&context, NULL) != SNN_OK) return 1;
    snn_context_destroy(&context);
    printf("%s\n", snn_version());
    return strcmp(snn_version(), SNN_VERSION) == 0 ? 0 : 1;
}
