/* From a URI to an open device, or to what a person can do about it.
 */
#include <string.h>

#include "tools/snndev/session.h"

void snndev_hint_no_device(struct snndev_session *s)
{
    snncli_hint(&s->console, "plug one in, or a virtual one in another terminal: snndev emulate; "
                             "one in this process is vdev:speck2f; snndev doctor looks for causes");
}

struct match {
    const char *uri;
    uint32_t count;
};

static void count_match(const struct snn_device_description *device, void *user)
{
    struct match *match = user;
    match->count += strncmp(device->uri, match->uri, strlen(match->uri)) == 0;
}

/* INVALID is either a URI that cannot be read, or one that several devices answer to. */
static bool is_ambiguous(const char *uri)
{
    struct match match = {.uri = uri};
    struct snn_context *silent = NULL;
    if (snn_context_create(&silent, NULL) != SNN_OK) return false;
    (void)snn_device_list(silent, count_match, &match);
    snn_context_destroy(&silent);
    return match.count > 1;
}

/* The library's messages on devices begin with their URI, or name it; others are given it. */
static const char *place(const struct snndev_session *s, const char *uri)
{
    const char *message = snn_context_message(s->context);
    const size_t scheme = strcspn(uri, ":") + 1;
    const bool named = strncmp(message, uri, scheme) == 0 || strstr(message, uri) != NULL;
    return named ? NULL : uri;
}

static int fail_at(struct snndev_session *s, const char *uri)
{
    const int code = snn_context_status(s->context);
    const bool hinted = snn_context_hint(s->context)[0] != '\0';
    char where[256];
    const char *shown = place(s, uri);
    if (shown != NULL) {
        /* "usb:" is followed by a colon anyway. */
        const size_t length = strlen(uri);
        (void)snprintf(where, sizeof(where), "%.*s",
                       (int)(length > 0 && uri[length - 1] == ':' ? length - 1 : length), uri);
        shown = where;
    }
    int status = snncli_fail_context(&s->console, s->context, shown);
    if (hinted) return status;
    if (code == SNN_ERR_ACCESS)
        snncli_hint(&s->console, "snndev doctor shows the udev rule and how to install it");
    if (code == SNN_ERR_BUSY)
        snncli_hint(&s->console, "another program has it open: end that one first");
    if (code == SNN_ERR_GONE)
        snncli_hint(&s->console, "it was unplugged or has reset itself%s",
                    strncmp(uri, "usb:", strlen("usb:")) == 0
                        ? "; snndev list --watch shows when it is back"
                        : "");
    if (code == SNN_ERR_PROTOCOL && s->options.verb == SNNDEV_REPLAY && s->options.to == NULL)
        snncli_hint(&s->console, "give the model, data and options (--samples too) that the "
                                 "session was recorded with");
    if (code == SNN_ERR_TIMEOUT)
        snncli_hint(&s->console, "more time: --timeout MS; or unplug it and plug it in again");
    return status;
}

static int fail_open(struct snndev_session *s, const char *uri)
{
    const int code = snn_context_status(s->context);
    const bool hinted = snn_context_hint(s->context)[0] != '\0';
    const bool tape = strncmp(uri, "replay:", strlen("replay:")) == 0;
    int status = fail_at(s, uri);
    if (code == SNN_ERR_INVALID && is_ambiguous(uri)) return SNNCLI_EXIT_NO_DEVICE;
    if (code != SNN_ERR_NOT_FOUND || tape) return status;
    if (!hinted) snndev_hint_no_device(s);
    return SNNCLI_EXIT_NO_DEVICE;
}

int snndev_open(struct snndev_session *s, const char *uri)
{
    if (snn_device_open(&s->device, s->context, uri, &s->options.device) != SNN_OK)
        return fail_open(s, uri);
    return SNNCLI_EXIT_OK;
}

struct snndev_name snndev_name(const struct snndev_session *s)
{
    const struct snn_device_info *about = snn_device_about(s->device);
    struct snndev_name name;
    (void)snprintf(name.text, sizeof(name.text), "%s %s", about->chip, about->serial);
    return name;
}

int snndev_fail_device(struct snndev_session *s)
{
    return fail_at(s, s->options.uri);
}

int snndev_read_statistics(struct snndev_session *s, struct snn_device_statistics *out)
{
    memset(out, 0, sizeof(*out));
    if (snn_device_read_statistics(s->device, s->context, out) == SNN_OK) return SNNCLI_EXIT_OK;
    return snndev_fail_device(s);
}
