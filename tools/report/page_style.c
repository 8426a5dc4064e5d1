/* The page's style: one column that widens to two, light and dark by what the reader prefers, black
 * on white in print. No fonts and no pictures from anywhere.
 */
#include "tools/report/page_parts.h"

static const char texts[] =
    ":root{color-scheme:light dark;--paper:#fff;--ink:#1b2129;--soft:#515c69;--line:#d9dee5;"
    "--wash:#f4f6f9;--mark:#0b5cad;--bad:#9a1b1b;--badwash:#fdecec;--shade:rgb(0 0 0/.18)}\n"
    "@media (prefers-color-scheme:dark){:root{--paper:#14171c;--ink:#e4e8ed;--soft:#a3aebb;"
    "--line:#333b45;--wash:#1d232a;--mark:#7db8f7;--bad:#ffb3b3;--badwash:#3a1c1e;"
    "--shade:rgb(255 255 255/.16)}}\n"
    "*{box-sizing:border-box}\n"
    "html{-webkit-text-size-adjust:100%;text-size-adjust:100%}\n"
    "body{margin:0 auto;max-width:84rem;padding:1.5rem clamp(1rem,4vw,3rem) 3rem;"
    "background:var(--paper);color:var(--ink);"
    "font:1rem/1.5 system-ui,-apple-system,\"Segoe UI\",Roboto,\"DejaVu Sans\",sans-serif;"
    "overflow-wrap:break-word}\n"
    "h1{margin:0;font-size:2rem;line-height:1.2;overflow-wrap:anywhere}\n"
    "h2{margin:2.75rem 0 .75rem;font-size:1.375rem;line-height:1.25}\n"
    "h2.target{border-top:2px solid "
    "var(--line);padding-top:1.25rem;overflow-wrap:anywhere}\n"
    "h3{margin:2rem 0 .5rem;font-size:1.125rem;line-height:1.3}\n"
    "p,ol{max-width:46rem;margin:.5rem 0 1rem}\n"
    "ol{padding-left:1.75rem}\n"
    ".note,footer{color:var(--soft);font-size:.875rem}\n"
    ".note{margin:.25rem 0}\n"
    "code{font-family:ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace;"
    "font-size:.9em}\n"
    ".hash{overflow-wrap:anywhere}\n"
    ".warning{max-width:none;margin:1rem 0;padding:.75rem 1rem;border-left:4px solid "
    "var(--bad);background:var(--badwash);color:var(--bad)}\n"
    ".facts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,9.5rem),1fr))"
    ";"
    "gap:.75rem 2rem;margin:1.5rem 0 1rem}\n"
    "dt{color:var(--soft);font-size:.8125rem}\n"
    "dd{margin:0;overflow-wrap:anywhere}\n"
    ".command{margin:0;padding:.75rem 1rem;background:var(--wash);border-radius:.375rem;"
    "white-space:pre-wrap;overflow-wrap:anywhere}\n"
    ".verdict{max-width:60rem;margin:2rem 0 1rem;font-size:1.1875rem}\n"
    ".verdict strong{color:var(--mark)}\n"
    ".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,9rem),1fr));"
    "gap:1rem;margin:1rem 0 0}\n"
    ".tiles div{padding:.75rem 1rem;background:var(--wash);border-radius:.5rem}\n"
    ".tiles dd{font-size:1.5rem;font-weight:600;line-height:1.3}\n"
    ".tiles small{display:block;color:var(--soft);font-size:.8125rem;font-weight:400}\n"
    ".n{font-variant-numeric:tabular-nums}\n"
    "td .n,.tiles .n{white-space:nowrap}\n";

static const char tables[] =
    /* Shades at the sides behind which there is more; covers that scroll along hide them at the
     * ends. */
    ".scroll{overflow-x:auto;margin:1rem 0;background:"
    "linear-gradient(90deg,var(--paper) 60%,transparent) 0/3rem 100% no-repeat local,"
    "linear-gradient(270deg,var(--paper) 60%,transparent) 100%/3rem 100% no-repeat local,"
    "linear-gradient(90deg,var(--shade),transparent) 0/1.25rem 100% no-repeat,"
    "linear-gradient(270deg,var(--shade),transparent) 100%/1.25rem 100% no-repeat}\n"
    "table{border-collapse:collapse;font-size:.9375rem}\n"
    "caption{padding:0 0 .375rem;text-align:left;color:var(--soft);font-size:.875rem}\n"
    "caption span{display:inline-block;position:sticky;left:0;"
    "max-width:min(46rem,calc(100vw - 2.5rem))}\n"
    "th,td{padding:.3125rem .625rem;text-align:right;white-space:nowrap;vertical-align:baseline;"
    "border-bottom:1px solid var(--line)}\n"
    "th{min-width:3.5rem;white-space:normal}\n"
    "tbody th{min-width:8rem;overflow-wrap:anywhere}\n"
    "tbody th.short{min-width:0;white-space:nowrap}\n"
    "th small,td .range{display:block;color:var(--soft);font-size:.8667em;font-weight:400}\n"
    "th small{white-space:nowrap}\n"
    "th:first-child,td:first-child{padding-left:0}\n"
    "thead th{border-bottom:2px solid var(--line);color:var(--soft);font-weight:600;"
    "vertical-align:bottom}\n"
    "th.l{text-align:left}\n"
    "tbody th{font-weight:500}\n"
    ".sum th,.sum td{border-bottom:0;color:var(--soft)}\n"
    ".sum tr:last-child>*{color:var(--ink);font-weight:600}\n"
    ".sum tr:first-child>*{border-top:2px solid var(--line)}\n"
    "figure{margin:1rem 0}\n"
    "figure{max-width:42rem}\n"
    "figure.wide{max-width:62rem}\n"
    "figure svg{display:block;width:100%;height:auto}\n"
    "figcaption{max-width:46rem;margin-top:.5rem;color:var(--soft);font-size:.875rem}\n"
    ".pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));"
    "gap:0 2.5rem}\n"
    ".pair>*{min-width:0}\n"
    ".multiples{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,15.5rem),1fr));"
    "gap:0 1.5rem}\n"
    ".multiples>*{min-width:0}\n"
    ".multiples svg{max-width:20rem}\n"
    ".multiples figcaption{margin:0 0 .375rem;overflow-wrap:anywhere}\n"
    ".multiples strong{color:var(--ink);font-weight:600}\n";

static const char ends[] =
    "footer{margin-top:3rem;padding-top:1rem;border-top:1px solid var(--line)}\n"
    ":focus-visible{outline:2px solid var(--mark);outline-offset:2px}\n"
    "@media print{:root{color-scheme:light;--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;"
    "--wash:#fff;--mark:#000;--bad:#000;--badwash:#fff}\n"
    "body{max-width:none;padding:0;font-size:10pt}\n"
    ".tiles div,.command{border:1px solid var(--line)}\n"
    "h1,h2,h3,caption{break-after:avoid}\n"
    "figure,tr,.tiles div{break-inside:avoid}\n"
    ".scroll{overflow:visible;background:none}\n"
    "table{font-size:8pt}th,td{padding:.2rem .4rem}tbody th{min-width:6rem}}\n";

void snnreport_page_style(struct snnreport_text *out)
{
    snnreport_put(out, texts);
    snnreport_put(out, tables);
    snnreport_put(out, ends);
}
