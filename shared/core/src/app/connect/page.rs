//! The pages of connecting, as a browser gets them. Everything that comes from outside is escaped.

use serde::{Deserialize, Serialize};

use super::{refusal::Refusal, words};
use crate::domain::config::Language;

/// What the browser gets.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Where the browser is to go, with status 303.
    pub location: Option<String>,
    /// A cookie to set, as the header's value.
    pub cookie: Option<String>,
    /// The page, a whole HTML document.
    pub html: String,
}

/// A connected org, as it has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    /// The connection's name.
    pub name: String,
    /// The org's id.
    pub organization: String,
    /// The name with which our user signs in, where the org tells.
    pub user: Option<String>,
    /// Where the org is.
    pub instance_url: String,
    /// API calls used in 24 hours and allowed, where the org tells.
    pub usage: Option<(u64, u64)>,
    /// The id of the certificate that Salesforce has not accepted yet, where an older one was used.
    pub certificate_not_accepted: Option<String>,
}

impl std::fmt::Debug for Reply {
    /// Location and cookie carry the state and the verifier.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply").field("status", &self.status).finish_non_exhaustive()
    }
}

impl Reply {
    /// The page of a link that nobody has used yet. `ticket` was found in the table by its hash, so it is one of ours.
    pub(super) fn offer(language: Language, name: &str, ticket: &str) -> Self {
        let words = words::offer(language);
        let said = format!("<p>{}</p>", escape(&words.text.replace("{name}", name)));
        // Relative, so that the API may stand under any address.
        let form = format!(
            "<form method=\"post\" action=\"start?ticket={}\"><button type=\"submit\">{}</button></form>",
            escape(ticket),
            escape(words.button)
        );
        let once = format!("<p><small>{}</small></p>", escape(words.once));
        Self { status: 200, location: None, cookie: None, html: document(language, words.title, &[&said, &form, &once]) }
    }

    /// Sends the browser to Salesforce. The page is for browsers that do not go by themselves.
    pub(super) fn redirect(language: Language, location: String, cookie: String) -> Self {
        let words = words::leaving(language);
        let link = format!("<a href=\"{}\">{}</a>", escape(&location), escape(words.link));
        let html = document(language, words.title, &[&format!("<p>{}</p>", escape(words.text)), &format!("<p>{link}</p>")]);
        Self { status: 303, location: Some(location), cookie: Some(cookie), html }
    }

    pub(super) fn refused(language: Language, refusal: &Refusal, cookie: Option<String>) -> Self {
        let paragraphs = |language| {
            let words = refusal.words(language);
            format!("<p>{}</p><p>{}</p>", escape(&words.cause), escape(&words.cure))
        };
        let code = |language| format!("<p><small>{} <code>{}</code></small></p>", words::code(language), escape(refusal.code()));
        let html = if refusal.is_of_a_stranger() {
            // The language of a connection would tell that there is one.
            let english = format!("<section lang=\"en\"><h1>{}</h1>{}</section>", words::refused_title(Language::En), paragraphs(Language::En));
            document(Language::Fr, words::refused_title(Language::Fr), &[&paragraphs(Language::Fr), &english, &code(Language::Fr)])
        } else {
            document(language, words::refused_title(language), &[&paragraphs(language), &code(language)])
        };
        Self { status: refusal.status(), location: None, cookie, html }
    }

    pub(super) fn connected(language: Language, connected: &Connected, cookie: String) -> Self {
        let words = words::connected(language);
        let mut rows = vec![(words.organization, connected.organization.clone()), (words.address, connected.instance_url.clone())];
        rows.extend(connected.user.clone().map(|user| (words::user(language), user)));
        if let Some((used, max)) = connected.usage {
            rows.push((words.usage, format!("{used} / {max}")));
        }
        let row = |(name, value): &(&str, String)| format!("<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
        let list = format!("<dl>{}</dl>", rows.iter().map(row).collect::<String>());
        let said = format!("<p>{}</p>", escape(&words.text.replace("{name}", &connected.name)));
        let next = format!("<p>{}</p>", escape(words.next));
        let html = document(language, words.title, &[&said, &list, &next]);
        Self { status: 200, location: None, cookie: Some(cookie), html }
    }
}

const STYLE: &str = "body{font:1rem/1.6 system-ui,sans-serif;max-width:40rem;margin:4rem auto;padding:0 1.5rem;color:#1b1f24;background:#fff}\
h1{font-size:1.4rem;line-height:1.3}dt{font-weight:600}dd{margin:0 0 .6rem;overflow-wrap:anywhere}small{color:#57606a}\
button{font:inherit;padding:.5rem 1rem;cursor:pointer}\
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}small{color:#8b949e}a{color:#79b8ff}}";

/// A document of a title and parts that are HTML already.
fn document(language: Language, title: &str, parts: &[&str]) -> String {
    let lang = match language {
        Language::Fr => "fr",
        Language::En => "en",
    };
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"{lang}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{}</main></body></html>\n",
        parts.concat()
    )
}

/// Text as HTML, also inside quoted attributes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let refusal = Refusal::SignIn { code: "<script>alert('x')</script>".to_owned(), redirect_uri: "https://p.example/\"&".to_owned() };
        let html = Reply::refused(Language::En, &refusal, None).html;
        assert!(!html.contains("<script"), "{html}");
        assert!(html.contains("<code>&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;</code>"), "{html}");

        let connected = Connected {
            name: "A & <b>".into(),
            organization: "<i>".into(),
            user: Some("<u>".into()),
            instance_url: "\"".into(),
            usage: Some((1, 2)),
            certificate_not_accepted: None,
        };
        let html = Reply::connected(Language::Fr, &connected, String::new()).html;
        assert!(
            html.contains("A &amp; &lt;b&gt;")
                && html.contains("<dd>&lt;i&gt;</dd>")
                && html.contains("<dd>&lt;u&gt;</dd>")
                && html.contains("<dd>1 / 2</dd>"),
            "{html}"
        );

        let reply = Reply::redirect(Language::Fr, "https://x/?a=1&b=\"".to_owned(), "c".to_owned());
        assert!(reply.html.contains("href=\"https://x/?a=1&amp;b=&quot;\""), "{}", reply.html);
        assert_eq!((reply.status, reply.location.as_deref()), (303, Some("https://x/?a=1&b=\"")));

        let html = Reply::offer(Language::En, "A & <b>", "t\"k").html;
        assert!(html.contains("A &amp; &lt;b&gt;") && html.contains("action=\"start?ticket=t&quot;k\""), "{html}");
    }

    #[test]
    fn who_shows_no_ticket_is_told_in_both_languages_whatever_the_connection_speaks() {
        for refusal in [Refusal::TicketExpired, Refusal::StateExpired] {
            let [fr, en] = [Language::Fr, Language::En].map(|language| refusal.words(language).cause);
            let pages = [Language::Fr, Language::En].map(|language| Reply::refused(language, &refusal, None).html);
            assert_eq!(pages[0], pages[1]);
            assert!(pages[0].contains(&escape(&fr)) && pages[0].contains(&escape(&en)), "{}", pages[0]);
        }
    }

    #[test]
    fn pages_name_their_language_and_load_nothing() {
        for (language, lang) in [(Language::Fr, "fr"), (Language::En, "en")] {
            for reply in [Reply::refused(language, &Refusal::OtherBrowser, None), Reply::offer(language, "KAYO", "t")] {
                let html = reply.html;
                assert!(html.starts_with(&format!("<!doctype html><html lang=\"{lang}\">")), "{html}");
                assert!(!html.contains("src=") && !html.contains("url(") && !html.contains("<link"), "{html}");
            }
        }
    }
}
