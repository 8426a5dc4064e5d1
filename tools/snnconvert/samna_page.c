/* README.md of the folder that --to samna writes: what is in it, how to play it, and what of it was
 * tried and what not.
 */
#include <stdio.h>
#include <stdlib.h>

#include "tools/snnconvert/samna.h"

static void put_what(FILE *out, const struct snnconvert_playback *p)
{
    const struct snn_program *program = p->program;
    fprintf(out,
            "# %s on %s\n\n"
            "Written by %s. The net's %u layers of neurons lie on these cores:\n\n"
            "| core | layer | features | kernel | input map | output map |\n"
            "| --- | --- | --- | --- | --- | --- |\n",
            program->name, program->chip.name, program->tool,
            program->cores[program->core_count - 1].layer_index + 1);
    for (uint32_t i = 0; i < program->core_count; i++) {
        const struct snn_core *c = &program->cores[i];
        fprintf(out, "| %u | %s | %u..%u | %ux%u | %ux%ux%u | %ux%ux%u |\n", c->index, c->layer,
                c->feature_first, c->feature_first + c->output.channels - 1, c->kernel_size,
                c->kernel_size, c->input.channels, c->input.height, c->input.width,
                c->output.channels, c->output.height, c->output.width);
    }
    if (program->readout_spread > 1)
        fprintf(out,
                "\nClass i is feature %u i of the last layer, as the chip's readout reads it; the "
                "features between\nhave zero weights and never fire.\n",
                program->readout_spread);
}

static void put_files(FILE *out, const struct snnconvert_playback *p)
{
    fprintf(out, "\n## Files\n\n"
                 "- `config.json`: what the chip's registers and memories hold, with the member "
                 "names of the vendor's\n  Python classes: `configuration.cnn_layers[core]`, "
                 "`dvs_layer`, `readout`; null for cores that are not used\n");
    if (p->sample_count > 0)
        fprintf(out,
                "- `events.csv`: %llu events of %llu samples, addressed to cores, in microseconds "
                "since the sample began;\n  %u steps of %g us, in the order `interleave`\n"
                "- `expected.csv`: spikes of each class in simulation, a row a sample\n",
                (unsigned long long)p->event_count, (unsigned long long)p->sample_count,
                p->session->options.timesteps, p->program->dt_us);
    fprintf(out, "- `play.py`: sends both through the vendor's library and compares the answers\n");
}

static bool has_bias(const struct snn_program *program)
{
    for (uint32_t i = 0; i < program->core_count; i++)
        if (program->cores[i].bias != NULL) return true;
    return false;
}

static void put_playing(FILE *out, const struct snnconvert_playback *p)
{
    fprintf(out, "\n## Playing it\n\n");
    if (p->sample_count == 0) {
        fprintf(out, "There was no data to play; give some (`--data FILE`) and write the folder "
                     "anew.\n");
        return;
    }
    fprintf(out,
            "```\npip install samna\n"
            "python3 -c 'import samna; print(samna.device.get_all_devices())'\n"
            "python3 play.py DEVICE:0\n```\n\n"
            "Each sample begins with the configuration written anew, which sets all potentials. "
            "The stop watch of the\nboard then runs from 0, releases each event at its time, and "
            "spikes are collected until the input is over\nand a margin has passed; never until "
            "none came for a while, which would lose late ones. Spikes are those\nthat the last "
            "layer's cores are monitored for; `readout` is set up as well, and answers through its "
            "pins.\n");
    if (has_bias(p->program))
        fprintf(out,
                "\nBiases are added by the chip's slow clock, once a cycle, at %g Hz: once a step. "
                "In simulation that is at\nthe end of each step; a board's clock and its stop "
                "watch start when they start, so counts may differ by a\nspike here and there.\n",
                1e6 / p->program->dt_us);
}

static void put_tried(FILE *out, const struct snnconvert_playback *p)
{
    fprintf(out, "\n## What was tried, and what not\n\n");
    if (p->sample_count > 0 && snn_source_has_labels(p->session->data))
        fprintf(out, "- In simulation %llu of the %llu samples are decided as their labels say.\n",
                (unsigned long long)p->right_count, (unsigned long long)p->sample_count);
    fprintf(out,
            "- The tests of libsnn read such folders back with a program of their own, in Python, "
            "that knows nothing of\n  libsnn: it executes `config.json` on `events.csv` and gets "
            "the spikes of `snnsim --target chip:%s`.\n"
            "- `play.py` was run against a stand-in of the vendor's library with its classes and "
            "functions by name.\n"
            "- None of this was run on a chip, nor with the vendor's library. Names of members and "
            "functions are from its\n  public documentation and from Sinabs, which uses it; they "
            "may differ between versions.\n"
            "- `config.json` is not what the library's own `to_json` writes: how that wraps "
            "objects and tensors is not\n  public, so `play.py` assigns members one by one.\n"
            "- How many synaptic operations a second a core can do is not public either. A core "
            "that is asked for more\n  than it can do holds up the chip, spikes come late or "
            "not at all: play slower then (multiply the time\n  stamps).\n",
            p->chip);
}

int snnconvert_samna_page(const struct snnconvert_playback *p)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (out != NULL) {
        put_what(out, p);
        put_files(out, p);
        put_playing(out, p);
        put_tried(out, p);
    }
    if (out == NULL || fclose(out) != 0) {
        free(text);
        return snncli_fail(&p->session->console, SNNCLI_EXIT_NO_MEMORY, NULL, "%s",
                           snn_status_text(SNN_ERR_NOMEM));
    }
    int status = snnconvert_samna_save(p->session, "README.md", text, size);
    free(text);
    return status;
}
