/* page.html, made a C array of by data/embed.py.
 */
#ifndef TOOLS_SNNDEV_PAGE_DATA_H
#define TOOLS_SNNDEV_PAGE_DATA_H

#include <stddef.h>

extern const unsigned char snndev_page[];
extern const size_t snndev_page_size;

#endif
