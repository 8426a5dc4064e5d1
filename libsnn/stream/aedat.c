/* Lines of the headers of AEDAT files, see aedat.h. Data that begins with the byte of # is told
 * from a line by what is no text in it: times are small numbers, whose first byte is 0 for long.
 */
#include "libsnn/stream/aedat.h"

#include <string.h>

static bool is_text(unsigned char byte)
{
    return (byte >= 0x20 && byte != 0x7f) || byte == '\t' || byte == '\r';
}

enum snnstream_aedat_next snnstream_aedat_line(struct snnstream_window *window,
                                               struct snnstream_aedat_line *out)
{
    const unsigned char *begin = window->bytes + window->taken;
    size_t left = window->size - window->taken, end = 1;
    if (left == 0) return window->last ? SNNSTREAM_AEDAT_DATA : SNNSTREAM_AEDAT_MORE;
    if (begin[0] != '#') return SNNSTREAM_AEDAT_DATA;
    while (end < left && is_text(begin[end]))
        end++;
    if (end == left)
        return window->last || left > SNNSTREAM_AEDAT_LINE_MAX ? SNNSTREAM_AEDAT_DATA
                                                               : SNNSTREAM_AEDAT_MORE;
    if (begin[end] != '\n') return SNNSTREAM_AEDAT_DATA;
    window->taken += end + 1;
    if (begin[end - 1] == '\r') end--;
    *out = (struct snnstream_aedat_line){(const char *)begin + 1, end - 1};
    return SNNSTREAM_AEDAT_LINE;
}

bool snnstream_aedat_begins(const struct snnstream_aedat_line *line, const char *begin,
                            struct snnstream_aedat_line *rest)
{
    size_t at = strlen(begin);
    if (line->size < at || memcmp(line->text, begin, at) != 0) return false;
    while (at < line->size && line->text[at] == ' ')
        at++;
    *rest = (struct snnstream_aedat_line){line->text + at, line->size - at};
    return true;
}

unsigned snnstream_aedat_version(const unsigned char *head, size_t size)
{
    static const char begin[] = "#!AER-DAT";
    const size_t at = sizeof(begin) - 1;
    if (size < at + 3 || memcmp(head, begin, at) != 0) return 0;
    if (head[at] < '0' || head[at] > '9' || head[at + 1] != '.') return 0;
    if (head[at + 2] < '0' || head[at + 2] > '9') return 0;
    return (head[at] - '0') * 10u + (head[at + 2] - '0');
}

static bool is_letter(char letter, char lower)
{
    return letter == lower || (lower >= 'a' && lower <= 'z' && letter == lower - 'a' + 'A');
}

bool snnstream_aedat_names(const struct snnstream_aedat_line *text, const char *word)
{
    const size_t size = strlen(word);
    for (size_t at = 0; at + size <= text->size; at++) {
        size_t same = 0;
        while (same < size && is_letter(text->text[at + same], word[same]))
            same++;
        if (same == size) return true;
    }
    return false;
}

void snnstream_aedat_sensor(const struct snnstream_aedat_line *name, uint32_t *width,
                            uint32_t *height)
{
    static const struct {
        const char *name;
        uint32_t width, height;
    } sensors[] = {
        {"dvs128", 128, 128},   {"davis128", 128, 128},    {"davis192", 208, 192},
        {"davis208", 208, 192}, {"davis240", 240, 180},    {"davis346", 346, 260},
        {"davis640", 640, 480}, {"davishet640", 640, 480}, {"davisrgb640", 640, 480},
    };
    *width = *height = 0;
    for (size_t i = 0; i < sizeof(sensors) / sizeof(sensors[0]); i++) {
        if (!snnstream_aedat_names(name, sensors[i].name)) continue;
        *width = sensors[i].width;
        *height = sensors[i].height;
        return;
    }
}
