/* A page and its numbers over HTTP, for a few browsers on one address.
 *
 * Polled by the loop that has something to show; never blocks beyond the time it is given, answers
 * GET of two paths and refuses everything else.
 */
#ifndef TOOLS_SNNDEV_SERVE_H
#define TOOLS_SNNDEV_SERVE_H

#include "tools/cli/message.h"
#include "tools/snndev/options.h"
#include "tools/snndev/rates.h"

struct snndev_server;

/* Binds to that address alone. Prints what is wrong; exit status. *port_out: the port, also where 0
 * asked for any. */
int snndev_server_open(struct snndev_server **out, struct snncli_console *console,
                       const struct snndev_address *address, uint16_t *port_out);
void snndev_server_poll(struct snndev_server *server, const struct snndev_rates *rates,
                        unsigned timeout_ms);
void snndev_server_close(struct snndev_server **server);

/* ---- page.c ---- */

void snndev_page_html(FILE *out, const struct snndev_rates *rates);
void snndev_page_json(FILE *out, const struct snndev_rates *rates);

/* What the server answers to a request that is whole: the response, head and body, allocated;
 * NULL without memory. */
char *snndev_server_answer(const char *request, const struct snndev_rates *rates, size_t *size_out);

#endif
