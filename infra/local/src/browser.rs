//! A browser's part in connecting: opens the link, presses its button, signs in, allows, and arrives at the callback.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use reqwest::{Client, header::LOCATION, redirect::Policy};
use url::Url;

/// Follows a connect link to its end, as the user.
pub async fn approve(link: &str, username: &str, password: &str) -> Result<()> {
    let (client, callback) = authorize(link, username, password).await?;
    let answer = client.get(callback).send().await?;
    let (status, page) = (answer.status(), answer.text().await?);
    if status.is_success() { Ok(()) } else { bail!("The org could not be connected: {}", text(&page)) }
}

/// Follows a connect link up to the callback, which is not called: a browser with its cookies, and where it would go.
pub async fn authorize(link: &str, username: &str, password: &str) -> Result<(Client, Url)> {
    decide(link, username, password, "allow").await
}

/// The same, as a user who denies.
pub async fn deny(link: &str, username: &str, password: &str) -> Result<(Client, Url)> {
    decide(link, username, password, "deny").await
}

async fn decide(link: &str, username: &str, password: &str, decision: &str) -> Result<(Client, Url)> {
    let up_to_callback = Policy::custom(|attempt| if is_callback(attempt.url()) { attempt.stop() } else { attempt.follow() });
    let client = Client::builder().cookie_store(true).redirect(up_to_callback).build()?;
    let mut answer = client.get(link).send().await?;
    let decided = |(name, value): (String, String)| if name == "decision" { (name, decision.to_owned()) } else { (name, value) };
    // The link's button, sign in, allow: a page more than that is a page too many.
    for _ in 0..5 {
        let (url, status) = (answer.url().clone(), answer.status());
        let next = answer.headers().get(LOCATION).and_then(|location| url.join(location.to_str().ok()?).ok());
        if let Some(callback) = next.filter(is_callback) {
            return Ok((client, callback));
        }
        let page = answer.text().await?;
        let form = Form::read(&page).with_context(|| format!("The org shows no form at {url} ({status}): {}", text(&page)))?;
        let (action, fields) = form.filled(username, password);
        let fields: BTreeMap<String, String> = fields.into_iter().map(decided).collect();
        answer = client.post(url.join(&action)?).form(&fields).send().await?;
    }
    bail!("The org keeps asking.")
}

fn is_callback(url: &Url) -> bool {
    url.path().ends_with("/callback")
}

/// The form of a page: where it goes, and the fields that it brings along.
#[derive(Debug)]
pub struct Form {
    action: String,
    fields: BTreeMap<String, String>,
    asks_password: bool,
}

impl Form {
    /// Reads the first form of a page.
    #[must_use]
    pub fn read(page: &str) -> Option<Self> {
        let (_, form) = page.split_once("<form")?;
        let (form, _) = form.split_once("</form>")?;
        let (head, _) = form.split_once('>')?;
        let inputs = form.split("<input").skip(1).filter_map(|input| {
            let (tag, _) = input.split_once('>')?;
            Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
        });
        Some(Self {
            action: attribute(head, "action").unwrap_or_default(),
            fields: inputs.collect(),
            asks_password: form.contains("type=\"password\""),
        })
    }

    /// Fills it in, as who signs in and allows: where it goes, and its fields.
    #[must_use]
    pub fn filled(mut self, username: &str, password: &str) -> (String, BTreeMap<String, String>) {
        if self.asks_password {
            self.fields.insert("username".to_owned(), username.to_owned());
            self.fields.insert("password".to_owned(), password.to_owned());
        } else {
            self.fields.insert("decision".to_owned(), "allow".to_owned());
        }
        (self.action, self.fields)
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
    let (value, _) = rest.split_once('"')?;
    Some(value.replace("&quot;", "\"").replace("&#39;", "'").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// A page without its tags.
fn text(page: &str) -> String {
    let body = page.rsplit("</style>").next().unwrap_or(page);
    let parts = body.split('<').map(|part| part.split_once('>').map_or(part, |(_, text)| text).trim());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}
