/* Requests beside the stream, why a device refuses one, and the reset; see link_parts.h.
 *
 * One request at a time: STATUS tells of the one before it, so both are asked under one lock.
 */
#include <stdio.h>

#include "device/link_parts.h"
#include "libsnn/base/error.h"

static const char *request_name(uint8_t code)
{
    static const char *const names[] = {"HELLO", "STATUS", "BEGIN", "WRITE",     "READ",
                                        "CRC",   "COMMIT", "RESET", "STATISTICS"};
    return code >= 1 && code <= 9 ? names[code - 1] : "a request";
}

static const char *error_name(uint16_t error)
{
    static const char *const names[] = {
        "no reason",
        "there is no such request, region or core",
        "offset or size is beyond the memory",
        "it is in another state",
        "the configuration breaks a rule of the chip",
        "more words came than it gave credit for",
        "words or a frame came corrupt",
        "something went wrong in it",
    };
    return error < sizeof(names) / sizeof(names[0]) ? names[error] : "a reason unknown here";
}

/* One request as the transport has it, on tape. */
static int ask(struct snndev_link *link, struct snn_context *context,
               const struct snnwire_request *request, uint8_t *data, uint32_t *size)
{
    const int status =
        link->transport->request(link->self, context, request, data, size, link->timeout_ms);
    const uint32_t recorded = request->in ? *size : request->size;
    (void)pthread_mutex_lock(&link->lock);
    if (link->tape != NULL)
        snndev_tape_request(link->tape, request, data, status == SNN_OK ? recorded : 0, status);
    if (status == SNN_ERR_GONE) snndev_link_fail(link, status, "the device is gone");
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}

static int explain(struct snndev_link *link, struct snn_context *context,
                   const struct snnwire_request *refused)
{
    static const char *const regions[] = {"registers", "kernel", "bias", "neurons"};
    const struct snnwire_request request = {
        .code = SNNWIRE_CODE_STATUS, .in = true, .size = SNNWIRE_STATUS_BYTES};
    uint8_t data[SNNWIRE_STATUS_BYTES] = {0};
    struct snnwire_status answer = {.code = refused->code};
    uint32_t size = 0;
    char place[64] = "";
    /* Not the device refused it. */
    if (link->transport->explain != NULL && link->transport->explain(link->self) != NULL)
        return SNN_ERR_PROTOCOL;
    const int status = ask(link, context, &request, data, &size);
    if (status == SNN_OK &&
        (!snnwire_status_read(&answer, data, size) || answer.code != refused->code))
        answer = (struct snnwire_status){.code = refused->code};
    else if (status != SNN_OK && status != SNN_ERR_PROTOCOL)
        return status;
    link->refusal = answer;
    if (refused->code == SNNWIRE_CODE_WRITE || refused->code == SNNWIRE_CODE_READ ||
        refused->code == SNNWIRE_CODE_CRC)
        (void)snprintf(place, sizeof(place), " of core %u, %s at %u", refused->core,
                       regions[refused->region & 3], refused->offset);
    return snnbase_fail(context, SNN_ERR_PROTOCOL, "%s %s refuses %s%s: %s (error %u, detail %u)",
                        link->hello.chip, link->hello.serial, request_name(refused->code), place,
                        error_name(answer.error), answer.error, answer.detail);
}

int snndev_link_request(struct snndev_link *link, struct snn_context *context,
                        const struct snnwire_request *request, uint8_t *data, uint32_t *size_out)
{
    uint32_t size = 0;
    (void)pthread_mutex_lock(&link->requests);
    int status = ask(link, context, request, data, &size);
    if (status == SNN_ERR_PROTOCOL) status = explain(link, context, request);
    (void)pthread_mutex_unlock(&link->requests);
    if (status == SNN_OK && size_out != NULL) *size_out = size;
    return status;
}

struct snnwire_status snndev_link_refusal(struct snndev_link *link)
{
    (void)pthread_mutex_lock(&link->requests);
    const struct snnwire_status refusal = link->refusal;
    (void)pthread_mutex_unlock(&link->requests);
    return refusal;
}

/* ---- The reset ---- */

static void clear(struct snndev_link *link)
{
    const uint32_t transfers = link->counters.transfers;
    snndev_send_reset(link);
    snndev_receive_reset(link);
    snndev_in_reset(link);
    snndev_out_reset(link);
    link->arrived_events = 0;
    link->counters = (struct snndev_link_counters){.transfers = transfers};
    /* A device that is still there may go on after bus errors. */
    if (link->status != SNN_ERR_GONE) link->status = SNN_OK;
}

static bool pause_stream(struct snndev_link *link)
{
    (void)pthread_mutex_lock(&link->lock);
    const bool home = snndev_thread_pause(link, snndev_link_now() + link->timeout_ms);
    if (!home) snndev_thread_resume(link);
    (void)pthread_mutex_unlock(&link->lock);
    return home;
}

int snndev_link_reset(struct snndev_link *link, struct snn_context *context)
{
    const struct snnwire_request request = {.code = SNNWIRE_CODE_RESET};
    if (link->started && !pause_stream(link))
        return snnbase_fail(context, SNN_ERR_TIMEOUT, "%s %s: transfers do not end",
                            link->hello.chip, link->hello.serial);
    const int status = snndev_link_request(link, context, &request, NULL, NULL);
    if (!link->started) return status;
    (void)pthread_mutex_lock(&link->lock);
    if (status == SNN_OK) clear(link);
    snndev_thread_resume(link);
    (void)pthread_mutex_unlock(&link->lock);
    return status;
}
