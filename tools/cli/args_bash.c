/* Completion for bash, from the table of a tool.
 *
 * The script needs nothing but bash 4. Bash breaks words at '=' and ':', which our values contain
 * ("--target=frame:int8"), so the script looks at the line itself and hands back only what follows
 * the last break.
 */
#include <string.h>

#include "tools/cli/args.h"
#include "tools/cli/args_parts.h"

/* words=' --one --two': the options that go with a verb; without one, those that go with all. */
static void put_names(const struct snncli_tool *tool, const struct snncli_verb *verb, FILE *out)
{
    const struct snncli_option *option;

    fputs("words='", out);
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++)
        if (option->help && snncli_option_applies(option, verb))
            fprintf(out, " --%s", option->name);
    fputs("'", out);
}

static void put_names_by_verb(const struct snncli_tool *tool, FILE *out)
{
    fputs("            case $verb in\n", out);
    for (const struct snncli_verb *verb = tool->verbs; verb->name; verb++) {
        fprintf(out, "            %s) ", verb->name);
        put_names(tool, verb, out);
        fputs(" ;;\n", out);
    }
    fputs("            *) ", out);
    put_names(tool, NULL, out);
    fputs(" ;;\n            esac", out);
}

static void put_verbs(const struct snncli_tool *tool, FILE *out, const char *between)
{
    for (const struct snncli_verb *verb = tool->verbs; verb && verb->name; verb++)
        fprintf(out, "%s%s", verb == tool->verbs ? "" : between, verb->name);
}

/* The case of an option that takes a value. */
static void put_value_case(const struct snncli_option *option, FILE *out)
{
    const char *choices = option->choices;
    struct snncli_slice choice;

    fprintf(out, "    --%s", option->name);
    if (option->letter) fprintf(out, "|-%c", option->letter);
    fputs(") words='", out);
    for (bool first = true; snncli_choice_next(&choices, &choice); first = false)
        fprintf(out, "%s%.*s", first ? "" : " ", (int)choice.length, choice.text);
    fprintf(out, "' files=%s ;;\n", option->path ? "yes" : "");
}

/* What to offer where no option waits for its value. */
static void put_argument_case(const struct snncli_tool *tool, FILE *out)
{
    fputs("    *)\n"
          "        value=$word\n"
          "        if [[ $word == -* && $ended != yes ]]; then\n",
          out);
    if (tool->verbs) {
        put_names_by_verb(tool, out);
    } else {
        fputs("            ", out);
        put_names(tool, NULL, out);
    }
    fputs("\n        else\n", out);
    if (tool->verbs) {
        fputs("            [[ $verb ]] || words='", out);
        put_verbs(tool, out, " ");
        fputs("'\n", out);
    }
    fprintf(out,
            "            files=%s\n"
            "        fi ;;\n",
            tool->positional_path ? "yes" : "");
}

/* Finds the word under the cursor, the option it may belong to, and verb or "--" before it. */
static void put_prologue(const struct snncli_tool *tool, FILE *out)
{
    fprintf(
        out,
        "# Completion of %s for bash, made by the program from its own table of options.\n"
        "_%s()\n"
        "{\n"
        "    local line=${COMP_LINE:0:COMP_POINT} IFS=$' \\t\\n'\n"
        "    local word=${line##*[[:space:]]}\n"
        "    local before=${line%%\"$word\"} option='' value=$word words='' files='' ended=''\n",
        tool->name, tool->name);
    if (tool->verbs) {
        fputs("    local verb='' earlier\n"
              "    for earlier in $before; do\n"
              "        [[ $verb ]] && break\n"
              "        case $earlier in ",
              out);
        put_verbs(tool, out, "|");
        fputs(") verb=$earlier ;; esac\n"
              "    done\n",
              out);
    }
    fputs("    [[ $before == *' -- '* ]] && ended=yes\n"
          "    before=${before%\"${before##*[![:space:]]}\"}\n"
          "    if [[ $ended != yes ]]; then\n"
          "        option=${before##*[[:space:]]}\n"
          "        [[ $word == --*=* ]] && option=${word%%=*} value=${word#*=}\n"
          "    fi\n",
          out);
}

static void put_epilogue(const struct snncli_tool *tool, FILE *out)
{
    fprintf(out,
            "    COMPREPLY=( $(compgen -W \"$words\" -- \"$value\") )\n"
            "    if [[ $value == *:* && $COMP_WORDBREAKS == *:* ]]; then\n"
            "        COMPREPLY=( \"${COMPREPLY[@]#\"${value%%\"${value##*:}\"}\"}\" )\n"
            "    fi\n"
            "    [[ $files ]] && compopt -o default 2>/dev/null\n"
            "    return 0\n"
            "}\n"
            "complete -F _%s %s\n",
            tool->name, tool->name);
}

void snncli_print_bash(const struct snncli_tool *tool, FILE *out)
{
    const struct snncli_option *option;

    put_prologue(tool, out);
    fputs("    case $option in\n", out);
    for (size_t i = 0; (option = snncli_tool_option(tool, i)); i++)
        if (option->help && option->metavar) put_value_case(option, out);
    put_argument_case(tool, out);
    fputs("    esac\n", out);
    put_epilogue(tool, out);
}
