/* What doctor makes of a machine; the machine is a folder. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "tools/snndev/doctor.h"

static char root[64];

static void make_root(void)
{
    strcpy(root, "/tmp/snndev-doctor-XXXXXX");
    cr_assert_not_null(mkdtemp(root));
}

static void remove_root(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert_eq(system(command), 0);
}

/* A file below the root, with its folders. */
static void put(const char *path, const char *text)
{
    char whole[512];
    snprintf(whole, sizeof(whole), "%s%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    FILE *file = fopen(whole, "w");
    cr_assert_not_null(file, "%s", whole);
    fputs(text, file);
    fclose(file);
}

static void put_modules(const char *text)
{
    struct utsname host;
    char path[300];
    cr_assert_eq(uname(&host), 0);
    snprintf(path, sizeof(path), "/lib/modules/%s/modules.dep", host.release);
    put(path, text);
}

static const struct snndev_finding *find(const struct snndev_findings *findings, const char *part)
{
    for (size_t i = 0; i < findings->count; i++)
        if (strstr(findings->list[i].text, part)) return &findings->list[i];
    return NULL;
}

Test(snndev_doctor, empty_machine_has_nothing, .init = make_root, .fini = remove_root)
{
    struct snndev_facts facts;
    snndev_facts_read(&facts, root);
    cr_expect_not(facts.usb_bus || facts.vhci_loaded || facts.vhci_available || facts.controller ||
                  facts.functionfs);
    cr_expect_str_empty(facts.rule);
}

Test(snndev_doctor, files_tell, .init = make_root, .fini = remove_root)
{
    struct snndev_facts facts;
    put("/dev/bus/usb/001/001", "");
    put("/usr/lib/udev/rules.d/70-libsnn.rules", "");
    put("/sys/class/udc/dummy_udc.0", "");
    put_modules("kernel/drivers/usb/usbip/vhci-hcd.ko.xz: kernel/usbip-core.ko.xz\n");
    snndev_facts_read(&facts, root);
    cr_expect(facts.usb_bus && facts.controller && facts.vhci_available);
    cr_expect_not(facts.vhci_loaded || facts.functionfs);
    cr_expect_str_eq(facts.rule, "/usr/lib/udev/rules.d/70-libsnn.rules");
    put("/sys/devices/platform/vhci_hcd.0/attach", "");
    put("/proc/filesystems", "nodev\tsysfs\nnodev\tfunctionfs\n");
    put("/etc/udev/rules.d/70-libsnn.rules", "");
    snndev_facts_read(&facts, root);
    cr_expect(facts.vhci_loaded && facts.functionfs);
    cr_expect_str_eq(facts.rule, "/etc/udev/rules.d/70-libsnn.rules", "udev takes that one first");
}

Test(snndev_doctor, denied_device_without_the_rule_is_trouble_with_its_remedy)
{
    const struct snndev_facts facts = {.usb_bus = true};
    struct snndev_findings findings = {.count = 0};
    snndev_judge_rule(&findings, &facts, false, 1);
    cr_assert_eq(findings.count, 1u);
    cr_expect_eq(findings.list[0].verdict, SNNDEV_TROUBLE);
    cr_expect_eq(strncmp(findings.list[0].remedy, "sudo tee /etc/udev/rules.d/70-libsnn.rules", 42),
                 0);
    cr_expect_not_null(strstr(findings.list[0].remedy, "TAG+=\"uaccess\"\nEND\nsudo udevadm "));
}

Test(snndev_doctor, nobody_denied_is_a_remark)
{
    const struct snndev_facts facts = {.usb_bus = true};
    struct snndev_findings findings = {.count = 0};
    snndev_judge_rule(&findings, &facts, false, 0);
    cr_assert_eq(findings.count, 1u);
    cr_expect_eq(findings.list[0].verdict, SNNDEV_REMARK);
}

Test(snndev_doctor, denied_in_spite_of_the_rule_tells_of_seats)
{
    const struct snndev_facts facts = {.rule = "/etc/udev/rules.d/70-libsnn.rules"};
    struct snndev_findings findings = {.count = 0};
    snndev_judge_rule(&findings, &facts, false, 1);
    cr_expect_eq(find(&findings, "is installed")->verdict, SNNDEV_FINE);
    cr_expect_eq(find(&findings, "and yet")->verdict, SNNDEV_TROUBLE);
    cr_expect_not_null(strstr(find(&findings, "and yet")->remedy, "plugdev"));
}

Test(snndev_doctor, rule_is_given_without_its_comments)
{
    char text[640];
    static const char rule[] = "# why\n\nSUBSYSTEM==\"usb\"\n# more\nLAST";
    snndev_rule_remedy(text, sizeof(text), rule, sizeof(rule) - 1);
    cr_expect_null(strchr(text, '#'));
    cr_expect_not_null(strstr(text, "<<'END'\nSUBSYSTEM==\"usb\"\nLAST"));
}

Test(snndev_doctor, emulation_says_what_each_kind_lacks)
{
    const struct snndev_facts bare = {.usb_bus = true};
    const struct snndev_facts module = {.vhci_available = true, .controller = true};
    const struct snndev_facts loaded = {
        .vhci_available = true, .vhci_loaded = true, .controller = true, .functionfs = true};
    struct snndev_findings findings = {.count = 0};
    snndev_judge_emulation(&findings, &bare, true);
    cr_expect_not_null(find(&findings, "this kernel has no vhci-hcd"));
    cr_expect_not_null(find(&findings, "no device controller here"));
    findings.count = 0;
    snndev_judge_emulation(&findings, &module, false);
    cr_expect_str_eq(find(&findings, "--as vhci")->remedy, "sudo modprobe vhci-hcd");
    cr_expect_str_eq(find(&findings, "--as gadget")->remedy, "sudo snndev emulate --as gadget");
    findings.count = 0;
    snndev_judge_emulation(&findings, &loaded, false);
    cr_expect_str_eq(find(&findings, "--as vhci")->remedy, "sudo snndev emulate --as vhci");
    findings.count = 0;
    snndev_judge_emulation(&findings, &loaded, true);
    for (size_t i = 0; i < findings.count; i++)
        cr_expect_eq(findings.list[i].verdict, SNNDEV_FINE, "%s", findings.list[i].text);
}

Test(snndev_doctor, more_findings_than_there_is_room_for_are_dropped)
{
    struct snndev_findings findings = {.count = 0};
    for (int i = 0; i < 100; i++)
        snndev_find(&findings, SNNDEV_FINE, "x", NULL, "y");
    cr_expect_leq(findings.count, sizeof(findings.list) / sizeof(findings.list[0]));
}
