/* snndev info, load and reset: one open device, asked or told a single thing.
 */
#include <string.h>

#include "tools/cli/json.h"
#include "tools/cli/table.h"
#include "tools/snndev/session.h"

/* ---- info ---- */

static void put_line(const char *name, const char *text)
{
    printf("  %-12s %s\n", name, text);
}

static void put_about(const struct snn_device_info *about)
{
    char text[64];
    printf("%s %s at %s\n", about->chip, about->serial, about->uri);
    put_line("chip", about->chip);
    put_line("serial", about->serial);
    (void)snprintf(text, sizeof(text), "%u.%u", about->firmware_major, about->firmware_minor);
    put_line("firmware", text);
    (void)snprintf(text, sizeof(text), "%u.%u", about->protocol_major, about->protocol_minor);
    put_line("protocol", text);
    (void)snprintf(text, sizeof(text), "%u", about->core_count);
    put_line("cores", text);
    (void)snprintf(text, sizeof(text), "%s words", snncli_format_count(about->buffer_words).text);
    put_line("buffer", text);
}

static void put_counters(const struct snn_device_statistics *have)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "%s taken, %s sent, %s dropped",
                   snncli_format_count(have->events_taken).text,
                   snncli_format_count(have->events_sent).text,
                   snncli_format_count(have->events_dropped).text);
    put_line("events", text);
    (void)snprintf(text, sizeof(text), "%s", snncli_format_count(have->faults).text);
    put_line("faults", text);
}

static void put_info_json(FILE *out, const struct snn_device_info *about,
                          const struct snn_device_statistics *have)
{
    struct snncli_json json = {.out = out};
    char text[16];
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.device/1");
    snncli_json_text(&json, "uri", about->uri);
    snncli_json_text(&json, "chip", about->chip);
    snncli_json_text(&json, "serial", about->serial);
    (void)snprintf(text, sizeof(text), "%u.%u", about->firmware_major, about->firmware_minor);
    snncli_json_text(&json, "firmware", text);
    (void)snprintf(text, sizeof(text), "%u.%u", about->protocol_major, about->protocol_minor);
    snncli_json_text(&json, "protocol", text);
    snncli_json_count(&json, "cores", about->core_count);
    snncli_json_count(&json, "buffer_words", about->buffer_words);
    snncli_json_open(&json, "events", '{');
    snncli_json_count(&json, "taken", have->events_taken);
    snncli_json_count(&json, "produced", have->events_produced);
    snncli_json_count(&json, "sent", have->events_sent);
    snncli_json_count(&json, "dropped", have->events_dropped);
    snncli_json_close(&json, '}');
    snncli_json_count(&json, "faults", have->faults);
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}

int snndev_info(struct snndev_session *s)
{
    struct snn_device_statistics have;
    int status = snndev_open(s, s->options.uri);
    if (status == SNNCLI_EXIT_OK) status = snndev_read_statistics(s, &have);
    if (status != SNNCLI_EXIT_OK) return status;
    if (s->result.out != NULL) put_info_json(s->result.out, snn_device_about(s->device), &have);
    if (!snndev_wants_text(s)) return SNNCLI_EXIT_OK;
    put_about(snn_device_about(s->device));
    put_counters(&have);
    return SNNCLI_EXIT_OK;
}

/* ---- load ---- */

static void put_load_json(const struct snndev_session *s,
                          const struct snn_device_load_report *report)
{
    struct snncli_json json = {.out = s->result.out};
    const struct snn_device_info *about = snn_device_about(s->device);
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.load/1");
    snncli_json_text(&json, "uri", about->uri);
    snncli_json_text(&json, "chip", about->chip);
    snncli_json_text(&json, "program", s->program->name);
    snncli_json_count(&json, "cores_written", report->cores_written);
    snncli_json_count(&json, "cores_kept", report->cores_kept);
    snncli_json_count(&json, "bytes_written", report->bytes_written);
    snncli_json_count(&json, "bytes_verified", report->bytes_verified);
    snncli_json_number(&json, "seconds", report->seconds);
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}

int snndev_load(struct snndev_session *s)
{
    struct snn_device_load_report report;
    int status = snndev_open(s, s->options.uri);
    if (status == SNNCLI_EXIT_OK) status = snndev_make_program(s);
    if (status == SNNCLI_EXIT_OK)
        status = snndev_put_program(s, snndev_wants_text(s) ? stdout : NULL, &report);
    if (status != SNNCLI_EXIT_OK) return status;
    if (s->result.out != NULL) put_load_json(s, &report);
    if (!snndev_wants_text(s)) return SNNCLI_EXIT_OK;
    for (uint32_t i = 0; i < s->program->core_count; i++) {
        const struct snn_core *core = &s->program->cores[i];
        printf("  core %u %s\n", core->index, core->layer);
    }
    printf("  %s bytes written, %s verified by their CRC\n",
           snncli_format_count(report.bytes_written).text,
           snncli_format_count(report.bytes_verified).text);
    printf("  speed %s\n", snncli_format_seconds(report.seconds).text);
    return SNNCLI_EXIT_OK;
}

/* ---- reset ---- */

int snndev_reset(struct snndev_session *s)
{
    int status = snndev_open(s, s->options.uri);
    if (status != SNNCLI_EXIT_OK) return status;
    if (snn_device_reset(s->device, s->context) != SNN_OK) return snndev_fail_device(s);
    printf("%s: state as after loading, counters 0\n", snndev_name(s).text);
    return SNNCLI_EXIT_OK;
}
