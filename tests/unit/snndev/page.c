/* The monitor's page and JSON as text. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tools/snndev/serve.h"

typedef void (*page_fn)(FILE *out, const struct snndev_rates *rates);

static char *print(page_fn page, const struct snndev_rates *rates)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    cr_assert_not_null(out);
    page(out, rates);
    fclose(out);
    return text;
}

static struct snndev_rates sample(void)
{
    struct snndev_rates rates = {.title = "<net> & \"chip\"",
                                 .core_count = 2,
                                 .samples = 1234,
                                 .labelled = 4,
                                 .right = 3,
                                 .in_rate = 1500};
    strcpy(rates.cores[0].name, "conv<1>");
    rates.cores[0].rate = rates.cores[0].peak = 200;
    rates.cores[0].history[SNNDEV_HISTORY - 1] = 200;
    rates.cores[1].core = 7;
    rates.cores[1].rate = 50;
    rates.cores[1].peak = 100;
    return rates;
}

Test(snndev_page, is_whole_without_scripts)
{
    const struct snndev_rates rates = sample();
    char *text = print(snndev_page_html, &rates);
    cr_expect_eq(strncmp(text, "<!DOCTYPE html>", 15), 0);
    cr_expect_not_null(strstr(text, "</html>"));
    cr_expect_not_null(strstr(text, "<noscript><meta http-equiv=\"refresh\""));
    cr_expect_not_null(strstr(text, "1.50 k/s"));
    cr_expect_not_null(strstr(text, "<dd id=\"samples\">1,234</dd>"));
    cr_expect_not_null(strstr(text, "<dd id=\"right\">75.00 %</dd>"));
    /* Against the highest peak, 200: all and a quarter of the bar's 100. */
    cr_expect_not_null(strstr(text, "<rect width=\"100.00\""));
    cr_expect_not_null(strstr(text, "<rect width=\"25.00\""));
    free(text);
}

Test(snndev_page, names_from_files_are_text_only)
{
    const struct snndev_rates rates = sample();
    char *text = print(snndev_page_html, &rates);
    cr_expect_not_null(strstr(text, "&lt;net&gt; &amp; &quot;chip&quot;"));
    cr_expect_not_null(strstr(text, "conv&lt;1&gt;"));
    cr_expect_null(strstr(text, "conv<1>"));
    free(text);
}

Test(snndev_page, asks_for_nothing_elsewhere)
{
    const struct snndev_rates rates = sample();
    char *text = print(snndev_page_html, &rates);
    cr_expect_null(strstr(text, "http://"));
    cr_expect_null(strstr(text, "https://"));
    cr_expect_null(strstr(text, "src="));
    cr_expect_null(strstr(text, "@import"));
    free(text);
}

Test(snndev_page, json_has_every_core)
{
    const struct snndev_rates rates = sample();
    char *text = print(snndev_page_json, &rates);
    cr_expect_not_null(strstr(text, "{\"schema\": \"snn.rates/1\", \"title\": "
                                    "\"<net> & \\\"chip\\\"\", "));
    cr_expect_not_null(strstr(text, "{\"core\": 7, \"layer\": \"\", \"rate\": 50, \"spikes\": 0, "
                                    "\"peak\": 100, \"history\": [0, "));
    cr_expect_not_null(strstr(text, "\"samples\": 1234, \"labelled\": 4, \"right\": 3"));
    cr_expect_eq(text[strlen(text) - 1], '\n');
    free(text);
}
