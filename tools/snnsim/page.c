/* The page of a run (--report): the results with what led to them, and the command to do it again.
 */
#include <string.h>

#include "tools/report/page.h"
#include "tools/snnsim/session.h"

/* An argument as a shell takes it. */
static void put_argument(struct snnreport_text *out, const char *argument)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "@%_+=:,./-";
    snnreport_put(out, " ");
    if (*argument != '\0' && strspn(argument, plain) == strlen(argument)) {
        snnreport_put(out, argument);
        return;
    }
    snnreport_put(out, "'");
    for (; *argument != '\0'; argument++)
        snnreport_printf(out, *argument == '\'' ? "'\\%c'" : "%c", *argument);
    snnreport_put(out, "'");
}

void snnsim_put_command(const struct snnsim_session *s, struct snnreport_text *out)
{
    snnreport_put(out, "snnsim");
    for (int i = 1; i < s->argc; i++)
        put_argument(out, s->argv[i]);
}

int snnsim_save_page(struct snnsim_session *s, const struct snn_report *report)
{
    struct snnreport_text command = {.data = NULL}, page = {.data = NULL};
    char *json = NULL;
    snnsim_put_command(s, &command);
    int status = snn_report_format(&json, s->context, report);
    if (status == SNN_OK) {
        const struct snnreport_page content = {
            .report = report,
            .json = json,
            .raster = s->raster.lane_count > 0 ? &s->raster.picture : NULL,
            .command = command.data};
        snnreport_page(&page, &content);
        status = command.failed || page.failed
                     ? SNN_ERR_NOMEM
                     : snn_file_save(s->context, s->options.report, page.data, page.size);
    }
    snn_text_free(s->context, &json);
    snnreport_text_fini(&page);
    snnreport_text_fini(&command);
    return status;
}
