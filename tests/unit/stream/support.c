/* What this room's tests add to the common support; see support.h. */
#include "tests/unit/stream/support.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "snn/status.h"

const char *support_put_npy(const char *name, const char *dictionary, const void *data, size_t size)
{
    unsigned char bytes[4096] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0};
    size_t length = strlen(dictionary);
    cr_assert_leq(10 + length + size, sizeof(bytes));
    bytes[8] = (unsigned char)(length & 0xff);
    bytes[9] = (unsigned char)(length >> 8);
    memcpy(bytes + 10, dictionary, length);
    memcpy(bytes + 10 + length, data, size);
    return support_put(name, bytes, 10 + length + size);
}

struct snn_source *support_open(const char *name, enum snn_source_kind kind)
{
    struct snn_source *source = NULL;
    int status = snn_source_open(&source, support_context(), support_path(name), kind, NULL);
    cr_assert_eq(status, SNN_OK, "%s", snn_context_message(support_context()));
    return source;
}

void support_refuse(const char *name, enum snn_source_kind kind, int status, const char *message)
{
    struct snn_source *source = NULL;
    char expected[1024];
    snprintf(expected, sizeof(expected), "%s: %s", support_path(name), message);
    int got = snn_source_open(&source, support_context(), support_path(name), kind, NULL);
    cr_assert_null(source);
    cr_assert_str_eq(snn_context_message(support_context()), expected);
    cr_assert_eq(got, status, "%s instead of %s", snn_status_name(got), snn_status_name(status));
    cr_assert_eq(snn_context_status(support_context()), status);
}
