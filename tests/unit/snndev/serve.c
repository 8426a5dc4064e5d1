/* What the server answers, and that it lives through rude clients. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/snndev/serve.h"

static const struct snndev_rates rates = {.title = "here"};

static void expect_status(const char *request, const char *status)
{
    size_t size = 0;
    char *answer = snndev_server_answer(request, &rates, &size);
    cr_assert_not_null(answer);
    cr_expect_eq(strncmp(answer, status, strlen(status)), 0, "'%s': %.40s", request, answer);
    free(answer);
}

Test(snndev_serve, two_paths_are_known)
{
    expect_status("GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Type: text/html");
    expect_status("GET /?a HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n");
    expect_status("GET /rates.json HTTP/1.1\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n");
    expect_status("GET /../etc/passwd HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ");
    expect_status("GET /rates.jsonx HTTP/1.1\r\n\r\n", "HTTP/1.1 404 ");
    expect_status("POST / HTTP/1.1\r\n\r\n", "HTTP/1.1 405 ");
    expect_status("GET \r\n\r\n", "HTTP/1.1 404 ");
}

/* A name that was made to point here is a stranger's page. */
Test(snndev_serve, only_addresses_may_name_the_host)
{
    expect_status("GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n", "HTTP/1.1 200 ");
    expect_status("GET / HTTP/1.1\r\nhost: localhost:1\r\n\r\n", "HTTP/1.1 200 ");
    expect_status("GET / HTTP/1.1\r\nA: b\r\nHOST: [::1]:8080\r\n\r\n", "HTTP/1.1 200 ");
    expect_status("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 ");
    expect_status("GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", "HTTP/1.1 403 ");
    expect_status("GET / HTTP/1.1\r\nHost: localhosts\r\n\r\n", "HTTP/1.1 403 ");
    expect_status("GET / HTTP/1.1\r\nHost: \r\n\r\n", "HTTP/1.1 403 ");
}

Test(snndev_serve, head_has_the_length_and_no_body)
{
    size_t whole = 0, head = 0;
    char *answer = snndev_server_answer("GET / HTTP/1.1\r\n\r\n", &rates, &whole);
    char *only = snndev_server_answer("HEAD / HTTP/1.1\r\n\r\n", &rates, &head);
    cr_assert(answer && only);
    const char *body = strstr(answer, "\r\n\r\n") + 4;
    cr_expect_eq((size_t)(body - answer), head);
    cr_expect_arr_eq(answer, only, head);
    unsigned long length = strtoul(strstr(answer, "Content-Length: ") + 16, NULL, 10);
    cr_expect_eq(length, whole - head);
    free(answer);
    free(only);
}

/* ---- Over a socket ---- */

static struct snndev_server *server;
static struct snncli_console console;
static uint16_t port;

static void open_server(void)
{
    const struct snndev_address address = {.host = "127.0.0.1"};
    snncli_console_init(&console, "snndev");
    cr_assert_eq(snndev_server_open(&server, &console, &address, &port), SNNCLI_EXIT_OK);
    cr_assert_gt(port, 0);
}

static void close_server(void)
{
    snndev_server_close(&server);
    cr_assert_null(server);
}

static int dial(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert_eq(connect(descriptor, (struct sockaddr *)&to, sizeof(to)), 0);
    return descriptor;
}

static void say(int descriptor, const char *text)
{
    cr_assert_eq(send(descriptor, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static void poll_server(int times)
{
    for (int i = 0; i < times; i++)
        snndev_server_poll(server, &rates, 20);
}

/* Everything that comes until the end. */
static size_t hear(int descriptor, char *text, size_t size)
{
    size_t got = 0;
    for (int i = 0; i < 200; i++) {
        snndev_server_poll(server, &rates, 5);
        ssize_t more = recv(descriptor, text + got, size - 1 - got, MSG_DONTWAIT);
        if (more == 0) break;
        if (more > 0) got += (size_t)more;
    }
    text[got] = '\0';
    close(descriptor);
    return got;
}

Test(snndev_serve, request_in_pieces_is_answered_once, .init = open_server, .fini = close_server)
{
    static char text[65536];
    int descriptor = dial();
    say(descriptor, "GET /rates.json HTT");
    poll_server(3);
    say(descriptor, "P/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    cr_assert_gt(hear(descriptor, text, sizeof(text)), 0);
    cr_expect_not_null(strstr(text, "\"title\": \"here\""));
}

Test(snndev_serve, silent_endless_and_vanishing_clients_do_no_harm, .init = open_server,
     .fini = close_server)
{
    static char text[65536], flood[6000];
    int silent[12];
    for (int i = 0; i < 12; i++) {
        silent[i] = dial();
        poll_server(1);
    }
    int endless = dial();
    poll_server(1);
    memset(flood, 'a', sizeof(flood));
    (void)send(endless, flood, sizeof(flood), MSG_NOSIGNAL);
    poll_server(3);
    int gone = dial();
    say(gone, "GET / HTTP/1.1\r\n\r\n");
    close(gone);
    poll_server(3);
    int descriptor = dial();
    say(descriptor, "GET / HTTP/1.1\r\n\r\n");
    cr_assert_gt(hear(descriptor, text, sizeof(text)), 0);
    cr_expect_not_null(strstr(text, "</html>"));
    for (int i = 0; i < 12; i++)
        close(silent[i]);
    close(endless);
}

Test(snndev_serve, is_on_that_address_alone, .init = open_server, .fini = close_server)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    int descriptor = socket(AF_INET, SOCK_STREAM, 0);
    /* Another address of the loopback: what listens on all would take it. */
    cr_assert_eq(inet_pton(AF_INET, "127.0.0.2", &to.sin_addr), 1);
    cr_expect_neq(connect(descriptor, (struct sockaddr *)&to, sizeof(to)), 0);
    close(descriptor);
}

Test(snndev_serve, a_port_that_is_taken_is_refused, .init = open_server, .fini = close_server)
{
    const struct snndev_address address = {.host = "127.0.0.1", .port = port};
    struct snndev_server *second = NULL;
    uint16_t other = 0;
    console.err = fopen("/dev/null", "w");
    cr_expect_eq(snndev_server_open(&second, &console, &address, &other), SNNCLI_EXIT_USAGE);
    cr_expect_null(second);
    fclose(console.err);
}
