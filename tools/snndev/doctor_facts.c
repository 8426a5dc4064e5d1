/* Facts of the machine, and what they mean; see doctor.h. Nothing is printed here.
 */
#include "tools/snndev/doctor.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define RULE "70-libsnn.rules"

/* ---- Files ---- */

static bool exists(const char *root, const char *path)
{
    char whole[512];
    (void)snprintf(whole, sizeof(whole), "%s%s", root, path);
    return access(whole, F_OK) == 0;
}

/* Whether a folder has anything in it. */
static bool has_entries(const char *root, const char *path)
{
    char whole[512];
    bool found = false;
    (void)snprintf(whole, sizeof(whole), "%s%s", root, path);
    DIR *folder = opendir(whole);
    if (folder == NULL) return false;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
        found = found || entry->d_name[0] != '.';
    (void)closedir(folder);
    return found;
}

/* Whether some line of a file has these words in it. */
static bool has_line(const char *root, const char *path, const char *words)
{
    char whole[512], line[1024];
    bool found = false;
    (void)snprintf(whole, sizeof(whole), "%s%s", root, path);
    FILE *file = fopen(whole, "r");
    if (file == NULL) return false;
    while (!found && fgets(line, sizeof(line), file) != NULL)
        found = strstr(line, words) != NULL;
    (void)fclose(file);
    return found;
}

/* A module of the running kernel: built in, or to be loaded. */
static bool has_module(const char *root, const char *file)
{
    struct utsname host;
    char path[300];
    bool found = false;
    static const char *const lists[] = {"modules.dep", "modules.builtin"};
    if (uname(&host) != 0) return false;
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        (void)snprintf(path, sizeof(path), "/lib/modules/%s/%s", host.release, lists[i]);
        found = found || has_line(root, path, file);
    }
    return found;
}

void snndev_facts_read(struct snndev_facts *out, const char *root)
{
    static const char *const folders[] = {"/etc/udev/rules.d/", "/run/udev/rules.d/",
                                          "/usr/local/lib/udev/rules.d/", "/usr/lib/udev/rules.d/",
                                          "/lib/udev/rules.d/"};
    char path[128];
    memset(out, 0, sizeof(*out));
    out->usb_bus = exists(root, "/dev/bus/usb");
    for (size_t i = sizeof(folders) / sizeof(folders[0]); i-- > 0;) {
        (void)snprintf(path, sizeof(path), "%s" RULE, folders[i]);
        if (exists(root, path)) memcpy(out->rule, path, sizeof(path));
    }
    out->vhci_loaded = exists(root, "/sys/devices/platform/vhci_hcd.0");
    out->vhci_available = out->vhci_loaded || has_module(root, "vhci-hcd.ko");
    out->controller = has_entries(root, "/sys/class/udc");
    out->functionfs =
        has_line(root, "/proc/filesystems", "functionfs") || has_module(root, "usb_f_fs.ko");
}

/* ---- What they mean ---- */

void snndev_find(struct snndev_findings *findings, enum snndev_verdict verdict, const char *topic,
                 const char *remedy, const char *text)
{
    if (findings->count == sizeof(findings->list) / sizeof(findings->list[0])) return;
    struct snndev_finding *finding = &findings->list[findings->count++];
    *finding = (struct snndev_finding){.verdict = verdict, .topic = topic};
    (void)snprintf(finding->text, sizeof(finding->text), "%s", text);
    (void)snprintf(finding->remedy, sizeof(finding->remedy), "%s", remedy != NULL ? remedy : "");
}

void snndev_rule_remedy(char *out, size_t size, const char *rule, size_t rule_size)
{
    const char *end = rule + rule_size;
    size_t used = (size_t)snprintf(out, size, "sudo tee /etc/udev/rules.d/" RULE " <<'END'\n");
    while (rule < end && used < size) {
        const char *stop = memchr(rule, '\n', (size_t)(end - rule));
        const size_t length = stop != NULL ? (size_t)(stop - rule) + 1 : (size_t)(end - rule);
        if (rule[0] != '#' && rule[0] != '\n')
            used += (size_t)snprintf(out + used, size - used, "%.*s", (int)length, rule);
        rule += length;
    }
    if (used < size)
        (void)snprintf(out + used, size - used,
                       "END\nsudo udevadm control --reload && sudo udevadm trigger "
                       "--subsystem-match=usb");
}

void snndev_judge_rule(struct snndev_findings *findings, const struct snndev_facts *facts,
                       bool root, size_t denied)
{
    static const char topic[] = "permission";
    char remedy[640], text[256];
    const char *rule = (const char *)snndev_udev_rule;
    snndev_rule_remedy(remedy, sizeof(remedy), rule, snndev_udev_rule_size);
    if (root) snndev_find(findings, SNNDEV_FINE, topic, NULL, "root opens every device");
    if (facts->rule[0] != '\0') {
        (void)snprintf(text, sizeof(text), "the udev rule is installed: %s", facts->rule);
        snndev_find(findings, SNNDEV_FINE, topic, NULL, text);
        if (denied > 0)
            snndev_find(findings, SNNDEV_TROUBLE, topic,
                        "sudo udevadm control --reload && sudo udevadm trigger "
                        "--subsystem-match=usb\nover ssh there is no seat: in the rule, replace "
                        "TAG+=\"uaccess\" by GROUP=\"plugdev\", MODE=\"0660\"",
                        "and yet a device may not be opened: the rule gives it to whoever sits at "
                        "the machine");
        return;
    }
    if (denied > 0)
        snndev_find(findings, SNNDEV_TROUBLE, topic, remedy,
                    "a device may not be opened, and the udev rule that gives it to whoever sits "
                    "at this machine is not installed");
    else
        snndev_find(findings, SNNDEV_REMARK, topic, root ? NULL : remedy,
                    "the udev rule is not installed: USB devices are for root alone");
}

void snndev_judge_emulation(struct snndev_findings *findings, const struct snndev_facts *facts,
                            bool root)
{
    static const char topic[] = "virtual chips";
    const bool vhci = facts->vhci_loaded && root, gadget = facts->controller && root;
    snndev_find(findings, SNNDEV_FINE, topic, NULL,
                "vdev:speck2f (in the program) and --as process (a serial line) need nothing");
    snndev_find(findings, SNNDEV_FINE, topic, NULL,
                "--as usbip needs nothing here; usbip attach needs root and vhci-hcd there");
    if (!facts->vhci_available)
        snndev_find(findings, SNNDEV_REMARK, topic,
                    "a kernel with CONFIG_USBIP_VHCI_HCD; on Debian linux-image-amd64",
                    "--as vhci (a USB device of this machine): this kernel has no vhci-hcd");
    else if (!facts->vhci_loaded)
        snndev_find(findings, SNNDEV_REMARK, topic, "sudo modprobe vhci-hcd",
                    "--as vhci (a USB device of this machine): the module is not loaded");
    else
        snndev_find(findings, vhci ? SNNDEV_FINE : SNNDEV_REMARK, topic,
                    vhci ? NULL : "sudo snndev emulate --as vhci",
                    vhci ? "--as vhci (a USB device of this machine) can be had"
                         : "--as vhci (a USB device of this machine) needs root");
    if (!facts->controller)
        snndev_find(findings, SNNDEV_REMARK, topic, NULL,
                    "--as gadget (a USB device for another host): no device controller here, as "
                    "boards have one");
    else
        snndev_find(findings, gadget && facts->functionfs ? SNNDEV_FINE : SNNDEV_REMARK, topic,
                    gadget ? facts->functionfs ? NULL : "sudo modprobe usb_f_fs"
                           : "sudo snndev emulate --as gadget",
                    gadget ? "--as gadget (a USB device for another host): a device controller is "
                             "here"
                           : "--as gadget (a USB device for another host) needs root");
}
