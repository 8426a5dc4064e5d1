// What a person would see on a page, for tests/flow/report.py: the texts with their places and
// colours, the numbers with their places in the document. The value of this file is a function.
(() => {
    "use strict";
    const TOLERANCE = 1;

    // Every text node that is drawn, as the boxes of its lines.
    const texts = () => {
        const found = [];
        const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const node = walker.currentNode, parent = node.parentElement;
            if (!node.data.trim() || parent.closest("script, style, title, desc, head")) continue;
            if (!parent.checkVisibility({checkOpacity: true, checkVisibilityCSS: true})) continue;
            const range = document.createRange();
            range.selectNodeContents(node);
            for (const box of range.getClientRects()) {
                const seen = clipped(box, parent);
                if (seen.right - seen.left < 1 || seen.bottom - seen.top < 1) continue;
                found.push({text: node.data.trim().slice(0, 40), parent, ...seen});
            }
        }
        return found;
    };

    // What is left of a box where its ancestors scroll or clip.
    const clipped = (box, element) => {
        const seen = {left: box.left, top: box.top, right: box.right, bottom: box.bottom};
        for (let at = element; at; at = at.parentElement) {
            const style = getComputedStyle(at);
            if (style.overflowX === "visible" || at === document.documentElement) continue;
            const frame = at.getBoundingClientRect();
            seen.left = Math.max(seen.left, frame.left);
            seen.right = Math.min(seen.right, frame.right);
            seen.top = Math.max(seen.top, frame.top);
            seen.bottom = Math.min(seen.bottom, frame.bottom);
        }
        return seen;
    };

    const overlaps = (list) => {
        const found = [];
        list = [...list].sort((a, b) => a.top - b.top);
        list.forEach((a, i) => {
            for (let k = i + 1; k < list.length && list[k].top < a.bottom - TOLERANCE; k++) {
                const b = list[k];
                const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
                const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
                if (width > TOLERANCE && height > TOLERANCE)
                    found.push(`"${a.text}" and "${b.text}" by ${width.toFixed(1)} x ` +
                               `${height.toFixed(1)}`);
            }
        });
        return found;
    };

    // ---- Colours: red, green, blue from 0 to 255 and opacity ----

    const color = (text) => {
        const numbers = (text.match(/[\d.]+/g) || []).map(Number);
        return numbers.length < 3 ? [0, 0, 0, 0] : [...numbers.slice(0, 3), numbers[3] ?? 1];
    };

    const over = (top, below) => below.map((value, i) =>
        i === 3 ? 1 : top[i] * top[3] + value * (1 - top[3]));

    const luminance = (rgb) => {
        const [r, g, b] = rgb.map((value) => value / 255).map((value) =>
            value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };

    // What is painted of an element at a place, behind its texts.
    const paint = (element) => {
        const style = getComputedStyle(element);
        const own = element instanceof SVGElement && element.tagName !== "svg";
        if (own && /^(text|tspan|g)$/.test(element.tagName)) return [0, 0, 0, 0];
        const result = color(own ? (style.fill === "none" ? "" : style.fill)
                                 : style.backgroundColor);
        if (own) result[3] *= Number(style.fillOpacity) * Number(style.opacity);
        return result;
    };

    const behind = (item) => {
        const stack = document.elementsFromPoint((item.left + item.right) / 2,
                                                 (item.top + item.bottom) / 2);
        let result = [255, 255, 255, 1];
        for (const element of stack.reverse()) result = over(paint(element), result);
        return result;
    };

    const contrast = (item) => {
        const style = getComputedStyle(item.parent);
        const ground = behind(item);
        const svg = item.parent instanceof SVGElement;
        const ink = over(color(svg ? style.fill : style.color), ground);
        const [a, b] = [luminance(ink), luminance(ground)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05);
    };

    const place = (item) => item.top >= 0 && item.bottom <= innerHeight;

    // Paths, the scales they are drawn by, and the numbers they stand for.
    const pictures = (selector) => [...document.querySelectorAll(selector)].map((path) => {
        const plot = path.closest(".plot");
        const band = path.parentElement.querySelector("path.band");
        return {pointer: path.dataset.json, x: plot.dataset.x, y: plot.dataset.y,
                d: path.getAttribute("d"), band: band ? band.getAttribute("d") : null};
    });

    return () => {
        const list = texts();
        const root = document.documentElement;
        return {
            width: root.clientWidth,
            scrollWidth: Math.max(root.scrollWidth, document.body.scrollWidth),
            height: root.scrollHeight,
            texts: list.length,
            overlaps: overlaps(list),
            cut: [...document.querySelectorAll(".scroll")]
                .filter((box) => box.querySelector("table") && box.scrollWidth > box.clientWidth + 1)
                .map((box) => `"${box.getAttribute("aria-label")}": ${box.scrollWidth} of ` +
                    box.clientWidth),
            unseen: list.filter((item) => !place(item)).length,
            faint: list.filter((item) => contrast(item) < 4.5)
                .map((item) => `"${item.text}": ${contrast(item).toFixed(2)}`),
            words: document.body.innerText,
            numbers: [...document.querySelectorAll(".n[data-json]")].map((element) =>
                ({pointer: element.dataset.json, of: element.dataset.of ?? null,
                  unit: element.dataset.unit ?? null,
                  shown: element.textContent})),
            marks: pictures(".plot path.mark[data-json]"),
            lines: pictures(".plot path.line[data-json], .plot path.bar[data-json]"),
            dots: [...document.querySelectorAll(".plot g[data-json]")].map((group) =>
                ({pointer: group.dataset.json,
                  values: [...group.querySelectorAll("[data-value]")].map((dot) =>
                      dot.dataset.value)})),
            rows: [...document.querySelectorAll(".bar[data-value]")].map((bar) =>
                ({pointer: bar.dataset.json, value: bar.dataset.value})),
            json: document.getElementById("result").textContent,
            headings: [...document.querySelectorAll("h1, h2, h3, h4")].map((h) =>
                [Number(h.tagName[1]), h.textContent]),
            unnamed: [...document.querySelectorAll("svg")].filter((svg) =>
                !svg.querySelector("title")).length,
            tables: [...document.querySelectorAll("table")].map((table) =>
                Boolean(table.caption) && [...table.querySelectorAll("th")].every((th) =>
                    th.scope)),
            ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
            titles: document.title,
            language: root.lang,
            scripts: [...document.scripts].filter((script) =>
                script.type !== "application/json").length,
        };
    };
})()
