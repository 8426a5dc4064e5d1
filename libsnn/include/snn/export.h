/* SNN_API marks what the shared library exports; everything else is hidden. */
#ifndef SNN_EXPORT_H
#define SNN_EXPORT_H

#if defined(__GNUC__)
#define SNN_API __attribute__((visibility("default")))
#define SNN_PRINTF(format_index, first_index) \
    __attribute__((format(printf, format_index, first_index)))
#else
#define SNN_API
#define SNN_PRINTF(format_index, first_index)
#endif

#endif
