/* Opening a link: hello, versions, requests and why they are refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/unit/device/linked.h"

TestSuite(link_open, .init = linked_begin, .fini = linked_end);

static void assert_message(const char *text)
{
    cr_assert(strstr(snn_context_message(support_context()), text) != NULL, "message: %s",
              snn_context_message(support_context()));
}

Test(link_open, says_hello)
{
    cr_assert_eq(linked_open(NULL), SNN_OK);
    const struct snnwire_hello *hello = snndev_link_hello(linked());
    cr_assert_str_eq(hello->chip, "fake");
    cr_assert_eq(hello->firmware_major, 3);
    cr_assert_eq(hello->buffer_words, 4096);
}

Test(link_open, another_major_version_is_refused_with_both_versions)
{
    fake_plan()->hello.version_major = 2;
    fake_plan()->hello.version_minor = 7;
    cr_assert_eq(linked_open(NULL), SNN_ERR_PROTOCOL);
    assert_message("version 2.7 of the protocol, this program 1.0");
    cr_assert_str_eq(snn_context_hint(support_context()), "bring libsnn up to date");
    cr_assert_eq(fake_closes(), 1);
}

Test(link_open, a_minor_version_does_not_matter)
{
    fake_plan()->hello.version_minor = 7;
    cr_assert_eq(linked_open(NULL), SNN_OK);
}

Test(link_open, half_a_hello_is_malformed)
{
    fake_plan()->hello_bytes = 63;
    cr_assert_eq(linked_open(NULL), SNN_ERR_PROTOCOL);
    assert_message("malformed (63 bytes)");
}

Test(link_open, no_hello_is_no_device)
{
    fake_plan()->hello_bytes = 3;
    cr_assert_eq(linked_open(NULL), SNN_ERR_PROTOCOL);
    assert_message("3 bytes");
}

Test(link_open, too_little_credit_is_refused)
{
    fake_plan()->hello.buffer_words = 15;
    cr_assert_eq(linked_open(NULL), SNN_ERR_PROTOCOL);
    assert_message("credit for 15 words, 16 are the least");
}

Test(link_open, a_transport_that_does_not_open_leaves_nothing)
{
    fake_plan()->open_status = SNN_ERR_ACCESS;
    cr_assert_eq(linked_open(NULL), SNN_ERR_ACCESS);
    assert_message("the fake does not open");
    cr_assert_eq(fake_closes(), 0);
}

Test(link_open, an_unknown_scheme_is_named)
{
    struct snndev_link *link = NULL;
    cr_assert_eq(snndev_link_open(&link, support_context(), "bus:1", NULL), SNN_ERR_INVALID);
    assert_message("'bus:1' names no device");
    cr_assert_null(link);
}

Test(link_open, wrong_options_are_refused)
{
    const struct snndev_link_options wrong[] = {
        {.transfer_count = 4097}, {.transfer_bytes = 63}, {.transfer_count = 4, .ring_slots = 3}};
    for (size_t i = 0; i < 3; i++)
        cr_assert_eq(linked_open(&wrong[i]), SNN_ERR_INVALID);
}

Test(link_open, a_refusal_is_told_in_words)
{
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_WRITE, .core = 3, .region = 1, .offset = 4096, .size = 16};
    uint8_t data[16] = {0};
    fake_plan()->refused = SNNWIRE_CODE_WRITE;
    fake_plan()->reason = (struct snnwire_status){SNNWIRE_CODE_WRITE, SNNWIRE_ERROR_RANGE, 77};
    cr_assert_eq(linked_open(NULL), SNN_OK);
    cr_assert_eq(snndev_link_request(linked(), support_context(), &request, data, NULL),
                 SNN_ERR_PROTOCOL);
    cr_assert_str_eq(snn_context_message(support_context()),
                     "fake F1 refuses WRITE of core 3, kernel at 4096: offset or size is beyond "
                     "the memory (error 2, detail 77)");
    cr_assert_eq(snndev_link_refusal(linked()).detail, 77);
}

Test(link_open, a_status_of_another_request_is_no_reason)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_COMMIT};
    fake_plan()->refused = SNNWIRE_CODE_COMMIT;
    fake_plan()->reason = (struct snnwire_status){SNNWIRE_CODE_WRITE, SNNWIRE_ERROR_RANGE, 77};
    cr_assert_eq(linked_open(NULL), SNN_OK);
    cr_assert_eq(snndev_link_request(linked(), support_context(), &request, NULL, NULL),
                 SNN_ERR_PROTOCOL);
    assert_message("refuses COMMIT: no reason");
}

Test(link_open, a_request_without_an_answer_times_out)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_COMMIT};
    fake_plan()->request_status = SNN_ERR_TIMEOUT;
    cr_assert_eq(linked_open(NULL), SNN_OK);
    cr_assert_eq(snndev_link_request(linked(), support_context(), &request, NULL, NULL),
                 SNN_ERR_TIMEOUT);
}

Test(link_open, a_device_that_left_is_gone_for_requests)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_COMMIT};
    cr_assert_eq(linked_open(NULL), SNN_OK);
    fake_vanish();
    cr_assert_eq(snndev_link_request(linked(), support_context(), &request, NULL, NULL),
                 SNN_ERR_GONE);
}

Test(link_open, starts_once)
{
    cr_assert_eq(linked_start(NULL), SNN_OK);
    cr_assert_eq(snndev_link_start(linked(), support_context()), SNN_ERR_INVALID);
    cr_assert(fake_waiting(32));
}

Test(link_open, nothing_can_be_sent_before_the_start)
{
    const struct snnwire_event event = {.layer = 1};
    cr_assert_eq(linked_open(NULL), SNN_OK);
    cr_assert_eq(snndev_link_send(linked(), support_context(), &event, 1), SNN_ERR_INVALID);
}

Test(link_open, an_open_that_fails_leaves_an_older_recording_alone)
{
    char text[8] = "";
    const struct snndev_link_options options = {.record = support_put("kept.tape", "kept", 4)};
    fake_plan()->hello.version_major = 2;
    cr_assert_eq(linked_open(&options), SNN_ERR_PROTOCOL);
    cr_assert_eq(support_get("kept.tape", text, sizeof(text)), 4);
    cr_assert_str_eq(text, "kept");
}

static int open_and_start(struct snn_context *context)
{
    struct snndev_link *link = NULL;
    const struct snndev_link_options options = {.transfer_count = 2, .transfer_bytes = 128};
    int status = snndev_link_open_on(&link, context, &fake_transport, "", &options);
    if (status == SNN_OK) status = snndev_link_start(link, context);
    snndev_link_close(&link);
    return status;
}

Test(link_open, memory_that_runs_out_leaves_nothing_behind)
{
    support_sweep(open_and_start);
}
