/* The header of an NPY file: a strict parser of the one dictionary that NumPy writes, and a writer.
 *
 *     \x93 N U M P Y | MAJOR MINOR | length, 2 bytes (version 1) or 4, little-endian | dictionary
 *
 * The parser walks over the text with a cursor that never leaves the header; what it has read is
 * checked against the bytes that follow before anybody allocates by it.
 */
#include "libsnn/base/npyhead.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libsnn/base/error.h"
#include "libsnn/base/size.h"

static const unsigned char magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

enum { VERSION_END = 8, ALIGNMENT = 64 };

enum { SEEN_DESCR = 1, SEEN_ORDER = 2, SEEN_SHAPE = 4, SEEN_ALL = 7 };

struct parser {
    struct snn_context *context;
    const struct snnbase_npy_file *file;
    size_t at;  /* offset in the file */
    size_t end; /* of the header */
    unsigned seen;
    bool structured; /* named fields are taken */
    struct snnbase_npy_header *header;
};

bool snnbase_npyhead_probe(const unsigned char *bytes, size_t size)
{
    return size >= sizeof(magic) && memcmp(bytes, magic, sizeof(magic)) == 0;
}

/* --- Dictionary ------------------------------------------------------------------------------- */

static int fail_expected(const struct parser *parser, const char *expected)
{
    return snnbase_fail(parser->context, SNN_ERR_FORMAT, "%s: NPY header: expected %s at byte %zu",
                        parser->file->path, expected, parser->at);
}

/* The next character after white space, not consumed; '\0' at the end of the header. */
static char peek(struct parser *parser)
{
    const unsigned char *bytes = parser->file->bytes;
    while (parser->at < parser->end) {
        char c = (char)bytes[parser->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r') return c;
        parser->at++;
    }
    return '\0';
}

static bool accept(struct parser *parser, char wanted)
{
    if (wanted == '\0' || peek(parser) != wanted) return false;
    parser->at++;
    return true;
}

/* A quoted string without escapes. Cut to the size of `text`; no value of interest is that long. */
static int read_string(struct parser *parser, char *text, size_t text_size)
{
    char quote = peek(parser);
    if (quote != '\'' && quote != '"') return fail_expected(parser, "a string");
    const char *start = (const char *)parser->file->bytes + parser->at + 1;
    const char *stop = memchr(start, quote, parser->end - parser->at - 1);
    if (!stop) return fail_expected(parser, "a string that ends");
    size_t length = (size_t)(stop - start);
    size_t kept = length < text_size ? length : text_size - 1;
    memcpy(text, start, kept);
    text[kept] = '\0';
    parser->at += length + 2;
    return SNN_OK;
}

static int read_bool(struct parser *parser, bool *out)
{
    bool value = peek(parser) == 'T';
    const char *word = value ? "True" : "False";
    size_t length = strlen(word);
    if (parser->end - parser->at < length ||
        memcmp(parser->file->bytes + parser->at, word, length) != 0) {
        return fail_expected(parser, "True or False");
    }
    parser->at += length;
    *out = value;
    return SNN_OK;
}

static bool accept_digit(struct parser *parser, unsigned *out)
{
    if (parser->at == parser->end) return false;
    unsigned char c = parser->file->bytes[parser->at];
    if (c < '0' || c > '9') return false;
    *out = c - (unsigned)'0';
    parser->at++;
    return true;
}

static int read_dimension(struct parser *parser, uint64_t *out)
{
    unsigned digit;
    peek(parser);
    if (!accept_digit(parser, &digit)) return fail_expected(parser, "a whole number");
    uint64_t value = digit;
    while (accept_digit(parser, &digit)) {
        if (value > (UINT64_MAX - digit) / 10) return fail_expected(parser, "a number below 2^64");
        value = value * 10 + digit;
    }
    accept(parser, 'L'); /* so NumPy wrote it under Python 2 */
    *out = value;
    return SNN_OK;
}

static int read_shape(struct parser *parser)
{
    struct snnbase_npy_header *header = parser->header;
    if (!accept(parser, '(')) return fail_expected(parser, "'('");
    while (!accept(parser, ')')) {
        if (header->rank == SNNBASE_NPY_RANK_MAX) {
            return snnbase_fail(parser->context, SNN_ERR_UNSUPPORTED,
                                "%s: array of more than %d dimensions", parser->file->path,
                                SNNBASE_NPY_RANK_MAX);
        }
        int status = read_dimension(parser, &header->shape[header->rank++]);
        if (status != SNN_OK) return status;
        if (!accept(parser, ',') && peek(parser) != ')') return fail_expected(parser, "',' or ')'");
    }
    return SNN_OK;
}

/* --- dtype ------------------------------------------------------------------------------------ */

static int fail_dtype(struct parser *parser, const char *dtype)
{
    if (strcmp(dtype, "|O") == 0 || strcmp(dtype, "O") == 0) {
        return snnbase_fail(parser->context, SNN_ERR_UNSUPPORTED,
                            "%s: an array of Python objects (dtype |O) is not read: it could run "
                            "code",
                            parser->file->path);
    }
    return snnbase_fail(parser->context, SNN_ERR_UNSUPPORTED,
                        "%s: dtype %s is not read; accepted are bool, integers and floats of 1, 2, "
                        "4 or 8 bytes",
                        parser->file->path, dtype);
}

/* "<i4": order, type and size. False: no plain number. */
static bool is_number(const char *dtype)
{
    if (strlen(dtype) != 3 || !strchr("<>|", dtype[0]) || !strchr("biuf", dtype[1]) ||
        !strchr("1248", dtype[2])) {
        return false;
    }
    const bool byte = dtype[2] == '1';
    if (dtype[0] == '|' && !byte) return false;
    if (dtype[1] == 'f' && byte) return false;
    return dtype[1] != 'b' || byte;
}

/* --- Named fields ----------------------------------------------------------------------------- */

/* Bytes of what is no plain number, from its size ("|V6", "<U4", "<M8[us]"); 0: not to be told. */
static uint64_t foreign_size(const char *dtype)
{
    uint64_t size = 0;
    const char *at = dtype + strspn(dtype, "<>|=");
    const char kind = *at;
    if (kind == '\0' || strchr("VSUMmcf", kind) == NULL) return 0;
    for (at++; *at >= '0' && *at <= '9' && size < UINT32_MAX; at++)
        size = size * 10 + (uint64_t)(*at - '0');
    return kind == 'U' ? 4 * size : size;
}

/* The shape of a field that is an array of its own: how often it is there. */
static int read_repeats(struct parser *parser, uint64_t *repeats_out)
{
    uint64_t repeats = 1;
    if (!accept(parser, '(')) return fail_expected(parser, "'('");
    while (!accept(parser, ')')) {
        uint64_t count = 0;
        int status = read_dimension(parser, &count);
        if (status != SNN_OK) return status;
        if (count > UINT32_MAX || (count > 0 && repeats > UINT32_MAX / count))
            return fail_expected(parser, "a field of fewer than 2^32 elements");
        repeats *= count;
        if (!accept(parser, ',') && peek(parser) != ')') return fail_expected(parser, "',' or ')'");
    }
    *repeats_out = repeats;
    return SNN_OK;
}

/* ('name', '<i4') or ('name', '<i4', (2, 3)). */
static int read_field(struct parser *parser, struct snnbase_npy_field *out)
{
    char dtype[32];
    uint64_t repeats = 1;
    if (!accept(parser, '(')) return fail_expected(parser, "'('");
    int status = read_string(parser, out->name, sizeof(out->name));
    if (status == SNN_OK && !accept(parser, ',')) status = fail_expected(parser, "','");
    if (status == SNN_OK && peek(parser) == '[')
        status = fail_dtype(parser, "with fields of fields");
    if (status == SNN_OK) status = read_string(parser, dtype, sizeof(dtype));
    if (status != SNN_OK) return status;
    const bool again = accept(parser, ',') && peek(parser) != ')';
    if (again) status = read_repeats(parser, &repeats);
    if (status != SNN_OK) return status;
    const bool number = is_number(dtype) && !again;
    const uint64_t size = (is_number(dtype) ? (uint64_t)(dtype[2] - '0') : foreign_size(dtype));
    if (size == 0) return fail_dtype(parser, dtype);
    if (size * repeats > UINT32_MAX) return fail_expected(parser, "a smaller field");
    out->type = number ? dtype[1] : 'V';
    out->big_endian = dtype[0] == '>';
    out->size = (uint32_t)(size * repeats);
    if (number) memcpy(out->dtype, dtype, 4);
    return accept(parser, ')') ? SNN_OK : fail_expected(parser, "')'");
}

/* [('t', '<i8'), ('x', '<i2'), ...] */
static int read_fields(struct parser *parser)
{
    struct snnbase_npy_header *header = parser->header;
    uint64_t offset = 0;
    (void)accept(parser, '[');
    while (!accept(parser, ']')) {
        if (header->field_count == SNNBASE_NPY_FIELDS_MAX)
            return fail_expected(parser, "at most 16 named fields");
        struct snnbase_npy_field *field = &header->fields[header->field_count++];
        int status = read_field(parser, field);
        if (status != SNN_OK) return status;
        field->offset = (uint32_t)offset;
        offset += field->size;
        if (offset > UINT32_MAX) return fail_expected(parser, "smaller fields");
        if (!accept(parser, ',') && peek(parser) != ']') return fail_expected(parser, "',' or ']'");
    }
    if (offset == 0) return fail_expected(parser, "a field");
    header->type = 'V';
    header->item_size = (uint32_t)offset;
    return SNN_OK;
}

static int read_dtype(struct parser *parser)
{
    if (peek(parser) == '[' && parser->structured) return read_fields(parser);
    if (peek(parser) == '[') return fail_dtype(parser, "with named fields");
    char dtype[32];
    int status = read_string(parser, dtype, sizeof(dtype));
    if (status != SNN_OK) return status;
    if (!is_number(dtype)) return fail_dtype(parser, dtype);
    struct snnbase_npy_header *header = parser->header;
    header->type = dtype[1];
    header->item_size = (uint32_t)(dtype[2] - '0');
    header->big_endian = dtype[0] == '>';
    memcpy(header->dtype, dtype, 4);
    return SNN_OK;
}

/* --- The whole header ------------------------------------------------------------------------- */

static int read_member(struct parser *parser)
{
    static const struct {
        const char *key;
        unsigned bit;
    } members[] = {{"descr", SEEN_DESCR}, {"fortran_order", SEEN_ORDER}, {"shape", SEEN_SHAPE}};

    char key[16];
    unsigned bit = 0;
    peek(parser); /* so that `at` is where the key begins */
    struct parser before = *parser;
    int status = read_string(parser, key, sizeof(key));
    if (status != SNN_OK) return status;
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (strcmp(key, members[i].key) == 0) bit = members[i].bit;
    }
    if (bit == 0 || (parser->seen & bit)) {
        return fail_expected(&before, "'descr', 'fortran_order' and 'shape', once each,");
    }
    parser->seen |= bit;
    if (!accept(parser, ':')) return fail_expected(parser, "':'");
    if (bit == SEEN_DESCR) return read_dtype(parser);
    if (bit == SEEN_ORDER) return read_bool(parser, &parser->header->fortran_order);
    return read_shape(parser);
}

static int read_dictionary(struct parser *parser)
{
    if (!accept(parser, '{')) return fail_expected(parser, "'{'");
    while (!accept(parser, '}')) {
        int status = read_member(parser);
        if (status != SNN_OK) return status;
        if (!accept(parser, ',') && peek(parser) != '}') return fail_expected(parser, "',' or '}'");
    }
    if (parser->seen != SEEN_ALL) {
        return fail_expected(parser, "'descr', 'fortran_order' and 'shape' before the '}'");
    }
    if (peek(parser) != '\0' || parser->at != parser->end) {
        return fail_expected(parser, "the end of the header");
    }
    return SNN_OK;
}

size_t snnbase_npyhead_size(const unsigned char *bytes, size_t size)
{
    const size_t length_bytes = size >= VERSION_END && bytes[6] > 1 ? 4 : 2;
    const size_t start = VERSION_END + length_bytes;
    size_t length = 0;
    for (size_t i = 0; i < length_bytes && size >= start; i++)
        length |= (size_t)bytes[VERSION_END + i] << (8 * i);
    return length <= SIZE_MAX - start ? start + length : SIZE_MAX;
}

/* Magic, version and length: sets the limits of the text. */
static int read_preamble(struct parser *parser)
{
    const struct snnbase_npy_file *file = parser->file;
    const unsigned char *bytes = file->bytes;
    size_t size = file->size;
    bool known = size >= VERSION_END && bytes[6] >= 1 && bytes[6] <= 3 && bytes[7] == 0;
    if (size >= VERSION_END && !known) {
        return snnbase_fail(parser->context, SNN_ERR_UNSUPPORTED,
                            "%s: byte 6: NPY version %u.%u; accepted are 1.0, 2.0 and 3.0",
                            file->path, bytes[6], bytes[7]);
    }
    const size_t start = VERSION_END + (known && bytes[6] > 1 ? 4 : 2);
    const size_t end = snnbase_npyhead_size(bytes, size);
    if (end > size) {
        return snnbase_fail(parser->context, SNN_ERR_FORMAT,
                            "%s: byte %zu: truncated: the NPY header needs %zu bytes, file has %zu",
                            file->path, size, end, size);
    }
    parser->at = start;
    parser->end = end;
    parser->header->data_offset = parser->end;
    return SNN_OK;
}

static int check_size(struct snn_context *context, const struct snnbase_npy_file *file,
                      struct snnbase_npy_header *header)
{
    char shape[SNNBASE_NPY_TEXT_SIZE];
    snnbase_npyhead_text(shape, header->shape, header->rank);
    size_t count = 1;
    size_t bytes = 0;
    bool fits = true;
    for (uint32_t i = 0; i < header->rank; i++) {
        fits = fits && header->shape[i] <= SIZE_MAX &&
               snnbase_size_mul(count, (size_t)header->shape[i], &count);
    }
    fits = fits && snnbase_size_mul(count, header->item_size, &bytes) &&
           snnbase_size_add(header->data_offset, bytes, &bytes);
    if (!fits) {
        return snnbase_fail(context, SNN_ERR_LIMIT,
                            "%s: an array of shape %s exceeds the address space", file->path,
                            shape);
    }
    if (count == 0) {
        return snnbase_fail(context, SNN_ERR_FORMAT, "%s: no data: array of shape %s", file->path,
                            shape);
    }
    if (bytes != file->size) {
        return snnbase_fail(context, SNN_ERR_FORMAT,
                            "%s: byte %zu: %s: %s of shape %s needs %zu bytes, file has %zu",
                            file->path, bytes > file->size ? file->size : bytes,
                            bytes > file->size ? "truncated" : "too long", header->dtype, shape,
                            bytes, file->size);
    }
    header->item_count = count;
    return SNN_OK;
}

int snnbase_npyhead_read(struct snnbase_npy_header *out, struct snn_context *context,
                         const struct snnbase_npy_file *file)
{
    struct snnbase_npy_header header = {.rank = 0};
    struct parser parser = {.context = context, .file = file, .header = &header};
    int status = read_preamble(&parser);
    if (status == SNN_OK) status = read_dictionary(&parser);
    if (status == SNN_OK) status = check_size(context, file, &header);
    if (status == SNN_OK) *out = header;
    return status;
}

int snnbase_npyhead_parse(struct snnbase_npy_header *out, struct snn_context *context,
                          const struct snnbase_npy_file *file)
{
    struct snnbase_npy_header header = {.rank = 0};
    struct parser parser = {
        .context = context, .file = file, .structured = true, .header = &header};
    const size_t size = snnbase_npyhead_size(file->bytes, file->size);
    if (size > SNNBASE_NPY_PARSED_MAX)
        return snnbase_fail(context, SNN_ERR_LIMIT, "%s: an NPY header of %zu bytes exceeds %d",
                            file->path, size, SNNBASE_NPY_PARSED_MAX);
    int status = read_preamble(&parser);
    if (status == SNN_OK) status = read_dictionary(&parser);
    if (status == SNN_OK) *out = header;
    return status;
}

/* --- Writing ---------------------------------------------------------------------------------- */

void snnbase_npyhead_text(char text[SNNBASE_NPY_TEXT_SIZE], const uint64_t *shape, uint32_t rank)
{
    size_t length = 0;
    text[length++] = '(';
    for (uint32_t i = 0; i < rank; i++) {
        int written = snprintf(text + length, SNNBASE_NPY_TEXT_SIZE - length, "%s%" PRIu64,
                               i > 0 ? ", " : "", shape[i]);
        if (written > 0) length += (size_t)written;
    }
    snprintf(text + length, SNNBASE_NPY_TEXT_SIZE - length, rank == 1 ? ",)" : ")");
}

size_t snnbase_npyhead_format(unsigned char out[SNNBASE_NPY_HEADER_MAX], const char *dtype,
                              const uint64_t *shape, uint32_t rank)
{
    char tuple[SNNBASE_NPY_TEXT_SIZE];
    snnbase_npyhead_text(tuple, shape, rank);
    char text[SNNBASE_NPY_HEADER_MAX];
    int written = snprintf(text, sizeof(text),
                           "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", dtype, tuple);
    size_t length = written > 0 ? (size_t)written : 0;
    size_t start = VERSION_END + 2;
    size_t total = (start + length + 1 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    memcpy(out, magic, sizeof(magic));
    out[6] = 1;
    out[7] = 0;
    out[8] = (unsigned char)((total - start) & 0xff);
    out[9] = (unsigned char)((total - start) >> 8);
    memcpy(out + start, text, length);
    memset(out + start + length, ' ', total - start - length - 1);
    out[total - 1] = '\n';
    return total;
}
