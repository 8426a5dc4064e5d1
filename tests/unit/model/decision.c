/* The Pareto front of a sweep, on rows written by hand.
 */
#include "libsnn/model/decision.h"

#include <criterion/criterion.h>
#include <math.h>

static struct snn_result_rule row(enum snn_rule_kind kind, double accuracy, double steps,
                                  double synops)
{
    return (struct snn_result_rule){
        .rule = {kind, 0, 0}, .accuracy = accuracy, .steps_mean = steps, .synops_mean = synops};
}

Test(decision, front_is_what_no_other_row_beats)
{
    struct snn_result_rule rows[] = {
        row(SNN_RULE_FIRST, 0.90, 1, 100),  /* the quickest */
        row(SNN_RULE_COUNT, 0.95, 2, 300),  /* cheaper only in steps than the next */
        row(SNN_RULE_COUNT, 0.95, 3, 200),  /* cheaper only in SynOps */
        row(SNN_RULE_COUNT, 0.94, 3, 300),  /* beaten in both */
        row(SNN_RULE_COUNT, 0.95, 2, 300),  /* the same as another: neither beats the other */
        row(SNN_RULE_ORACLE, 0.99, 1, 50),  /* a bound: beats nobody, is on no front */
        row(SNN_RULE_ALL, 0.97, 100, 9000), /* the most accurate */
    };
    const char *const expected[] = {"both", "steps", "synops", NULL, "steps", NULL, "both"};
    enum { COUNT = sizeof(rows) / sizeof(rows[0]) };
    snnmodel_decision_mark(rows, COUNT);
    for (int i = 0; i < COUNT; i++) {
        const char *front = snnmodel_decision_front(&rows[i]);
        cr_assert_eq(front == NULL, expected[i] == NULL, "row %d", i);
        if (front != NULL) cr_assert_str_eq(front, expected[i], "row %d", i);
    }
}

Test(decision, rows_without_accuracy_are_on_no_front)
{
    struct snn_result_rule rows[] = {row(SNN_RULE_FIRST, (double)NAN, 1, 100),
                                     row(SNN_RULE_ALL, (double)NAN, 100, 9000)};
    snnmodel_decision_mark(rows, 2);
    cr_assert_null(snnmodel_decision_front(&rows[0]));
    cr_assert_null(snnmodel_decision_front(&rows[1]));
}
