/* What doctor finds: facts of the machine, and what they mean for somebody with a device.
 */
#ifndef TOOLS_SNNDEV_DOCTOR_H
#define TOOLS_SNNDEV_DOCTOR_H

#include <stdbool.h>
#include <stddef.h>

/* As the files below a root folder ("" for the machine's own) tell. */
struct snndev_facts {
    bool usb_bus;        /* /dev/bus/usb: a kernel with USB, and its files */
    char rule[128];      /* where the udev rule is installed; "": nowhere */
    bool vhci_loaded;    /* the virtual host controller is there */
    bool vhci_available; /* or its module is */
    bool controller;     /* a USB device controller, for gadgets */
    bool functionfs;     /* mounted, or its module can be loaded */
};

void snndev_facts_read(struct snndev_facts *out, const char *root);

enum snndev_verdict {
    SNNDEV_FINE = 0,
    SNNDEV_REMARK = 1, /* not needed by everybody */
    SNNDEV_TROUBLE = 2 /* something that is there cannot be used */
};

struct snndev_finding {
    enum snndev_verdict verdict;
    const char *topic; /* findings of a topic stand together */
    char text[400];
    char remedy[640]; /* lines; "" for none */
};

struct snndev_findings {
    struct snndev_finding list[24];
    size_t count;
};

/* Appends; what is beyond the room is dropped. `remedy` may be NULL. */
void snndev_find(struct snndev_findings *findings, enum snndev_verdict verdict, const char *topic,
                 const char *remedy, const char *text);

/* What the facts mean for devices on USB (`denied`: of those plugged in, how many this user may not
 * open) and for virtual chips. */
void snndev_judge_rule(struct snndev_findings *findings, const struct snndev_facts *facts,
                       bool root, size_t denied);
void snndev_judge_emulation(struct snndev_findings *findings, const struct snndev_facts *facts,
                            bool root);

/* Lines of a rule file that are no comments, with the commands that install it. */
void snndev_rule_remedy(char *out, size_t size, const char *rule, size_t rule_size);

extern const unsigned char snndev_udev_rule[];
extern const size_t snndev_udev_rule_size;

#endif
