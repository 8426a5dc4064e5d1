/* snndev with virtual chips on a libusb of our own: snndev-bed SCENE VERB ..., so that its messages
 * about devices on USB can be had on any machine.
 *
 * Scenes: none, one, two, denied, busy, old (another version of the protocol).
 */
#include <stdio.h>
#include <string.h>

#include "snn/context.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/device/fakeusb.h"

/* tools/snndev/main.c, its main by another name. */
int snndev_main(int argc, char **argv);

static const struct scene {
    const char *name;
    unsigned devices;
    const char *fault;
    bool denied, busy;
} scenes[] = {
    {.name = "none"},
    {.name = "one", .devices = 1},
    {.name = "two", .devices = 2},
    {.name = "denied", .devices = 1, .denied = true},
    {.name = "busy", .devices = 1, .busy = true},
    {.name = "old", .devices = 1, .fault = "version=2"},
};

static const struct scene *find_scene(const char *name)
{
    for (size_t i = 0; name && i < sizeof(scenes) / sizeof(scenes[0]); i++) {
        if (strcmp(scenes[i].name, name) == 0) return &scenes[i];
    }
    return NULL;
}

/* What somebody else has open; NULL where that fails. */
static struct snn_device *open_first(struct snn_context *context)
{
    struct snn_device *device = NULL;
    if (snn_device_open(&device, context, "usb:", NULL) != SNN_OK)
        fprintf(stderr, "snndev-bed: %s\n", snn_context_message(context));
    return device;
}

int main(int argc, char **argv)
{
    struct snn_context *context = NULL;
    struct snn_device *device = NULL;
    const struct scene *scene = find_scene(argc > 1 ? argv[1] : NULL);
    if (!scene) {
        fprintf(stderr, "usage: snndev-bed none|one|two|denied|busy|old VERB ...\n");
        return 2;
    }
    for (unsigned i = 0; i < scene->devices; i++) {
        if (fakeusb_plug(i, scene->fault) != 0) return 2;
    }
    fakeusb_deny(0, scene->denied);
    if (snn_context_create(&context, NULL) != SNN_OK) return 2;
    if (scene->busy) device = open_first(context);
    argv[1] = argv[0];
    int status = snndev_main(argc - 1, argv + 1);
    snn_device_close(&device);
    snn_context_destroy(&context);
    for (unsigned i = 0; i < scene->devices; i++)
        fakeusb_unplug(i);
    return status;
}
