"""Texts that would like to be more than text, on a page or in a picture."""

HARM = "window.harmed=1"
"""What those that run something would do."""

ON_PAGES = (
    f"<script>{HARM}</script>", f"</script><script>{HARM}</script>", f"<img src=x onerror={HARM}>",
    f"<svg onload={HARM}>", f"<svg><script>{HARM}</script></svg>", f"\" onmouseover=\"{HARM}\" x=\"",
    f"' autofocus onfocus='{HARM}' x='", f"x onfocus={HARM} autofocus",
    f"<iframe srcdoc=\"<script>parent.{HARM}</script>\">", f"javascript:{HARM}",
    f"<a href=\"javascript:{HARM}\">x</a>", f"data:text/html,<script>{HARM}</script>",
    f"</style><script>{HARM}</script>", "</style><style>*{display:none!important}</style>",
    "@import url(//evil.example/x.css);", "<link rel=stylesheet href=//evil.example/x.css>",
    "<base href=//evil.example/>", "<img src=//evil.example/p.png>",
    "<meta http-equiv=refresh content='0;url=//evil.example/'>", "<form action=//evil.example/><input name=q></form>",
    "<object data=//evil.example/x></object><embed src=//evil.example/x>",
    "<video src=//evil.example/x autoplay></video>", "<!--", "-->", f"--><script>{HARM}</script>", "<!--<script>",
    "]]>", "<![CDATA[x]]>", "<plaintext>", "<xmp>", "<textarea>",
    "<noscript><p title=\"</noscript><img src=x onerror=" + HARM + ">\">", "<template><b>x</b></template>",
    "<title>x</title>", f"<details open ontoggle={HARM}>x</details>",
    f"<math><mi//xlink:href=\"data:x,<script>{HARM}</script>\">", f"&lt;script&gt;{HARM}&lt;/script&gt;",
    f"&#60;script&#62;{HARM}&#60;/script&#62;", f"\\u003cscript\\u003e{HARM}\\u003c/script\\u003e", "{{7*7}}",
    "{% raw %}", "${" + HARM + "}", "`${" + HARM + "}`", "\"};" + HARM + ";({\"", "\\\");" + HARM + "//", "\\",
    "a\u2028b\u2029c", "<div style='position:fixed;inset:0;z-index:9999;background:red'>x</div>",
    "</main></body></html><h1>x</h1>", "</td></tr></table>", "</details></section>", "<b id=theme>x</b>",
    "<p id=evidence>x</p>", "<input name=getElementById><form id=documentElement>", "\u202eright to left",
    "\u2066a\u2067b", "z\u0300\u0301\u0302" * 200, "\u200b" * 50, "\x1b[31mred\x00\x07", "\ufdfd" * 200, "x" * 10_000,
    "w" * 300 + "/" + "w" * 300, "word " * 2_000, "line\n" * 500, "\t" * 200 + "x", "漢" * 1_000, "\U0001f600" * 300,
    "__proto__", "constructor", "ev-1", "#why-1", "main",
    "https://evil.example/\" onmouseover=\"window.harmed=1", "http:javascript:x", "//evil.example/x",
)

ON_PICTURES = (
    '"', "'", '"]', '"] --> x', '"];x["y', "]", ")", "}", "|", "|x|", "`", "`**bold**`", '"`**bold**`"', "```",
    "```\n<b>out</b>", "~~~", ";", ":", ": a : b", "#", "#quot;", "#35;", "&quot;", "&#34;", "&lt;img src=x&gt;",
    "&amp;lt;", "%%", "%% a remark", "%%{init: {'securityLevel': 'loose'}}%%",
    "%%{init: {\"themeCSS\": \"*{fill:red}\"}}%%", "---\nconfig:\n  securityLevel: loose\n---",
    f"<img src=x onerror=\"{HARM}\">", f"<script>{HARM}</script>", f"<svg onload={HARM}>",
    f"<iframe srcdoc='<script>top.{HARM}</script>'>", "<style>*{display:none}</style>", "<b>bold</b>", "<br/>",
    "</foreignObject></svg>", "<a href='javascript:x'>x</a>", f"javascript:{HARM}",
    f"click w1 href \"javascript:{HARM}\"", f"\nclick w1 call eval(\"{HARM}\")",
    "\n    click w1 \"https://evil.example\"", "\nstyle w1 fill:#f00", "\nend", "end", "\nsubgraph x", "subgraph",
    "class", "classDef default fill:red", "graph TD", "\nsection x", "section x", "title x", "accTitle: x",
    "accDescr { x }", "\naccTitle: other", "default", "x@{ shape: diamond }", "x:::cause", "a --> b", "a -.-> b",
    "$$x^2$$", "\\(x\\)", "fa:fa-bug", "fab:fa-github", "1. one", "- item", "* item", "# heading", "> quote",
    "http://evil.example", "www.evil.example", "[x](http://evil.example)", "![x](http://evil.example/p.png)",
    "\u202eright to left", "a\u200bb", "\x1b[31mred", "line\u2028break", "\r\n", "\t", "ﬂ°°34¶ß", "ﬂ°34¶ß", "$&",
    "\\", "\\n", "\\\"", "{{x}}", "((x))", "[/x/]", ">x]", "{", "o--o", "x--x", "0", "__proto__", "constructor",
    "undefined", "emoji \U0001f600 and 漢字", "x" * 10_000, "word " * 2_000, "<" * 1_000, '"' * 1_000, ",", "[",
    "[1, 2]", "x-axis", "bar [1]", "-1", "1e9", "NaN", "2025-11-07", "::icon(fa fa-book)",
)
