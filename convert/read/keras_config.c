/* Entries of a layer's configuration, see keras.h. The three generations of Keras differ in names
 * ("subsample", "strides") and in what they allow in place of a list; the callers say both names.
 *
 * Source: get_config() of the layers in Keras 1.2, 2.15 and 3.
 */
#include <math.h>
#include <string.h>

#include "convert/read/keras.h"
#include "libsnn/base/error.h"
#include "snn/status.h"

#define WHOLE_MAX 9007199254740992.0 /* 2^53 */

int snnconv_keras_fail_entry(const struct snnconv_keras_layer *layer, const char *name,
                             const char *what)
{
    return snnbase_fail(layer->keras->context, SNN_ERR_FORMAT, "%s: entry '%s' %s",
                        layer->class_name, name, what);
}

static bool is_null(const struct snnbase_json_value *value)
{
    return value == NULL || snnbase_json_is_null(value);
}

const struct snnbase_json_value *snnconv_keras_entry(const struct snnconv_keras_layer *layer,
                                                     const char *name, const char *older)
{
    const struct snnbase_json_value *value = snnbase_json_get(layer->config, name);
    if (is_null(value) && older != NULL) value = snnbase_json_get(layer->config, older);
    return is_null(value) ? NULL : value;
}

int snnconv_keras_flag(const struct snnconv_keras_layer *layer, const char *name, const char *older,
                       bool fallback, bool *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, older);
    *out = fallback;
    if (value == NULL) return SNN_OK;
    return snnbase_json_read_bool(layer->keras->context, layer->config, layer->class_name,
                                  snnbase_json_key(value), out);
}

/* TensorFlow writes some numbers as arrays of NumPy: {"type": "ndarray", "value": 0.3}. */
static const struct snnbase_json_value *unwrap(const struct snnbase_json_value *value)
{
    const struct snnbase_json_value *inner =
        snnbase_json_is_object(value) ? snnbase_json_get(value, "value") : NULL;
    return inner != NULL ? inner : value;
}

int snnconv_keras_number(const struct snnconv_keras_layer *layer, const char *name,
                         const char *older, double fallback, double *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, older);
    *out = fallback;
    if (value == NULL) return SNN_OK;
    value = unwrap(value);
    if (!snnbase_json_is_number(value))
        return snnconv_keras_fail_entry(layer, name, "is no number");
    *out = snnbase_json_number(value);
    return SNN_OK;
}

bool snnconv_keras_whole(const struct snnbase_json_value *value, int64_t *out)
{
    if (value == NULL || !snnbase_json_is_number(value)) return false;
    double number = snnbase_json_number(value);
    if (!(fabs(number) <= WHOLE_MAX) || number != floor(number)) return false;
    *out = (int64_t)number;
    return true;
}

int snnconv_keras_integer(const struct snnconv_keras_layer *layer, const char *name,
                          const char *older, int64_t fallback, int64_t *out)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, older);
    *out = fallback;
    if (value == NULL || snnconv_keras_whole(value, out)) return SNN_OK;
    return snnconv_keras_fail_entry(layer, name, "is no whole number");
}

int snnconv_keras_integers(const struct snnconv_keras_layer *layer,
                           const struct snnbase_json_value *array, uint32_t max, int64_t *out,
                           uint32_t *count_out)
{
    uint32_t count = 0;
    const char *name = snnbase_json_key(array) != NULL ? snnbase_json_key(array) : "(a list)";
    if (!snnbase_json_is_array(array)) return snnconv_keras_fail_entry(layer, name, "is no list");
    for (const struct snnbase_json_value *item = snnbase_json_first(array); item != NULL;
         item = snnbase_json_next(item)) {
        if (count >= max) return snnconv_keras_fail_entry(layer, name, "is too long");
        if (!snnconv_keras_whole(item, &out[count++]))
            return snnconv_keras_fail_entry(layer, name, "has what is no whole number");
    }
    *count_out = count;
    return SNN_OK;
}

int snnconv_keras_pair(const struct snnconv_keras_layer *layer, const char *name, const char *older,
                       int64_t fallback, int64_t out[2])
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, older);
    uint32_t count = 0;
    out[0] = out[1] = fallback;
    if (value == NULL) return SNN_OK;
    if (snnconv_keras_whole(value, &out[0])) {
        out[1] = out[0];
        return SNN_OK;
    }
    int status = snnconv_keras_integers(layer, value, 2, out, &count);
    if (status != SNN_OK) return status;
    return count == 2 ? SNN_OK : snnconv_keras_fail_entry(layer, name, "is no pair");
}

const char *snnconv_keras_word(const struct snnconv_keras_layer *layer, const char *name,
                               const char *older, const char *fallback)
{
    const struct snnbase_json_value *value = snnconv_keras_entry(layer, name, older);
    return value != NULL && snnbase_json_is_string(value) ? snnbase_json_string(value) : fallback;
}

int snnconv_keras_channels_first(const struct snnconv_keras_layer *layer, bool *out)
{
    const char *word = snnconv_keras_word(layer, "data_format", "dim_ordering", NULL);
    struct snnconv_keras *keras = layer->keras;
    *out = false;
    if (word == NULL || strcmp(word, "default") == 0) return SNN_OK;
    *out = strcmp(word, "channels_first") == 0 || strcmp(word, "th") == 0;
    if (!*out && strcmp(word, "channels_last") != 0 && strcmp(word, "tf") != 0)
        return snnconv_keras_fail_entry(layer, "data_format", "is unknown");
    if (!keras->format_seen) keras->program->channels_last = !*out;
    keras->format_seen = true;
    return SNN_OK;
}
