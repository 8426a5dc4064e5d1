/* What a file that is no model is instead, by how it begins: people name their data, their weights,
 * a picture.
 */
#ifndef SNN_MODEL_STRANGER_H
#define SNN_MODEL_STRANGER_H

#include <stdbool.h>
#include <stddef.h>

/* The kind of file ("gzip") and a remedy; both stay as they are if nothing is known. */
void snnmodel_stranger_find(const void *bytes, size_t size, const char **name_out,
                            const char **hint_out);

/* True if the bytes begin as a text does: something that a parser of JSON can say more about. */
bool snnmodel_stranger_is_text(const void *bytes, size_t size);

/* True for a text that opens an object or a list. */
bool snnmodel_stranger_is_json(const void *bytes, size_t size);

#endif
