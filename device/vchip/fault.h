/* Faults on purpose: what a virtual chip and its transport do wrong, and when.
 *
 * A list like "stall-in@4096,short,error-in@10000,gone@65536,corrupt-in@123,delay=50,silent=commit,
 * version=2" (docs/devices.md, "Faults on purpose"): places are bytes of the stream in that
 * direction since the device was plugged in, from 0.
 */
#ifndef SNN_DEVICE_VCHIP_FAULT_H
#define SNN_DEVICE_VCHIP_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "snn/context.h"

#define SNNDEV_NEVER UINT64_MAX

struct snndev_faults {
    uint64_t stall_in, stall_out;     /* the endpoint halts once, at this byte */
    uint64_t error_in;                /* a bus error, once */
    uint64_t broken_in;               /* bus errors from this byte on, for ever */
    uint64_t gone;                    /* the device vanishes after so many bytes in */
    uint64_t corrupt_in, corrupt_out; /* this byte has a bit flipped */
    bool short_packets, odd_packets;  /* random lengths; such that cut words apart */
    unsigned delay_ms;                /* of every answer */
    uint32_t silent;                  /* a request that is never answered; 0: none */
    uint32_t refuse;                  /* a request that is refused; 0: none */
    bool wrong_crc;                   /* CRC tells of another content than was written */
    uint16_t version;                 /* major version of the protocol that HELLO tells; 0: ours */
    uint32_t output_words;            /* of the buffer to the host, which then drops; 0: ours */
    uint32_t seed;                    /* of what is random */
};

/* NULL or "": none. Words are separated by commas or plus signs. Errors: INVALID naming the word;
 * the hint lists what there is. */
int snndev_faults_parse(struct snndev_faults *out, struct snn_context *context, const char *text);

#endif
