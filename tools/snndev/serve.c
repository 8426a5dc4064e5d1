/* A page over HTTP; see serve.h. One request a connection, no threads.
 */
#include "tools/snndev/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8, REQUEST_MAX = 4096 };
/* Whoever says nothing for so long makes room for others. */
#define IDLE_S 5.0

struct client {
    int descriptor; /* -1: free */
    double since_s;
    char request[REQUEST_MAX + 1];
    size_t request_size;
    char *answer; /* NULL: the request is not whole yet */
    size_t answer_size, answer_sent;
};

struct snndev_server {
    int listener;
    struct client clients[CLIENTS_MAX];
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* ---- What is answered ---- */

static const char *header_value(const char *request, const char *name)
{
    const size_t length = strlen(name);
    for (const char *line = strstr(request, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        size_t i = 0;
        line += 2;
        while (i < length && (line[i] | 0x20) == (name[i] | 0x20))
            i++;
        if (i == length && line[i] == ':')
            return line + length + 1 + strspn(line + length + 1, " ");
    }
    return NULL;
}

/* A page elsewhere that had its name point here must not read along: addresses only. */
static bool is_host_known(const char *request)
{
    const char *host = header_value(request, "Host");
    if (host == NULL) return true;
    size_t length = strcspn(host, "\r\n");
    if (host[0] == '[') return true;
    length = strcspn(host, ":\r\n");
    if (length == strlen("localhost") && strncmp(host, "localhost", length) == 0) return true;
    return strspn(host, "0123456789.") == length && length > 0;
}

static bool asks_for(const char *request, const char *path)
{
    const size_t length = strlen(path);
    const char *at = strchr(request, ' ') + 1;
    return strncmp(at, path, length) == 0 && (at[length] == ' ' || at[length] == '?');
}

char *snndev_server_answer(const char *request, const struct snndev_rates *rates, size_t *size_out)
{
    char *body = NULL, *answer = NULL;
    size_t size = 0;
    const char *status = "200 OK", *type = "text/html; charset=utf-8";
    const bool head = strncmp(request, "HEAD ", 5) == 0;
    FILE *text = open_memstream(&body, &size);
    if (text == NULL) return NULL;
    if (!head && strncmp(request, "GET ", 4) != 0)
        status = "405 Method Not Allowed";
    else if (!is_host_known(request))
        status = "403 Forbidden";
    else if (asks_for(request, "/"))
        snndev_page_html(text, rates);
    else if (asks_for(request, "/rates.json"))
        snndev_page_json(text, rates);
    else
        status = "404 Not Found";
    if (asks_for(request, "/rates.json")) type = "application/json";
    if (status[0] != '2') {
        type = "text/plain; charset=utf-8";
        fprintf(text, "%s\n", status);
    }
    if (fclose(text) != 0) {
        free(body);
        return NULL;
    }
    FILE *whole = open_memstream(&answer, size_out);
    if (whole != NULL) {
        fprintf(whole,
                "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\nCache-Control: "
                "no-store\r\nConnection: close\r\nX-Content-Type-Options: nosniff\r\n"
                "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
                "script-src 'unsafe-inline'; connect-src 'self'; img-src data:\r\n\r\n",
                status, type, size);
        if (!head) (void)fwrite(body, 1, size, whole);
        if (fclose(whole) != 0) {
            free(answer);
            answer = NULL;
        }
    }
    free(body);
    return answer;
}

/* ---- Connections ---- */

static void drop(struct client *client)
{
    if (client->descriptor >= 0) (void)close(client->descriptor);
    free(client->answer);
    *client = (struct client){.descriptor = -1};
}

static void accept_one(struct snndev_server *server)
{
    struct client *oldest = &server->clients[0];
    const int descriptor = accept(server->listener, NULL, NULL);
    if (descriptor < 0) return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (oldest->descriptor >= 0 &&
            (client->descriptor < 0 || client->since_s < oldest->since_s))
            oldest = client;
    }
    drop(oldest);
    (void)fcntl(descriptor, F_SETFL, O_NONBLOCK);
    (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    oldest->descriptor = descriptor;
    oldest->since_s = now_s();
}

static void read_request(struct client *client, const struct snndev_rates *rates)
{
    char *end = client->request + client->request_size;
    const ssize_t got = recv(client->descriptor, end, REQUEST_MAX - client->request_size, 0);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (got <= 0) {
        drop(client);
        return;
    }
    client->request_size += (size_t)got;
    client->request[client->request_size] = '\0';
    const bool whole = strstr(client->request, "\r\n\r\n") != NULL;
    const bool readable = strchr(client->request, ' ') != NULL;
    if (!whole && client->request_size < REQUEST_MAX) return;
    if (whole && readable)
        client->answer = snndev_server_answer(client->request, rates, &client->answer_size);
    if (client->answer == NULL) drop(client);
}

static void write_answer(struct client *client)
{
    const ssize_t put = send(client->descriptor, client->answer + client->answer_sent,
                             client->answer_size - client->answer_sent, MSG_NOSIGNAL);
    if (put < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
    if (put > 0) client->answer_sent += (size_t)put;
    if (put <= 0 || client->answer_sent == client->answer_size) drop(client);
}

void snndev_server_poll(struct snndev_server *server, const struct snndev_rates *rates,
                        unsigned timeout_ms)
{
    struct pollfd polled[CLIENTS_MAX + 1];
    const double now = now_s();
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->descriptor >= 0 && now - client->since_s > IDLE_S) drop(client);
        polled[i] = (struct pollfd){.fd = client->descriptor,
                                    .events = client->answer != NULL ? POLLOUT : POLLIN};
    }
    polled[CLIENTS_MAX] = (struct pollfd){.fd = server->listener, .events = POLLIN};
    if (poll(polled, CLIENTS_MAX + 1, (int)timeout_ms) <= 0) return;
    for (int i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &server->clients[i];
        if (client->descriptor < 0 || polled[i].revents == 0) continue;
        if (client->answer == NULL) read_request(client, rates);
        if (client->descriptor >= 0 && client->answer != NULL) write_answer(client);
    }
    if (polled[CLIENTS_MAX].revents != 0) accept_one(server);
}

/* ---- Open and close ---- */

union socket_address {
    struct sockaddr any;
    struct sockaddr_in four;
    struct sockaddr_in6 six;
};

/* Numbers only: what a name stands for may be another machine's business. */
static socklen_t fill_address(union socket_address *out, const struct snndev_address *address)
{
    const char *host = strcmp(address->host, "localhost") == 0 ? "127.0.0.1" : address->host;
    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, host, &out->four.sin_addr) == 1) {
        out->four.sin_family = AF_INET;
        out->four.sin_port = htons(address->port);
        return sizeof(out->four);
    }
    if (inet_pton(AF_INET6, host, &out->six.sin6_addr) == 1) {
        out->six.sin6_family = AF_INET6;
        out->six.sin6_port = htons(address->port);
        return sizeof(out->six);
    }
    return 0;
}

static int fail_bind(struct snncli_console *console, const struct snndev_address *address,
                     int error)
{
    snncli_error(console, "--serve", "%s port %u: %s", address->host, address->port,
                 strerror(error));
    if (error == EADDRINUSE) snncli_hint(console, "another port, or 0 for any that is free");
    if (error == EACCES) snncli_hint(console, "ports below 1024 are for root: take another");
    if (error == EADDRNOTAVAIL)
        snncli_hint(console, "no address of this machine; the loopback is 127.0.0.1");
    return error == EACCES ? SNNCLI_EXIT_ACCESS : SNNCLI_EXIT_USAGE;
}

static int listen_on(struct snncli_console *console, const struct snndev_address *address,
                     int *descriptor_out, uint16_t *port_out)
{
    union socket_address bound;
    const int on = 1;
    socklen_t size = fill_address(&bound, address);
    if (size == 0) {
        snncli_error(console, "--serve", "'%s' is no address in numbers", address->host);
        snncli_hint(console, "write 127.0.0.1:8080, or [::1]:8080");
        return SNNCLI_EXIT_USAGE;
    }
    const int descriptor = socket(bound.any.sa_family, SOCK_STREAM, 0);
    if (descriptor < 0) return fail_bind(console, address, errno);
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    (void)fcntl(descriptor, F_SETFL, O_NONBLOCK);
    if (bind(descriptor, &bound.any, size) != 0 || listen(descriptor, CLIENTS_MAX) != 0 ||
        getsockname(descriptor, &bound.any, &size) != 0) {
        const int error = errno;
        (void)close(descriptor);
        return fail_bind(console, address, error);
    }
    *port_out = ntohs(bound.any.sa_family == AF_INET ? bound.four.sin_port : bound.six.sin6_port);
    *descriptor_out = descriptor;
    return SNNCLI_EXIT_OK;
}

int snndev_server_open(struct snndev_server **out, struct snncli_console *console,
                       const struct snndev_address *address, uint16_t *port_out)
{
    struct snndev_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return snncli_fail(console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    for (int i = 0; i < CLIENTS_MAX; i++)
        server->clients[i].descriptor = -1;
    int status = listen_on(console, address, &server->listener, port_out);
    if (status == SNNCLI_EXIT_OK)
        *out = server;
    else
        free(server);
    return status;
}

void snndev_server_close(struct snndev_server **address)
{
    struct snndev_server *server = *address;
    if (server == NULL) return;
    for (int i = 0; i < CLIENTS_MAX; i++)
        drop(&server->clients[i]);
    (void)close(server->listener);
    free(server);
    *address = NULL;
}
