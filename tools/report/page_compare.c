/* Several targets side by side.
 */
#include <math.h>

#include "tools/report/page_parts.h"

static void put_row(const struct snnreport_pen *pen)
{
    const struct snn_result *r = pen->r;
    const bool spiking = snnreport_is_spiking(r);
    const struct snn_result *first = pen->report->results[0];
    snnreport_row_open(pen, snnreport_target(r).text);
    snnreport_accuracy_cell(pen, r->accuracy, "");
    snnreport_cell(pen, SNNREPORT_PERCENT, r->cnn_agreement, "/cnn_agreement");
    snnreport_cell(pen, SNNREPORT_PERCENT,
                   pen->index > 0 ? snn_result_agreement(first, r) : (double)NAN, "/agreement");
    if (spiking)
        snnreport_cell(pen, SNNREPORT_MEAN, r->first_spike.steps_mean, "/first_spike/steps_mean");
    else
        snnreport_put(pen->out, "<td>\xe2\x80\x93</td>");
    snnreport_cell(pen, SNNREPORT_SI, r->synops_mean, "/synops_mean");
    snnreport_cell(pen, SNNREPORT_SI, spiking ? (double)NAN : r->macs_mean, "/macs_mean");
    snnreport_cell(pen, SNNREPORT_JOULE, r->energy_uj_mean, "/energy/uj_mean");
    snnreport_row_close(pen);
}

void snnreport_page_comparison(const struct snnreport_pen *of)
{
    struct snnreport_pen pen = *of;
    snnreport_put(pen.out, "<section>\n<h2 id=\"targets\">Targets compared</h2>\n");
    snnreport_table_open(&pen, "The same samples on each target",
                         "<Target|" SNNREPORT_ACCURACY "|As the CNN|As the first|"
                         "First&nbsp;spike <small>steps</small>|SynOps|MACs|Energy");
    for (uint32_t i = 0; i < pen.report->result_count; i++) {
        pen.index = i;
        pen.r = pen.report->results[i];
        if (pen.r->sample_count > 0) put_row(&pen);
    }
    snnreport_table_close(&pen);
    snnreport_draw_targets(&pen);
    snnreport_put(pen.out, "</section>\n");
}
