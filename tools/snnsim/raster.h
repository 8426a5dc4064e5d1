/* The spikes of one sample, neuron by neuron, for pictures: the sample goes through its target once
 * more, alone, after the run; what the run itself does is not slowed down by being looked at.
 *
 * Memory is bounded by the lanes, not by the spikes (tools/report/gather.h), but for what the
 * target needs to count each neuron's.
 */
#ifndef TOOLS_SNNSIM_RASTER_H
#define TOOLS_SNNSIM_RASTER_H

#include "tools/report/gather.h"

struct snnsim_session;

struct snnsim_raster {
    struct snnreport_raster picture;  /* borrows from here */
    uint64_t sample;                  /* of the data set */
    struct snnreport_gather *gathers; /* [1 + population_count], input first */
    struct snnreport_lane *lanes;
    size_t lane_count;
    bool interrupted; /* somebody did not want to wait: there is no picture */
    char title[200], description[400];
};

/* Refuses, before any work is done, what has no spikes of single neurons to show, and a sample that
 * is not run. Exit status. */
int snnsim_raster_check(struct snnsim_session *session);
/* The sample on the first spiking target, if a picture is wanted and the sample was run. A device
 * leaves it out of a page; so does an interrupt. Exit status. */
int snnsim_raster_capture(struct snnsim_session *session);
/* Writes the picture's file, whole or not at all. An snn_status. */
int snnsim_raster_save(struct snnsim_session *session);
void snnsim_raster_release(struct snnsim_raster *raster);

#endif
