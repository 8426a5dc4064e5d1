/* The streams of an AEDAT 4 file, see aedat4.h. Only as much of XML is understood as its writers
 * use: elements `node` with a name and `attr` with a key and text, both nested or empty, comments
 * and declarations. Everything else is passed over.
 */
#include <stdbool.h>
#include <string.h>

#include "libsnn/stream/aedat4.h"

/* Depths below the root: <dv> is 1, its nodes are 2. */
enum { STREAMS = 2, STREAM = 3, INFO = 4, DIGITS_MAX = 5 };

struct text {
    const char *bytes;
    size_t size;
};

struct reader {
    const char *at, *end;
    unsigned depth;
    bool in_streams, in_info; /* within <node name="outInfo">, within <node name="info"> there */
    struct snnstream_aedat4_stream stream; /* at hand */
    bool is_numbered, is_events;
    bool is_found; /* the stream in `out` */
    struct snnstream_aedat4_stream *out;
};

static bool is_word(const struct text *text, const char *word)
{
    return text->size == strlen(word) && memcmp(text->bytes, word, text->size) == 0;
}

static bool is_blank(char letter)
{
    return letter == ' ' || letter == '\t' || letter == '\r' || letter == '\n';
}

static bool read_number(const struct text *text, uint32_t *out)
{
    uint32_t value = 0;
    if (text->size == 0 || text->size > DIGITS_MAX) return false;
    for (size_t i = 0; i < text->size; i++) {
        if (text->bytes[i] < '0' || text->bytes[i] > '9') return false;
        value = value * 10 + (uint32_t)(text->bytes[i] - '0');
    }
    *out = value;
    return true;
}

/* Up to where `stop` begins, which is taken too; false: it never comes. */
static bool read_to(struct reader *r, const char *stop, struct text *out)
{
    const size_t size = strlen(stop);
    *out = (struct text){r->at, 0};
    while ((size_t)(r->end - r->at) >= size) {
        if (memcmp(r->at, stop, size) == 0) {
            out->size = (size_t)(r->at - out->bytes);
            r->at += size;
            return true;
        }
        r->at++;
    }
    return false;
}

/* The value of an attribute in a tag's inside: name="value"; empty where it has none. */
static struct text find_value(const struct text *tag, const char *name)
{
    const size_t size = strlen(name);
    for (size_t at = 1; at + size + 2 <= tag->size; at++) {
        const char *here = tag->bytes + at;
        if (!is_blank(here[-1]) || memcmp(here, name, size) != 0 || here[size] != '=') continue;
        const char quote = here[size + 1], *begin = here + size + 2;
        const char *end = memchr(begin, quote, tag->size - at - size - 2);
        if ((quote == '"' || quote == '\'') && end != NULL)
            return (struct text){begin, (size_t)(end - begin)};
    }
    return (struct text){tag->bytes, 0};
}

static void open_node(struct reader *r, const struct text *tag)
{
    const struct text name = find_value(tag, "name");
    if (r->depth == STREAMS) r->in_streams = is_word(&name, "outInfo");
    if (r->depth == STREAM && r->in_streams) {
        memset(&r->stream, 0, sizeof(r->stream));
        r->is_numbered = read_number(&name, &r->stream.id);
        r->is_events = false;
    }
    if (r->depth == INFO) r->in_info = is_word(&name, "info");
}

static void close_node(struct reader *r)
{
    if (r->depth == INFO) r->in_info = false;
    if (r->depth == STREAMS) r->in_streams = false;
    if (r->depth != STREAM || !r->in_streams || !r->is_events || !r->is_numbered) return;
    if (!r->is_found) *r->out = r->stream;
    r->is_found = true;
}

/* <attr key="...">text */
static void take_attr(struct reader *r, const struct text *tag)
{
    const struct text key = find_value(tag, "key");
    struct text text = {r->at, 0};
    const char *end = memchr(r->at, '<', (size_t)(r->end - r->at));
    text.size = end != NULL ? (size_t)(end - r->at) : 0;
    if (!r->in_streams) return;
    if (r->depth == STREAM && is_word(&key, "typeIdentifier"))
        r->is_events = is_word(&text, "EVTS");
    if (r->depth != INFO || !r->in_info) return;
    if (is_word(&key, "sizeX")) (void)read_number(&text, &r->stream.width);
    if (is_word(&key, "sizeY")) (void)read_number(&text, &r->stream.height);
}

static bool begins(const struct text *tag, const char *name)
{
    const size_t size = strlen(name);
    return tag->size >= size && memcmp(tag->bytes, name, size) == 0 &&
           (tag->size == size || is_blank(tag->bytes[size]) || tag->bytes[size] == '/');
}

/* The inside of one tag. */
static const char *take_tag(struct reader *r, const struct text *tag)
{
    const bool is_empty = tag->size > 0 && tag->bytes[tag->size - 1] == '/';
    if (begins(tag, "/node") || begins(tag, "/dv")) {
        if (r->depth == 0) return "more nodes end than begin";
        close_node(r);
        r->depth--;
    } else if (begins(tag, "node") || begins(tag, "dv")) {
        r->depth++;
        open_node(r, tag);
        if (is_empty) close_node(r);
        r->depth -= is_empty;
    } else if (begins(tag, "attr") && !is_empty) {
        take_attr(r, tag);
    }
    return NULL;
}

const char *snnstream_aedat4_streams(struct snnstream_aedat4_stream *out, const char *text,
                                     size_t size)
{
    struct reader reader = {.at = text, .end = text + size, .out = out};
    struct text tag;
    memset(out, 0, sizeof(*out));
    while (read_to(&reader, "<", &tag)) {
        bool is_comment = reader.end - reader.at >= 3 && memcmp(reader.at, "!--", 3) == 0;
        if (!read_to(&reader, is_comment ? "-->" : ">", &tag)) return "a tag without its end";
        const char *wrong = is_comment ? NULL : take_tag(&reader, &tag);
        if (wrong != NULL) return wrong;
    }
    if (reader.depth != 0) return "a node without its end";
    return reader.is_found ? NULL : "no stream of events";
}
