/* The emulator "process" with the transport "serial" and the link on the other side: a virtual chip
 * over a pty, with everything that may go wrong on the way; and its sessions on tape, played again.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "device/link.h"
#include "device/vchip/emulator.h"
#include "snn/status.h"
#include "tests/unit/support.h"

extern const struct snndev_emulator_ops snndev_process_emulator;

static struct snndev_vchip *vchip;
static struct snndev_port *port;
static struct snn_context *far_context;
static struct snn_emulate_options options;
static struct snndev_link *the_link;
static pthread_t thread;
static bool running;
static int served;
static _Atomic bool stop, there;
static char uri[192], address[128];

static bool go_on(void *user)
{
    (void)user;
    return !stop;
}

static void ready(const char *where, void *user)
{
    (void)user;
    snprintf(uri, sizeof(uri), "%s", where);
    there = true;
}

static void *serve(void *user)
{
    (void)user;
    served = snndev_process_emulator.serve(far_context, port, &options);
    there = true;
    return NULL;
}

/* `name` of a line in the folder of the test, where an emulator left one behind. */
static void plug(const char *fault, const char *name)
{
    const struct snndev_vchip_options chip = {.chip = "speck2f", .serial = "LINE1"};
    const struct timespec moment = {.tv_nsec = 1000000};
    struct snndev_faults faults;
    support_begin();
    cr_assert_eq(snn_context_create(&far_context, NULL), SNN_OK);
    cr_assert_eq(snndev_vchip_create(&vchip, far_context, &chip), SNN_OK, "%s",
                 snn_context_message(far_context));
    cr_assert_eq(snndev_faults_parse(&faults, far_context, fault), SNN_OK);
    cr_assert_eq(snndev_port_create(&port, far_context, vchip, &faults), SNN_OK);
    if (name != NULL && name[0] != '/') {
        (void)snprintf(address, sizeof(address), "%s", support_path(name));
        cr_assert_eq(symlink("/no/such/line", address), 0);
        name = address;
    }
    options = (struct snn_emulate_options){.address = name, .ready = ready, .go_on = go_on};
    running = pthread_create(&thread, NULL, serve, NULL) == 0;
    cr_assert(running);
    while (!there)
        nanosleep(&moment, NULL);
}

static void unplug(void)
{
    stop = true;
    if (running) pthread_join(thread, NULL);
    running = false;
    snndev_port_destroy(&port);
    snndev_vchip_destroy(&vchip);
    snn_context_destroy(&far_context);
    support_end();
}

TestSuite(process, .fini = unplug);

static int open_link(const char *where, const char *record)
{
    const struct snndev_link_options o = {.timeout_ms = 2000, .record = record};
    return snndev_link_open(&the_link, support_context(), where, &o);
}

static int request(enum snnwire_code code)
{
    const struct snnwire_request r = {.code = (uint8_t)code};
    return snndev_link_request(the_link, support_context(), &r, NULL, NULL);
}

/* A configuration that is none is refused; what the device says to a stream without one. */
static void talk(void)
{
    struct snnwire_item items[8];
    size_t count = 0;
    cr_assert_eq(request(SNNWIRE_CODE_BEGIN), SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_eq(request(SNNWIRE_CODE_COMMIT), SNN_ERR_PROTOCOL);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "refuses COMMIT"), "%s",
                       snn_context_message(support_context()));
    cr_assert_eq(snndev_link_start(the_link, support_context()), SNN_OK);
    cr_assert_eq(snndev_link_mark(the_link, support_context(), SNNWIRE_MARK_BEGIN, 0, 3), SNN_OK);
    cr_assert_eq(snndev_link_flush(the_link, support_context()), SNN_OK);
    cr_assert_eq(snndev_link_receive(the_link, support_context(), items, 8, &count, 2000),
                 SNN_ERR_PROTOCOL);
    cr_assert_not_null(
        strstr(snn_context_message(support_context()), "no configuration is in force"), "%s",
        snn_context_message(support_context()));
}

Test(process, a_chip_on_a_line_says_hello_and_talks)
{
    plug(NULL, NULL);
    cr_assert_eq(open_link(uri, NULL), SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_str_eq(snndev_link_hello(the_link)->serial, "LINE1");
    talk();
    snndev_link_close(&the_link);
}

Test(process, hosts_may_come_and_go)
{
    plug(NULL, NULL);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(open_link(uri, NULL), SNN_OK, "%s", snn_context_message(support_context()));
        snndev_link_close(&the_link);
    }
}

Test(process, odd_packets_and_halts_harm_nothing)
{
    plug("odd,stall-in@8,stall-out@8,error-in@16,delay=5", NULL);
    cr_assert_eq(open_link(uri, NULL), SNN_OK, "%s", snn_context_message(support_context()));
    talk();
    snndev_link_close(&the_link);
}

Test(process, a_plug_pulled_out_is_told)
{
    struct snnwire_item items[8];
    size_t count = 0;
    int status = SNN_OK;
    plug("gone@8", NULL);
    cr_assert_eq(open_link(uri, NULL), SNN_OK);
    cr_assert_eq(snndev_link_start(the_link, support_context()), SNN_OK);
    cr_assert_eq(snndev_link_mark(the_link, support_context(), SNNWIRE_MARK_BEGIN, 0, 3), SNN_OK);
    cr_assert_eq(snndev_link_flush(the_link, support_context()), SNN_OK);
    while (status == SNN_OK)
        status = snndev_link_receive(the_link, support_context(), items, 8, &count, 2000);
    cr_assert_eq(status, SNN_ERR_GONE, "%s", snn_context_message(support_context()));
    snndev_link_close(&the_link);
    pthread_join(thread, NULL);
    running = false;
    cr_assert_eq(served, SNN_OK);
}

Test(process, a_line_may_have_a_name)
{
    plug(NULL, "speck");
    cr_assert_not_null(strstr(uri, "/speck@115200"));
    cr_assert_eq(open_link(uri, NULL), SNN_OK, "%s", snn_context_message(support_context()));
    snndev_link_close(&the_link);
    stop = true;
    pthread_join(thread, NULL);
    running = false;
    cr_assert_neq(access(address, F_OK), 0);
}

Test(process, a_name_that_is_taken_is_told)
{
    plug(NULL, "/dev/null");
    cr_assert_eq(served, SNN_ERR_BUSY);
    cr_assert_not_null(strstr(snn_context_message(far_context), "/dev/null"));
}

Test(process, a_session_on_tape_is_played_again)
{
    char replay[256];
    plug(NULL, NULL);
    const char *tape = support_path("session.tape");
    snprintf(replay, sizeof(replay), "replay:%s", tape);
    cr_assert_eq(open_link(uri, tape), SNN_OK, "%s", snn_context_message(support_context()));
    talk();
    cr_assert_eq(snndev_link_record_end(the_link, support_context()), SNN_OK);
    snndev_link_close(&the_link);
    cr_assert_eq(open_link(replay, NULL), SNN_OK, "%s", snn_context_message(support_context()));
    cr_assert_str_eq(snndev_link_hello(the_link)->serial, "LINE1");
    talk();
    snndev_link_close(&the_link);
    /* Another sample than then. */
    cr_assert_eq(open_link(replay, NULL), SNN_OK);
    cr_assert_eq(request(SNNWIRE_CODE_RESET), SNN_ERR_PROTOCOL);
    cr_assert_not_null(strstr(snn_context_message(support_context()), "expected BEGIN"), "%s",
                       snn_context_message(support_context()));
    snndev_link_close(&the_link);
}
