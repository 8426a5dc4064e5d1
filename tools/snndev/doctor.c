/* snndev doctor: what keeps a device from being used, and the remedy.
 *
 * Asks the library what it was built with, the system what is plugged in, and the file system the
 * rest (doctor_facts.c). Changes nothing.
 */
#include "tools/snndev/doctor.h"

#include <grp.h>
#include <string.h>
#include <unistd.h>

#include "tools/cli/json.h"
#include "tools/snndev/session.h"

struct visit {
    struct snndev_findings *findings;
    size_t count, denied;
};

static void find_device(const struct snn_device_description *device, void *user)
{
    struct visit *visit = user;
    char text[400];
    const bool denied = device->access == SNN_ERR_ACCESS;
    visit->count++;
    visit->denied += denied;
    (void)snprintf(text, sizeof(text), "%s%s%s: %s%s", device->uri,
                   device->port[0] != '\0' ? ", port " : "", device->port,
                   denied ? "no permission to open " : "plugged in",
                   denied ? device->access_path : "");
    snndev_find(visit->findings, denied ? SNNDEV_TROUBLE : SNNDEV_FINE, "devices", NULL, text);
}

/* A transport that is not built in says so before it looks for anything. */
static bool is_built(const char *uri)
{
    struct snn_context *silent = NULL;
    struct snn_device *device = NULL;
    if (snn_context_create(&silent, NULL) != SNN_OK) return true;
    const int status = snn_device_open(&device, silent, uri, NULL);
    snn_device_close(&device);
    snn_context_destroy(&silent);
    return status != SNN_ERR_UNSUPPORTED;
}

static void find_build(struct snndev_findings *findings, const struct snndev_facts *facts)
{
    static const char topic[] = "build";
    if (is_built("usb:1209:0001:none-has-this-serial"))
        snndev_find(findings, SNNDEV_FINE, topic, NULL, "USB by libusb");
    else
        snndev_find(findings, SNNDEV_TROUBLE, topic,
                    "install libusb-1.0-0-dev and build again (meson setup --reconfigure)",
                    "built without libusb: no device on USB");
    if (is_built("serial:/dev/null/none@115200"))
        snndev_find(findings, SNNDEV_FINE, topic, NULL, "serial lines by libserialport");
    else
        snndev_find(findings, SNNDEV_REMARK, topic,
                    "install libserialport-dev and build again (meson setup --reconfigure)",
                    "built without libserialport: no device on a serial line");
    if (!facts->usb_bus)
        snndev_find(findings, SNNDEV_REMARK, topic,
                    "in a container: start it with --device /dev/bus/usb",
                    "/dev/bus/usb is not there: no USB here, or it is kept from this container");
}

static void find_devices(struct snndev_session *s, struct visit *visit)
{
    if (snn_device_list(s->context, find_device, visit) != SNN_OK)
        snndev_find(visit->findings, SNNDEV_REMARK, "devices", snn_context_hint(s->context),
                    snn_context_message(s->context));
    else if (visit->count == 0)
        snndev_find(visit->findings, SNNDEV_REMARK, "devices", "a virtual one: snndev emulate",
                    "none is plugged in");
}

static void find_serial_group(struct snndev_findings *findings, bool root)
{
    gid_t groups[256];
    const struct group *dialout = getgrnam("dialout");
    const int count = getgroups(256, groups);
    bool member = root;
    if (dialout == NULL) return;
    for (int i = 0; i < count; i++)
        member = member || groups[i] == dialout->gr_gid;
    snndev_find(findings, member ? SNNDEV_FINE : SNNDEV_REMARK, "permission",
                member ? NULL : "sudo usermod -aG dialout \"$USER\", then log in again",
                member ? "serial lines may be opened"
                       : "serial ports (/dev/ttyUSB0) are for the group dialout, which you are "
                         "not in");
}

static void print_findings(const struct snndev_session *s, const struct snndev_findings *findings)
{
    static const char *const marks[] = {"ok", "--", "!!"};
    static const char *const colors[] = {"\033[32m", "", "\033[1;31m"};
    const bool color = s->console.out_color;
    const char *topic = "";
    for (size_t i = 0; i < findings->count; i++) {
        const struct snndev_finding *finding = &findings->list[i];
        if (strcmp(topic, finding->topic) != 0) printf("%s\n", finding->topic);
        topic = finding->topic;
        const bool painted = color && finding->verdict != SNNDEV_REMARK;
        printf("  %s%s%s  %s\n", painted ? colors[finding->verdict] : "", marks[finding->verdict],
               painted ? "\033[0m" : "", finding->text);
        for (const char *line = finding->remedy; *line != '\0';) {
            const size_t length = strcspn(line, "\n");
            printf("        %.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
}

static void print_json(FILE *out, const struct snndev_findings *findings, bool fine)
{
    static const char *const names[] = {"fine", "remark", "trouble"};
    struct snncli_json json = {.out = out};
    snncli_json_open(&json, NULL, '{');
    snncli_json_text(&json, "schema", "snn.doctor/1");
    snncli_json_bool(&json, "fine", fine);
    snncli_json_open(&json, "findings", '[');
    for (size_t i = 0; i < findings->count; i++) {
        const struct snndev_finding *finding = &findings->list[i];
        snncli_json_open(&json, NULL, '{');
        snncli_json_text(&json, "topic", finding->topic);
        snncli_json_text(&json, "verdict", names[finding->verdict]);
        snncli_json_text(&json, "text", finding->text);
        snncli_json_text(&json, "remedy", finding->remedy);
        snncli_json_close(&json, '}');
    }
    snncli_json_close(&json, ']');
    snncli_json_close(&json, '}');
    snncli_json_finish(&json);
}

int snndev_doctor(struct snndev_session *s)
{
    struct snndev_findings findings = {.count = 0};
    struct visit visit = {.findings = &findings};
    struct snndev_facts facts;
    const bool root = geteuid() == 0;
    bool fine = true;
    snndev_facts_read(&facts, "");
    find_build(&findings, &facts);
    find_devices(s, &visit);
    snndev_judge_rule(&findings, &facts, root, visit.denied);
    find_serial_group(&findings, root);
    snndev_judge_emulation(&findings, &facts, root);
    for (size_t i = 0; i < findings.count; i++)
        fine = fine && findings.list[i].verdict != SNNDEV_TROUBLE;
    if (s->result.out != NULL) print_json(s->result.out, &findings, fine);
    if (snndev_wants_text(s)) print_findings(s, &findings);
    return fine ? SNNCLI_EXIT_OK : SNNCLI_EXIT_CHECK;
}
