/* The report as one page: HTML with charts in it, no script to run, nothing fetched from anywhere.
 *
 * Every number that is shown stands in the JSON document of the same run, which the page carries in
 * <script type="application/json" id="result">, and says where: data-json="/results/0/accuracy".
 */
#ifndef TOOLS_REPORT_PAGE_H
#define TOOLS_REPORT_PAGE_H

#include "snn/run.h"
#include "tools/report/chart.h"
#include "tools/report/text.h"

struct snnreport_page {
    const struct snn_report *report;       /* the results, as the JSON has them */
    const char *json;                      /* the document itself */
    const struct snnreport_raster *raster; /* of one sample of the first spiking result; or NULL */
    const char *command;                   /* what was run, for people to run it again; or NULL */
};

/* Appends the whole page. */
void snnreport_page(struct snnreport_text *out, const struct snnreport_page *page);

/* One CSV file a table of the report into a folder, made if it is not there, each whole or not at
 * all (docs/formats/csv.md). Errors: those of writing. */
int snnreport_csv_save(struct snn_context *context, const struct snn_report *report,
                       const char *folder);

/* Names of these files; NULL behind the last. */
const char *snnreport_csv_name(size_t index);

#endif
