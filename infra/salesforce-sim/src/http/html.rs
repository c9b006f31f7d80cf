//! HTML by hand: escaping and the frame all pages share.

use super::reply::{HTML, Reply};

/// Text made safe inside elements and quoted attributes.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page around `body`, which is already HTML.
pub fn page(status: u16, title: &str, body: &str) -> Reply {
    let title = escape(title);
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    );
    Reply::text(status, HTML, text)
}

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b2430;--soft:#5c6b7d;--line:#dde3ea;--card:#fff;--bg:#f3f5f8;--blue:#0b5cab}\
@media(prefers-color-scheme:dark){:root{--ink:#e7ecf2;--soft:#9aa8b8;--line:#2c3845;--card:#1a222c;--bg:#11171e;--blue:#6cb2ff}}\
*{box-sizing:border-box}body{margin:0;font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--bg)}\
a{color:var(--blue);text-decoration:none}a:hover{text-decoration:underline}\
header{background:var(--card);border-bottom:1px solid var(--line);padding:14px 24px;display:flex;gap:16px;align-items:baseline}\
header b{font-size:17px}header span{color:var(--soft)}main{max-width:1080px;margin:24px auto;padding:0 16px}\
.card{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin-bottom:20px;overflow-x:auto}\
.narrow{max-width:380px;margin:9vh auto}h1{font-size:21px;margin:0 0 12px}h2{font-size:16px;margin:0 0 10px}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:6px 12px 6px 0;border-bottom:1px solid var(--line);vertical-align:top}\
th{color:var(--soft);font-weight:500}td.n{text-align:right;font-variant-numeric:tabular-nums}.soft{color:var(--soft)}\
label{display:block;margin:10px 0 3px;color:var(--soft)}input{width:100%;padding:9px;border:1px solid var(--line);border-radius:6px;font:inherit;background:var(--bg);color:inherit}\
button{padding:9px 18px;border:1px solid var(--line);border-radius:6px;font:inherit;margin:16px 8px 0 0;cursor:pointer;background:var(--card);color:inherit}\
button.main{background:#0b5cab;border-color:#0b5cab;color:#fff}.error{color:#b3261e;margin:8px 0}\
.line{border-left:3px solid var(--blue);padding:2px 0 2px 12px;margin:0 0 14px}pre{white-space:pre-wrap;margin:0;font:inherit}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_values_stays_text() {
        assert_eq!(escape("<b a='1'>&\"x\""), "&lt;b a=&#39;1&#39;&gt;&amp;&quot;x&quot;");
    }
}
