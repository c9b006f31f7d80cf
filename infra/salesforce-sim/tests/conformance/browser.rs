//! A person at a browser: fills in the login and the consent form, and stops at the app's address.

use std::collections::BTreeMap;

use crate::client::{Answer, Body, Wire, pairs};

/// Most pages between the authorize request and the app.
const PAGES: usize = 8;

/// Who is asked for what, and what they decide.
pub struct Person {
    pub username: String,
    pub password: String,
    pub decision: &'static str,
}

/// Opens a page of the login host and goes on until an answer leads away from it or shows an error.
pub async fn walk(wire: &Wire, login: &str, start: &str, person: &Person) -> Result<Answer, String> {
    let mut url = format!("{login}{start}");
    let mut form: Option<BTreeMap<String, String>> = None;
    let mut cookie = String::new();
    for _ in 0..PAGES {
        let headers = [("cookie".to_owned(), cookie.clone())];
        let answer = match form.take() {
            None => wire.send("GET", &url, &headers, Body::default()).await?,
            Some(fields) => {
                let body = Body { media_type: Some("application/x-www-form-urlencoded"), bytes: pairs(&fields).into_bytes() };
                wire.send("POST", &url, &headers, body).await?
            }
        };
        if let Some(set) = answer.header("set-cookie") {
            cookie = set.split(';').next().unwrap_or_default().to_owned();
        }
        if let Some(location) = answer.header("location") {
            match location.strip_prefix('/') {
                Some(_) if !location.contains("ErrorPage") => url = format!("{login}{location}"),
                _ => return Ok(answer),
            }
            continue;
        }
        let Some((action, fields)) = filled(&answer.text(), person) else {
            return Ok(answer);
        };
        url = format!("{login}{action}");
        form = Some(fields);
    }
    Err("the pages of the login do not end".to_owned())
}

/// The page's form with the person's answers; `None` when there is no form.
fn filled(page: &str, person: &Person) -> Option<(String, BTreeMap<String, String>)> {
    let form = page.split_once("<form")?.1.split_once("</form>")?.0;
    let action = attribute(form.split_once('>')?.0, "action")?;
    let mut fields = BTreeMap::new();
    for input in form.split("<input").skip(1) {
        let tag = input.split_once('>')?.0;
        if let (Some(name), Some("hidden")) = (attribute(tag, "name"), attribute(tag, "type").as_deref()) {
            fields.insert(name, attribute(tag, "value").unwrap_or_default());
        }
    }
    if form.contains("name=\"password\"") {
        fields.insert("username".to_owned(), person.username.clone());
        fields.insert("password".to_owned(), person.password.clone());
    } else {
        fields.insert("decision".to_owned(), person.decision.to_owned());
    }
    Some((action, fields))
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let rest = tag.split_once(&format!("{name}=\""))?.1;
    Some(rest.split_once('"')?.0.replace("&amp;", "&").replace("&quot;", "\""))
}
