/* The answers themselves, for data without labels, of which no accuracy can be told.
 */
#ifndef TOOLS_REPORT_ANSWERS_H
#define TOOLS_REPORT_ANSWERS_H

#include "snn/run.h"
#include "tools/report/text.h"

#define SNNREPORT_ANSWERS_MAX 10 /* samples up to which each answer is told */

/* Appends "class 4, first spike of class 5 after 13 steps, by margin:3 class 4 after 20 steps" of
 * the result's sample number `index`. */
void snnreport_answer(struct snnreport_text *out, const struct snn_result *result, uint64_t index);
/* Appends "class 4: 12, 7: 3, none: 1", the most frequent first. */
void snnreport_answers(struct snnreport_text *out, const struct snn_result *result);

#endif
