/* Energy profiles: constants from a JSON file into one struct, and the one sum that uses them.
 *
 * The built-in file (data/energy.json) and a user's own go through the same reader. A profile whose
 * file says nothing of a term leaves that term 0; unknown members are refused, so that a misspelt
 * constant never counts as nothing.
 */
#include "snn/energy.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/file.h"
#include "libsnn/base/json.h"
#include "libsnn/base/memory.h"
#include "libsnn/model/energy_data.h"
#include "libsnn/model/native.h"

#define ENERGY_FORMAT "snn.energy/1"

typedef void (*visit_fn)(const struct snn_energy_profile *profile, void *user);

/* ---- From JSON ---- */

/* Copies object->key into a field of `size` bytes. */
static int read_text(struct snn_context *context, const struct snnbase_json_value *object,
                     const char *key, char *out, size_t size)
{
    const char *text = NULL;
    int status = snnmodel_native_read_text(context, object, "", key, &text);
    if (status != SNN_OK) return status;
    size_t length = strlen(text);
    if (length == 0 || length >= size)
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: %zu characters, 1 to %zu expected", key,
                            length, size - 1);
    memcpy(out, text, length + 1);
    return SNN_OK;
}

static int read_constant(struct snn_context *context, const struct snnbase_json_value *object,
                         const char *key, double *out)
{
    if (snnbase_json_get(object, key) == NULL) return SNN_OK;
    int status = snnbase_json_read_number(context, object, "", key, out);
    if (status == SNN_OK && *out < 0.0)
        status = snnbase_fail(context, SNN_ERR_FORMAT, "%s: %g is negative", key, *out);
    return status;
}

static int read_profile(struct snn_context *context, const struct snnbase_json_value *value,
                        struct snn_energy_profile *out)
{
    static const char *const members[] = {"name",     "description", "source",
                                          "synop_pj", "update_pj",   "io_event_pj",
                                          "mac_pj",   "static_mw",   NULL};
    struct snn_energy_profile profile = {.synop_pj = 0.0};
    int status = snnmodel_native_check_members(context, value, members);
    if (status == SNN_OK)
        status = read_text(context, value, "name", profile.name, sizeof(profile.name));
    if (status == SNN_OK)
        status = read_text(context, value, "description", profile.description,
                           sizeof(profile.description));
    if (status == SNN_OK)
        status = read_text(context, value, "source", profile.source, sizeof(profile.source));
    const struct {
        const char *key;
        double *constant;
    } constants[] = {{"synop_pj", &profile.synop_pj},
                     {"update_pj", &profile.update_pj},
                     {"io_event_pj", &profile.io_event_pj},
                     {"mac_pj", &profile.mac_pj},
                     {"static_mw", &profile.static_mw}};
    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]) && status == SNN_OK; i++)
        status = read_constant(context, value, constants[i].key, constants[i].constant);
    if (status == SNN_OK) *out = profile;
    return status;
}

static int visit_profiles(struct snn_context *context, const struct snnbase_json_value *root,
                          visit_fn visit, void *user)
{
    const char *format = NULL;
    int status = snnbase_json_read_string(context, root, "", "format", &format);
    if (status != SNN_OK) return status;
    if (strcmp(format, ENERGY_FORMAT) != 0)
        return snnbase_fail(context, SNN_ERR_FORMAT, "format is '%s', '%s' expected", format,
                            ENERGY_FORMAT);
    const struct snnbase_json_value *profiles = snnbase_json_get(root, "profiles");
    if (profiles == NULL || !snnbase_json_is_array(profiles))
        return snnbase_fail(context, SNN_ERR_FORMAT, "profiles: an array expected");
    size_t index = 0;
    const struct snnbase_json_value *value = snnbase_json_first(profiles);
    for (; value != NULL; value = snnbase_json_next(value), index++) {
        struct snn_energy_profile profile;
        status = read_profile(context, value, &profile);
        if (status != SNN_OK) return snnbase_where(context, "profiles[%zu]", index);
        visit(&profile, user);
    }
    return SNN_OK;
}

static int visit_text(struct snn_context *context, const void *text, size_t size, visit_fn visit,
                      void *user)
{
    struct snnbase_json *json = NULL;
    int status = snnbase_json_parse(context, text, size, &json);
    if (status == SNN_OK) status = visit_profiles(context, snnbase_json_root(json), visit, user);
    snnbase_json_destroy(context, &json);
    return status;
}

static int visit_file(struct snn_context *context, const char *path, visit_fn visit, void *user)
{
    struct snnbase_buffer bytes = {NULL, 0, 0};
    int status = snnbase_file_read(context, path, &bytes);
    if (status == SNN_OK) {
        status = visit_text(context, bytes.data, bytes.size, visit, user);
        if (status != SNN_OK) snnbase_where(context, "%s", path);
    }
    snnbase_buffer_fini(context, &bytes);
    return status;
}

int snn_energy_profile_each(struct snn_context *context,
                            void (*visit)(const struct snn_energy_profile *profile, void *user),
                            void *user)
{
    return visit_text(context, snnmodel_energy_json, snnmodel_energy_json_size, visit, user);
}

/* ---- By name ---- */

struct search {
    const char *name;
    struct snn_energy_profile found;
    bool is_found;
    char names[384]; /* of all profiles, for the hint */
};

static void search_visit(const struct snn_energy_profile *profile, void *user)
{
    struct search *search = user;
    size_t used = strlen(search->names);
    (void)snprintf(search->names + used, sizeof(search->names) - used, "%s%s", used > 0 ? ", " : "",
                   profile->name);
    if (search->is_found || strcmp(profile->name, search->name) != 0) return;
    search->found = *profile;
    search->is_found = true;
}

/* The path before the last colon of FILE:NAME, allocated; *path_out is NULL for a plain name. */
static int split_path(struct snn_context *context, const char *text, char **path_out,
                      const char **name_out)
{
    const char *colon = strrchr(text, ':');
    *path_out = NULL;
    *name_out = text;
    if (colon == NULL) return SNN_OK;
    size_t length = (size_t)(colon - text);
    *path_out = snnbase_alloc(context, length + 1, 1);
    if (*path_out == NULL) return SNN_ERR_NOMEM;
    memcpy(*path_out, text, length);
    *name_out = colon + 1;
    return SNN_OK;
}

int snn_energy_profile_load(struct snn_energy_profile *out, struct snn_context *context,
                            const char *name)
{
    struct search search = {.is_found = false};
    char *path = NULL;
    int status = split_path(context, name, &path, &search.name);
    if (status != SNN_OK) return status;
    status = path != NULL ? visit_file(context, path, search_visit, &search)
                          : snn_energy_profile_each(context, search_visit, &search);
    if (status == SNN_OK && !search.is_found) {
        snnbase_fail(context, SNN_ERR_NOT_FOUND, "no energy profile '%s'%s%s", search.name,
                     path != NULL ? " in " : "", path != NULL ? path : "");
        status = snnbase_hint(context, "profiles are %s", search.names);
    }
    if (status == SNN_OK) *out = search.found;
    snnbase_free(context, path);
    return status;
}

double snn_energy_uj(const struct snn_energy_profile *profile,
                     const struct snn_energy_counts *counts)
{
    double pj = counts->synops * profile->synop_pj + counts->updates * profile->update_pj +
                counts->io_events * profile->io_event_pj + counts->macs * profile->mac_pj;
    return pj * 1e-6 + profile->static_mw * counts->seconds * 1e3;
}
