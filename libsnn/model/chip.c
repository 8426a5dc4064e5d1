/* Chip profiles: figures of a chip from JSON into one struct and back, and found by name.
 *
 * The built-in files (data/chips/), a user's own and the profile inside a chip program go through
 * the same reader. Nothing is taken on trust: members that no one knows, figures out of range and
 * figures that contradict each other are refused, so that what places and executes nets on a chip
 * may rely on them.
 */
#include "snn/chip.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/near.h"
#include "libsnn/model/chip.h"
#include "libsnn/model/chip_data.h"
#include "libsnn/model/native.h"
#include "libsnn/model/program_file.h"
#include "snn/energy.h"

#define FAMILY "snn.chip/" /* of format names */
#define WORDS_MAX (UINT32_C(1) << 30)
#define SIZE_MAX_OF_MAPS 65535u

/* ---- What a profile consists of ---- */

struct text_member {
    const char *key;
    size_t offset, size;
};

#define TEXT(member)                                                                          \
    {                                                                                         \
#member, offsetof(struct snn_chip, member), sizeof(((struct snn_chip *)NULL)->member) \
    }

static const struct text_member texts[] = {TEXT(name), TEXT(description), TEXT(source),
                                           TEXT(energy)};

#undef TEXT

/* A whole number within [low, high]. */
struct whole_member {
    const char *key;
    size_t offset;
    uint32_t low, high;
};

static const struct whole_member wholes[] = {
    {"kernel_size_max", offsetof(struct snn_chip, kernel_size_max), 1, 255},
    {"padding_max", offsetof(struct snn_chip, padding_max), 0, 255},
    {"input_size_max", offsetof(struct snn_chip, input_size_max), 1, SIZE_MAX_OF_MAPS},
    {"output_size_max", offsetof(struct snn_chip, output_size_max), 1, SIZE_MAX_OF_MAPS},
    {"feature_max", offsetof(struct snn_chip, feature_max), 1, SIZE_MAX_OF_MAPS},
    {"destination_max", offsetof(struct snn_chip, destination_max), 1, SNN_CHIP_DESTINATIONS_MAX},
    {"readout_layer", offsetof(struct snn_chip, readout_layer), 1, 65535},
    {"sensor_layer", offsetof(struct snn_chip, sensor_layer), 1, 65535},
    {"readout_spread", offsetof(struct snn_chip, readout_spread), 1, 255},
    {"readout_classes", offsetof(struct snn_chip, readout_classes), 0, 65535},
};

/* An ascending list that begins with 1. */
struct list_member {
    const char *key;
    size_t offset, count_offset;
};

static const struct list_member lists[] = {
    {"strides", offsetof(struct snn_chip, strides), offsetof(struct snn_chip, stride_count)},
    {"poolings", offsetof(struct snn_chip, poolings), offsetof(struct snn_chip, pooling_count)},
};

#define CHOICE_MAX 255u /* the largest stride or pooling */

/* A figure that may be missing, which is 0. */
struct figure_member {
    const char *key;
    size_t offset;
    double high;
};

static const struct figure_member figures[] = {
    {"event_us", offsetof(struct snn_chip, event_us), 1e6},
    {"clock_hz_max", offsetof(struct snn_chip, clock_hz_max), 1e9},
};

static const struct whole_member core_wholes[] = {
    {"kernel_words", offsetof(struct snn_chip_core, kernel_words), 1, WORDS_MAX},
    {"neuron_words", offsetof(struct snn_chip_core, neuron_words), 1, WORDS_MAX},
    {"bias_words", offsetof(struct snn_chip_core, bias_words), 0, WORDS_MAX},
};

static const struct figure_member core_figures[] = {
    {"synops_per_s", offsetof(struct snn_chip_core, synops_per_s), 1e15},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void *at(void *object, size_t offset)
{
    return (char *)object + offset;
}

static const void *const_at(const void *object, size_t offset)
{
    return (const char *)object + offset;
}

/* ---- Checks ---- */

static int check_text(struct snn_context *context, const struct text_member *member,
                      const char *text)
{
    const char *end = memchr(text, '\0', member->size);
    if (end != NULL && !snnbase_jsonout_keeps(text))
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: bytes that are not UTF-8", member->key);
    if (end != NULL && end > text) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT, "%s: 1 to %zu characters expected, %s",
                        member->key, member->size - 1, end != NULL ? "none found" : "more found");
}

static int check_wholes(struct snn_context *context, const struct whole_member *members,
                        size_t count, const void *object)
{
    for (size_t i = 0; i < count; i++) {
        const uint32_t value = *(const uint32_t *)const_at(object, members[i].offset);
        if (value < members[i].low || value > members[i].high)
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s: a whole number from %u to %u expected, %u found",
                                members[i].key, members[i].low, members[i].high, value);
    }
    return SNN_OK;
}

static int check_figures(struct snn_context *context, const struct figure_member *members,
                         size_t count, const void *object)
{
    for (size_t i = 0; i < count; i++) {
        const double value = *(const double *)const_at(object, members[i].offset);
        if (!(value >= 0.0 && value <= members[i].high))
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s: a number from 0 to %g expected, %g found", members[i].key,
                                members[i].high, value);
    }
    return SNN_OK;
}

static int check_list(struct snn_context *context, const struct list_member *member,
                      const struct snn_chip *chip)
{
    const uint32_t *values = const_at(chip, member->offset);
    const uint32_t count = *(const uint32_t *)const_at(chip, member->count_offset);
    if (count == 0 || count > SNN_CHIP_CHOICES_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: 1 to %d values expected, %u found",
                            member->key, (int)SNN_CHIP_CHOICES_MAX, count);
    if (values[0] != 1)
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%s[0]: the list begins with %u and not with 1", member->key,
                            values[0]);
    for (uint32_t i = 1; i < count; i++) {
        if (values[i] <= values[i - 1])
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s[%u]: %u after %u, an ascending list expected", member->key, i,
                                values[i], values[i - 1]);
        if (values[i] > CHOICE_MAX)
            return snnbase_fail(context, SNN_ERR_FORMAT, "%s[%u]: %u exceeds %u", member->key, i,
                                values[i], CHOICE_MAX);
    }
    return SNN_OK;
}

static int check_core(struct snn_context *context, const struct snn_chip_core *core)
{
    int status = check_wholes(context, core_wholes, COUNT(core_wholes), core);
    if (status == SNN_OK) status = check_figures(context, core_figures, COUNT(core_figures), core);
    return status;
}

static int check_cores(struct snn_context *context, const struct snn_chip *chip)
{
    if (chip->core_count == 0 || chip->core_count > SNN_CHIP_CORES_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "cores: 1 to %d cores expected, %u found",
                            (int)SNN_CHIP_CORES_MAX, chip->core_count);
    for (uint32_t i = 0; i < chip->core_count; i++)
        if (check_core(context, &chip->cores[i]) != SNN_OK)
            return snnbase_where(context, "cores[%u]", i);
    return SNN_OK;
}

/* The layers that are no cores, and what the readout asks of the last one. */
static int check_readout(struct snn_context *context, const struct snn_chip *chip)
{
    const struct {
        const char *key;
        uint32_t layer;
    } layers[] = {{"readout_layer", chip->readout_layer}, {"sensor_layer", chip->sensor_layer}};
    for (size_t i = 0; i < COUNT(layers); i++)
        if (layers[i].layer < chip->core_count)
            return snnbase_fail(context, SNN_ERR_FORMAT,
                                "%s: %u is one of the cores 0 to %u; another number expected",
                                layers[i].key, layers[i].layer, chip->core_count - 1);
    if (chip->readout_layer == chip->sensor_layer)
        return snnbase_fail(context, SNN_ERR_FORMAT, "sensor_layer: %u is the readout_layer too",
                            chip->sensor_layer);
    if (chip->readout_classes == 0) return SNN_OK;
    const uint32_t features = (chip->readout_classes - 1) * chip->readout_spread + 1;
    if (features <= chip->feature_max) return SNN_OK;
    return snnbase_fail(context, SNN_ERR_FORMAT,
                        "readout_classes: %u classes, one in %u features, take %u features; "
                        "feature_max is %u",
                        chip->readout_classes, chip->readout_spread, features, chip->feature_max);
}

/* A profile's energy is one of the built-in ones: a chip program must not open other files. */
static int check_energy(struct snn_context *context, const struct snn_chip *chip)
{
    struct snn_energy_profile profile;
    if (strchr(chip->energy, ':') != NULL) {
        snnbase_fail(context, SNN_ERR_FORMAT, "energy: '%s' is not the name of a built-in profile",
                     chip->energy);
        return snnbase_hint(context, "profiles of your own go to the option --energy FILE:NAME");
    }
    int status = snn_energy_profile_load(&profile, context, chip->energy);
    if (status != SNN_ERR_NOT_FOUND) return status;
    snnbase_error_recode(context, SNN_ERR_FORMAT);
    return snnbase_where(context, "energy");
}

int snnmodel_chip_check(struct snn_context *context, const struct snn_chip *chip)
{
    int status = SNN_OK;
    for (size_t i = 0; i < COUNT(texts) && status == SNN_OK; i++)
        status = check_text(context, &texts[i], const_at(chip, texts[i].offset));
    if (status == SNN_OK) status = check_cores(context, chip);
    if (status == SNN_OK) status = check_wholes(context, wholes, COUNT(wholes), chip);
    for (size_t i = 0; i < COUNT(lists) && status == SNN_OK; i++)
        status = check_list(context, &lists[i], chip);
    if (status == SNN_OK) status = check_figures(context, figures, COUNT(figures), chip);
    if (status == SNN_OK) status = check_readout(context, chip);
    return status == SNN_OK ? check_energy(context, chip) : status;
}

/* ---- From JSON ---- */

static int read_text(struct snn_context *context, const struct snnbase_json_value *object,
                     const struct text_member *member, char *out)
{
    const char *text = NULL;
    int status = snnmodel_native_read_text(context, object, "", member->key, &text);
    if (status != SNN_OK) return status;
    const size_t length = strlen(text);
    if (length >= member->size)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: 1 to %zu characters expected, %zu found",
                            member->key, member->size - 1, length);
    memcpy(out, text, length + 1);
    return SNN_OK;
}

static int read_wholes(struct snn_context *context, const struct snnbase_json_value *object,
                       const struct whole_member *members, size_t count, void *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t value = 0;
        int status = snnbase_json_read_int(context, object, "", members[i].key, members[i].low,
                                           members[i].high, &value);
        if (status != SNN_OK) return status;
        *(uint32_t *)at(out, members[i].offset) = (uint32_t)value;
    }
    return SNN_OK;
}

static int read_figures(struct snn_context *context, const struct snnbase_json_value *object,
                        const struct figure_member *members, size_t count, void *out)
{
    for (size_t i = 0; i < count; i++) {
        if (snnbase_json_get(object, members[i].key) == NULL) continue;
        int status = snnbase_json_read_number(context, object, "", members[i].key,
                                              at(out, members[i].offset));
        if (status != SNN_OK) return status;
    }
    return check_figures(context, members, count, out);
}

/* A member that is an array; NULL with the error set. */
static const struct snnbase_json_value *
read_array(struct snn_context *context, const struct snnbase_json_value *object, const char *key)
{
    const struct snnbase_json_value *array = snnbase_json_get(object, key);
    if (array != NULL && snnbase_json_is_array(array)) return array;
    snnbase_fail(context, SNN_ERR_FORMAT, "%s: %san array expected", key,
                 array == NULL ? "missing, " : "");
    return NULL;
}

static int read_list(struct snn_context *context, const struct snnbase_json_value *object,
                     const struct list_member *member, struct snn_chip *out)
{
    const struct snnbase_json_value *array = read_array(context, object, member->key);
    if (array == NULL) return SNN_ERR_FORMAT;
    const size_t count = snnbase_json_count(array);
    int64_t values[SNN_CHIP_CHOICES_MAX] = {0};
    if (count > SNN_CHIP_CHOICES_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: 1 to %d values expected, %zu found",
                            member->key, (int)SNN_CHIP_CHOICES_MAX, count);
    int status =
        snnbase_json_read_ints(context, object, "", member->key, 1, CHOICE_MAX, count, values);
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < count; i++)
        ((uint32_t *)at(out, member->offset))[i] = (uint32_t)values[i];
    *(uint32_t *)at(out, member->count_offset) = (uint32_t)count;
    return SNN_OK;
}

static int read_core(struct snn_context *context, const struct snnbase_json_value *value,
                     struct snn_chip_core *out)
{
    static const char *const members[] = {"kernel_words", "neuron_words", "bias_words",
                                          "synops_per_s", NULL};
    int status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK)
        status = read_wholes(context, value, core_wholes, COUNT(core_wholes), out);
    return status == SNN_OK ? read_figures(context, value, core_figures, COUNT(core_figures), out)
                            : status;
}

static int read_cores(struct snn_context *context, const struct snnbase_json_value *object,
                      struct snn_chip *out)
{
    const struct snnbase_json_value *array = read_array(context, object, "cores");
    if (array == NULL) return SNN_ERR_FORMAT;
    const size_t count = snnbase_json_count(array);
    if (count == 0 || count > SNN_CHIP_CORES_MAX)
        return snnbase_fail(context, SNN_ERR_FORMAT, "cores: 1 to %d cores expected, %zu found",
                            (int)SNN_CHIP_CORES_MAX, count);
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (; value != NULL; value = snnbase_json_next(value), out->core_count++)
        if (read_core(context, value, &out->cores[out->core_count]) != SNN_OK)
            return snnbase_where(context, "cores[%u]", out->core_count);
    return SNN_OK;
}

/* Texts for people who read the file. */
static int check_errata(struct snn_context *context, const struct snnbase_json_value *object)
{
    if (snnbase_json_get(object, "errata") == NULL) return SNN_OK;
    const struct snnbase_json_value *array = read_array(context, object, "errata");
    if (array == NULL) return SNN_ERR_FORMAT;
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(array);
    for (; value != NULL; value = snnbase_json_next(value), index++)
        if (!snnbase_json_is_string(value))
            return snnbase_fail(context, SNN_ERR_FORMAT, "errata[%zu]: a string expected", index);
    return SNN_OK;
}

static int read_format(struct snn_context *context, const struct snnbase_json_value *object)
{
    const char *format = NULL;
    int status = snnmodel_native_read_text(context, object, "", "format", &format);
    if (status != SNN_OK || strcmp(format, SNNMODEL_CHIP_FORMAT) == 0) return status;
    const bool later = strncmp(format, FAMILY, strlen(FAMILY)) == 0;
    snnbase_fail(context, later ? SNN_ERR_UNSUPPORTED : SNN_ERR_FORMAT,
                 "format is '%s', '%s' expected", format, SNNMODEL_CHIP_FORMAT);
    if (later) return snnbase_hint(context, "a later version of libsnn wrote it");
    return snnbase_hint(context, "a chip is named (speck2f), or by the file of its profile");
}

static int read_members(struct snn_context *context, const struct snnbase_json_value *value,
                        struct snn_chip *out)
{
    int status = SNN_OK;
    for (size_t i = 0; i < COUNT(texts) && status == SNN_OK; i++)
        status = read_text(context, value, &texts[i], at(out, texts[i].offset));
    if (status == SNN_OK) status = read_cores(context, value, out);
    if (status == SNN_OK) status = read_wholes(context, value, wholes, COUNT(wholes), out);
    for (size_t i = 0; i < COUNT(lists) && status == SNN_OK; i++)
        status = read_list(context, value, &lists[i], out);
    if (status == SNN_OK)
        status = snnbase_json_read_bool(context, value, "", "threshold_low_below_0",
                                        &out->threshold_low_below_0);
    if (status == SNN_OK) status = read_figures(context, value, figures, COUNT(figures), out);
    return status == SNN_OK ? check_errata(context, value) : status;
}

int snnmodel_chip_read(struct snn_context *context, const struct snnbase_json_value *value,
                       struct snn_chip *out)
{
    static const char *const members[] = {"format",
                                          "name",
                                          "description",
                                          "source",
                                          "energy",
                                          "cores",
                                          "kernel_size_max",
                                          "padding_max",
                                          "input_size_max",
                                          "output_size_max",
                                          "feature_max",
                                          "destination_max",
                                          "readout_layer",
                                          "sensor_layer",
                                          "readout_spread",
                                          "readout_classes",
                                          "strides",
                                          "poolings",
                                          "event_us",
                                          "clock_hz_max",
                                          "errata",
                                          "threshold_low_below_0",
                                          NULL};
    struct snn_chip chip = {.core_count = 0};
    if (!snnbase_json_is_object(value))
        return snnbase_fail(context, SNN_ERR_FORMAT, "an object expected");
    int status = read_format(context, value);
    if (status == SNN_OK) status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK) status = read_members(context, value, &chip);
    if (status == SNN_OK) status = snnmodel_chip_check(context, &chip);
    if (status == SNN_OK) *out = chip;
    return status;
}

/* ---- To JSON ---- */

static void write_wholes(struct snnbase_jsonout *out, const struct whole_member *members,
                         size_t count, const void *object)
{
    for (size_t i = 0; i < count; i++) {
        snnbase_jsonout_key(out, members[i].key);
        snnbase_jsonout_uint(out, *(const uint32_t *)const_at(object, members[i].offset));
    }
}

/* Those that are known. */
static void write_figures(struct snnbase_jsonout *out, const struct figure_member *members,
                          size_t count, const void *object)
{
    for (size_t i = 0; i < count; i++) {
        const double value = *(const double *)const_at(object, members[i].offset);
        if (value == 0.0) continue;
        snnbase_jsonout_key(out, members[i].key);
        snnbase_jsonout_double(out, value);
    }
}

static void write_list(struct snnbase_jsonout *out, const struct list_member *member,
                       const struct snn_chip *chip)
{
    const uint32_t *values = const_at(chip, member->offset);
    const uint32_t count = *(const uint32_t *)const_at(chip, member->count_offset);
    snnbase_jsonout_key(out, member->key);
    snnbase_jsonout_array_open(out);
    for (uint32_t i = 0; i < count; i++)
        snnbase_jsonout_uint(out, values[i]);
    snnbase_jsonout_array_close(out);
}

void snnmodel_chip_write(struct snnbase_jsonout *out, const struct snn_chip *chip)
{
    snnbase_jsonout_object_open(out);
    snnbase_jsonout_key(out, "format");
    snnbase_jsonout_string(out, SNNMODEL_CHIP_FORMAT);
    for (size_t i = 0; i < COUNT(texts); i++) {
        snnbase_jsonout_key(out, texts[i].key);
        snnbase_jsonout_string(out, const_at(chip, texts[i].offset));
    }
    snnbase_jsonout_key(out, "cores");
    snnbase_jsonout_array_open(out);
    for (uint32_t i = 0; i < chip->core_count; i++) {
        snnbase_jsonout_object_open(out);
        write_wholes(out, core_wholes, COUNT(core_wholes), &chip->cores[i]);
        write_figures(out, core_figures, COUNT(core_figures), &chip->cores[i]);
        snnbase_jsonout_object_close(out);
    }
    snnbase_jsonout_array_close(out);
    write_wholes(out, wholes, COUNT(wholes), chip);
    for (size_t i = 0; i < COUNT(lists); i++)
        write_list(out, &lists[i], chip);
    snnbase_jsonout_key(out, "threshold_low_below_0");
    snnbase_jsonout_bool(out, chip->threshold_low_below_0);
    write_figures(out, figures, COUNT(figures), chip);
    snnbase_jsonout_object_close(out);
}

/* ---- By name ---- */

/* A chip program carries the profile of its chip, which may be somebody's own. */
static const struct snnbase_json_value *find_profile(const struct snnbase_json_value *root)
{
    const struct snnbase_json_value *chip = snnbase_json_get(root, "chip");
    const struct snnbase_json_value *format = snnbase_json_get(root, "format");
    const size_t family = strlen(SNNMODEL_PROGRAM_FAMILY);
    if (chip == NULL || format == NULL || !snnbase_json_is_string(format)) return root;
    const char *name = snnbase_json_string(format);
    return strncmp(name, SNNMODEL_PROGRAM_FAMILY, family) == 0 ? chip : root;
}

static int parse(struct snn_context *context, const void *text, size_t size, struct snn_chip *out)
{
    struct snnbase_json *json = NULL;
    int status = snnbase_json_parse(context, text, size, &json);
    if (status == SNN_OK)
        status = snnmodel_chip_read(context, find_profile(snnbase_json_root(json)), out);
    snnbase_json_destroy(context, &json);
    return status;
}

int snn_chip_each(struct snn_context *context,
                  void (*visit)(const struct snn_chip *chip, void *user), void *user)
{
    const struct {
        const unsigned char *text;
        size_t size;
    } files[] = {{snnmodel_chip_dynapcnn_json, snnmodel_chip_dynapcnn_json_size},
                 {snnmodel_chip_speck2e_json, snnmodel_chip_speck2e_json_size},
                 {snnmodel_chip_speck2f_json, snnmodel_chip_speck2f_json_size}};
    for (size_t i = 0; i < COUNT(files); i++) {
        struct snn_chip chip;
        int status = parse(context, files[i].text, files[i].size, &chip);
        if (status != SNN_OK) return status;
        visit(&chip, user);
    }
    return SNN_OK;
}

struct search {
    const char *name;
    struct snn_chip *out;
    bool found;
    struct snnbase_near near;
    char names[256]; /* of all, for the hint */
};

static void search_visit(const struct snn_chip *chip, void *user)
{
    struct search *search = user;
    const size_t used = strlen(search->names);
    (void)snprintf(search->names + used, sizeof(search->names) - used, "%s%s", used > 0 ? ", " : "",
                   chip->name);
    snnbase_near_offer(&search->near, chip->name);
    if (strcmp(chip->name, search->name) != 0) return;
    *search->out = *chip;
    search->found = true;
}

static int load_file(struct snn_context *context, const char *path, struct snn_chip *out)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    int status = snnbase_file_read(context, path, &bytes);
    if (status == SNN_OK) {
        status = parse(context, bytes.data, bytes.size, out);
        if (status != SNN_OK) snnbase_where(context, "%s", path);
    }
    snnbase_buffer_fini(context, &bytes);
    return status;
}

static bool is_path(const char *name)
{
    const size_t length = strlen(name);
    return strchr(name, '/') != NULL || (length >= 5 && strcmp(name + length - 5, ".json") == 0);
}

int snn_chip_load(struct snn_chip *out, struct snn_context *context, const char *name)
{
    if (is_path(name)) return load_file(context, name, out);
    struct snn_chip chip;
    struct search search = {.name = name, .out = &chip, .found = false};
    snnbase_near_init(&search.near, name);
    int status = snn_chip_each(context, search_visit, &search);
    if (status != SNN_OK) return status;
    if (search.found) {
        *out = chip;
        return SNN_OK;
    }
    snnbase_fail(context, SNN_ERR_NOT_FOUND, "no chip '%s'", name);
    if (search.near.best[0] != '\0')
        return snnbase_hint(context, "did you mean %s? chips are %s, or the file of a profile",
                            search.near.best, search.names);
    return snnbase_hint(context, "chips are %s, or the file of a profile", search.names);
}
