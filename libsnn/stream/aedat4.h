/* What the header of an AEDAT 4 file says of its streams: XML within its FlatBuffer,
 *
 *     <dv> <node name="outInfo"> <node name="0"> <attr key="typeIdentifier">EVTS</attr>
 *         <node name="info"> <attr key="sizeX">320</attr> <attr key="sizeY">240</attr>
 */
#ifndef SNN_STREAM_AEDAT4_H
#define SNN_STREAM_AEDAT4_H

#include <stddef.h>
#include <stdint.h>

/* The first stream of events. */
struct snnstream_aedat4_stream {
    uint32_t id;
    uint32_t width, height; /* of the sensor; 0: not told */
};

/* NULL, or what is wrong with the text. */
const char *snnstream_aedat4_streams(struct snnstream_aedat4_stream *out, const char *text,
                                     size_t size);

#endif
