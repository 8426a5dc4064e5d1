/* Energy: one function turns counts into joules for every target, with constants from a named
 * profile, each with its source (data/energy.json).
 *
 * E = SynOps * e_synop + updates * e_update + events * e_io + MACs * e_mac + P_static * t
 */
#ifndef SNN_ENERGY_H
#define SNN_ENERGY_H

#include <stdint.h>

#include "snn/context.h"
#include "snn/export.h"

#ifdef __cplusplus
extern "C" {
#endif

struct snn_energy_profile {
    char name[64];
    char description[256];
    char source[256];   /* paper or data sheet the constants are from */
    double synop_pj;    /* per synaptic operation */
    double update_pj;   /* per neuron and step */
    double io_event_pj; /* per input event and output spike */
    double mac_pj;      /* per multiply-accumulate of analog input */
    double static_mw;   /* power drawn whatever happens */
};

struct snn_energy_counts {
    double synops;
    double updates;
    double io_events;
    double macs;
    double seconds; /* steps x dt */
};

/* Finds a profile: a name from the built-in file ("sinabs", "loihi", ...), or FILE.json:NAME for a
 * user's own file. Errors: NOT_FOUND (the hint lists the names), FORMAT, and those of reading. */
SNN_API int snn_energy_profile_load(struct snn_energy_profile *out, struct snn_context *context,
                                    const char *name);

/* Calls `visit` for each built-in profile. */
SNN_API int snn_energy_profile_each(struct snn_context *context,
                                    void (*visit)(const struct snn_energy_profile *profile,
                                                  void *user),
                                    void *user);

/* Microjoules. */
SNN_API double snn_energy_uj(const struct snn_energy_profile *profile,
                             const struct snn_energy_counts *counts);

#ifdef __cplusplus
}
#endif
#endif
