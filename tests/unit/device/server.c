/* The virtual chip behind a TCP port, to a client that plays `usbip list`, `usbip attach` and a
 * host controller; and what snn_emulate refuses.
 */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "libsnn/wire/message.h"
#include "libsnn/wire/word.h"
#include "snn/device.h"
#include "snn/status.h"
#include "tests/device/usbip_client.h"

enum { OUT = SNNWIRE_ENDPOINT_OUT, IN = SNNWIRE_ENDPOINT_IN, STALL = -32, UNLINKED = -104 };
enum { OP = 8, BUSID = 32, DEVICE = 312, INTERFACE = 4, TIMEOUT_S = 10, LENGTH = 512 };

/* A server on a thread of its own. */
struct server {
    pthread_t thread;
    const char *fault;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    unsigned short port; /* 0: not yet */
    atomic_bool stopped;
    int status;
};

static void note_ready(const char *address, void *user)
{
    struct server *server = user;
    pthread_mutex_lock(&server->mutex);
    server->port = (unsigned short)atoi(strrchr(address, ':') + 1);
    pthread_cond_signal(&server->changed);
    pthread_mutex_unlock(&server->mutex);
}

static bool goes_on(void *user)
{
    return !atomic_load(&((struct server *)user)->stopped);
}

static void *serve(void *user)
{
    struct server *server = user;
    struct snn_context *context = NULL;
    const struct snn_emulate_options options = {
        .chip = "speck2f",
        .as = "usbip",
        .serial = "TCP1",
        .fault = server->fault,
        .address = "127.0.0.1:0",
        .ready = note_ready,
        .go_on = goes_on,
        .user = server,
    };
    server->status = snn_context_create(&context, NULL);
    if (server->status == SNN_OK) server->status = snn_emulate(context, &options);
    snn_context_destroy(&context);
    return NULL;
}

static void start(struct server *server, const char *fault)
{
    *server = (struct server){
        .fault = fault, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    cr_assert_eq(pthread_create(&server->thread, NULL, serve, server), 0);
    pthread_mutex_lock(&server->mutex);
    while (server->port == 0)
        pthread_cond_wait(&server->changed, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
}

/* Waits for its end; `stopped` false: it must come by itself. */
static void finish(struct server *server, bool stopped)
{
    if (stopped) atomic_store(&server->stopped, true);
    pthread_join(server->thread, NULL);
    cr_assert_eq(server->status, SNN_OK);
}

static int connect_to(const struct server *server)
{
    const struct timeval patience = {.tv_sec = TIMEOUT_S};
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_port = htons(server->port),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int client = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_geq(client, 0);
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    cr_assert_eq(connect(client, (const struct sockaddr *)&address, sizeof address), 0);
    return client;
}

static void tell(int client, const void *bytes, size_t size)
{
    cr_assert_eq(send(client, bytes, size, MSG_NOSIGNAL), (ssize_t)size);
}

static void hear(int client, void *bytes, size_t size)
{
    cr_assert_eq(recv(client, bytes, size, MSG_WAITALL), (ssize_t)size);
}

static void assert_closed(int client)
{
    char byte = 0;
    cr_assert_leq(recv(client, &byte, 1, 0), 0);
    close(client);
}

static const uint8_t ask_list[OP] = {0x01, 0x11, 0x80, 0x05};
static const uint8_t ask_import[OP + BUSID] = {0x01, 0x11, 0x80, 0x03, 0, 0, 0, 0, '1', '-', '1'};

static int import(const struct server *server)
{
    const uint8_t fine[OP] = {0x01, 0x11, 0x00, 0x03};
    uint8_t answer[OP + DEVICE];
    const int client = connect_to(server);
    tell(client, ask_import, sizeof ask_import);
    hear(client, answer, sizeof answer);
    cr_assert_arr_eq(answer, fine, sizeof fine);
    cr_assert_str_eq((const char *)answer + OP + 256, "1-1");
    return client;
}

Test(server, the_device_can_be_listed_again_and_again)
{
    const uint8_t begin[OP + 4] = {0x01, 0x11, 0x00, 0x05, 0, 0, 0, 0, 0, 0, 0, 1};
    /* Speed high; 1209:0001, version 1.00; class of the interface: a vendor's. */
    const uint8_t speed[4] = {0, 0, 0, 3}, ids[6] = {0x12, 0x09, 0x00, 0x01, 0x01, 0x00};
    struct server server;
    start(&server, NULL);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t answer[OP + 4 + DEVICE + INTERFACE];
        const int client = connect_to(&server);
        tell(client, ask_list, sizeof ask_list);
        hear(client, answer, sizeof answer);
        cr_assert_arr_eq(answer, begin, sizeof begin);
        cr_assert_arr_eq(answer + OP + 4 + 296, speed, sizeof speed);
        cr_assert_arr_eq(answer + OP + 4 + 300, ids, sizeof ids);
        cr_assert_eq(answer[OP + 4 + 311], 1, "interfaces");
        cr_assert_eq(answer[OP + 4 + DEVICE], 0xff);
        assert_closed(client);
    }
    finish(&server, true);
}

Test(server, only_its_own_device_can_be_imported)
{
    const uint8_t refused[OP] = {0x01, 0x11, 0x00, 0x03, 0, 0, 0, 4};
    uint8_t other[OP + BUSID], answer[OP];
    struct server server;
    start(&server, NULL);
    memcpy(other, ask_import, sizeof other);
    other[OP + 2] = '2';
    int client = connect_to(&server);
    tell(client, other, sizeof other);
    hear(client, answer, sizeof answer);
    cr_assert_arr_eq(answer, refused, sizeof refused);
    assert_closed(client);
    client = connect_to(&server);
    tell(client, "GET / HTTP/1.0\r\n\r\n", 18);
    assert_closed(client);
    finish(&server, true);
}

/* Answer with its data into `data`, which an IN transfer has. */
static struct usbip_client_answer hear_answer(int client, uint8_t *data, size_t room)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    struct usbip_client_answer answer;
    hear(client, header, sizeof header);
    cr_assert(usbip_client_answer(&answer, header));
    if (!data) return answer;
    cr_assert_leq(answer.actual, room);
    if (answer.actual > 0) hear(client, data, answer.actual);
    return answer;
}

static void submit(int client, uint32_t sequence, uint8_t endpoint, uint32_t length,
                   const uint8_t *setup)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    usbip_client_submit(header, sequence, endpoint, length, setup);
    tell(client, header, sizeof header);
}

static void say_hello(int client, uint32_t sequence)
{
    const uint8_t setup[8] = {0xc0, SNNWIRE_CODE_HELLO, 255, 0, 0, 0, SNNWIRE_HELLO_BYTES, 0};
    uint8_t data[SNNWIRE_HELLO_BYTES];
    struct snnwire_hello hello;
    submit(client, sequence, 0x80, sizeof data, setup);
    const struct usbip_client_answer answer = hear_answer(client, data, sizeof data);
    cr_assert_eq(answer.sequence, sequence);
    cr_assert_eq(answer.status, 0);
    cr_assert(snnwire_hello_read(&hello, data, answer.actual));
    cr_assert_str_eq(hello.chip, "speck2f");
    cr_assert_str_eq(hello.serial, "TCP1");
}

/* Nothing is configured, so a BEGIN is answered with an ERROR. */
static void stream(int client)
{
    uint8_t bytes[64], data[LENGTH];
    struct snnwire_writer writer = {0};
    struct snnwire_reader reader = {0};
    struct snnwire_item item;
    enum snnwire_fault fault;
    size_t used = 0;
    size_t size = snnwire_write_mark(&writer, SNNWIRE_MARK_BEGIN, 0, 0, bytes);
    size += snnwire_write_check(&writer, bytes + size);
    submit(client, 10, IN, sizeof data, NULL);
    submit(client, 11, OUT, (uint32_t)size, NULL);
    tell(client, bytes, size);
    struct usbip_client_answer answer = hear_answer(client, NULL, 0);
    cr_assert_eq(answer.sequence, 11);
    cr_assert_eq(answer.status, 0);
    cr_assert_eq(answer.actual, size);
    answer = hear_answer(client, data, sizeof data);
    cr_assert_eq(answer.sequence, 10);
    cr_assert(snnwire_read(&reader, data, answer.actual, &used, &item, &fault));
    cr_assert(item.is_mark);
    cr_assert_eq(item.mark, SNNWIRE_MARK_ERROR);
}

static void unlink_one(int client)
{
    uint8_t header[USBIP_CLIENT_HEADER];
    submit(client, 20, IN, LENGTH, NULL);
    usbip_client_unlink(header, 21, 20);
    tell(client, header, sizeof header);
    const struct usbip_client_answer answer = hear_answer(client, NULL, 0);
    cr_assert(answer.unlink);
    cr_assert_eq(answer.sequence, 21);
    cr_assert_eq(answer.status, UNLINKED);
}

Test(server, a_client_talks_to_the_imported_device)
{
    const uint8_t unknown[8] = {0xc0, 99, 0, 0, 0, 0, 4, 0};
    uint8_t data[4];
    struct server server;
    start(&server, NULL);
    const int client = import(&server);
    say_hello(client, 1);
    submit(client, 2, 0x80, 4, unknown);
    cr_assert_eq(hear_answer(client, data, sizeof data).status, STALL);
    stream(client);
    unlink_one(client);
    say_hello(client, 30);
    close(client);
    finish(&server, false);
}

Test(server, it_stops_when_it_is_told_to_while_imported)
{
    struct server server;
    start(&server, NULL);
    const int client = import(&server);
    say_hello(client, 1);
    finish(&server, true);
    assert_closed(client);
}

Test(server, a_device_that_vanishes_closes_the_connection)
{
    struct server server;
    start(&server, "gone@0");
    const int client = import(&server);
    say_hello(client, 1);
    submit(client, 2, IN, LENGTH, NULL);
    assert_closed(client);
    finish(&server, false);
}

static void assert_refused(const struct snn_emulate_options *options, int status, const char *text)
{
    struct snn_context *context = NULL;
    cr_assert_eq(snn_context_create(&context, NULL), SNN_OK);
    cr_assert_eq(snn_emulate(context, options), status);
    cr_assert(strstr(snn_context_message(context), text), "%s", snn_context_message(context));
    cr_assert_neq(snn_context_hint(context)[0], '\0');
    snn_context_destroy(&context);
}

Test(server, options_that_make_no_device_are_refused_by_name)
{
    struct snn_emulate_options options = {.chip = "speck2f", .as = "firewire"};
    assert_refused(&options, SNN_ERR_INVALID, "firewire");
    options.as = "usbip";
    options.address = "nowhere";
    assert_refused(&options, SNN_ERR_INVALID, "nowhere");
    options.address = "127.0.0.1:0";
    options.serial = "NUMBER 1";
    assert_refused(&options, SNN_ERR_INVALID, "NUMBER 1");
    options.serial = NULL;
    options.fault = "explode@5";
    assert_refused(&options, SNN_ERR_INVALID, "explode");
    options.fault = NULL;
    options.chip = "no-such-chip";
    options.as = "usbip";
    assert_refused(&options, SNN_ERR_NOT_FOUND, "no-such-chip");
}

Test(server, a_port_in_use_is_refused)
{
    struct server server;
    char address[32];
    start(&server, NULL);
    snprintf(address, sizeof address, "127.0.0.1:%u", server.port);
    const struct snn_emulate_options options = {
        .chip = "speck2f", .as = "usbip", .address = address};
    assert_refused(&options, SNN_ERR_BUSY, address);
    finish(&server, true);
}
