//! `/services/oauth2/authorize`: checks what the app asks for before anybody logs in.
//! An unknown app or an unregistered redirect URI ends on an error page, never at that URI.

use jiff::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::store::Pending;
use super::{login, pages};
use crate::http::reply::{Failure, Reply};
use crate::http::request::{Call, field};
use crate::seed::AppSeed;
use crate::service::World;

const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `name=value` as in a form: blanks become `+`.
pub fn form_pair(name: &str, value: &str) -> String {
    format!("{name}={}", utf8_percent_encode(value, PLAIN).to_string().replace("%20", "+"))
}

/// A redirect to the page of errors the app must not hear of.
pub fn error_page(error: &str, description: &str) -> Reply {
    let query = [form_pair("error", error), form_pair("error_description", description)].join("&");
    Reply::redirect(format!("/setup/secur/RemoteAccessErrorPage.apexp?{query}"))
}

/// A redirect back to the app.
pub fn back(redirect_uri: &str, state: Option<&str>, pairs: &[(&str, &str)]) -> Reply {
    let mut parts: Vec<String> = pairs.iter().map(|(name, value)| form_pair(name, value)).collect();
    if let Some(state) = state {
        // A client compares the state octet for octet after decoding; blanks are sent as %20, which every decoder reads.
        parts.push(format!("state={}", utf8_percent_encode(state, PLAIN)));
    }
    let joint = if redirect_uri.contains('?') { '&' } else { '?' };
    Reply::redirect(format!("{redirect_uri}{joint}{}", parts.join("&")))
}

/// Flows of a real org that are not built. Source: Salesforce help, "OAuth Authorization Flows".
const ELSEWHERE: &[&str] = &["token", "id_token", "token id_token", "id_token token", "hybrid_auth_code", "hybrid_token", "code_credentials"];

/// Answers GET and POST alike.
pub fn authorize(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    let mut fields = call.query.clone();
    fields.extend(call.form().unwrap_or_default());
    let get = |name: &str| field(&fields, name).filter(|value| !value.is_empty());
    let Some(app) = get("client_id").and_then(|id| world.oauth.known_app(id, now)).cloned() else {
        return error_page("invalid_client_id", "client identifier invalid");
    };
    let Some(redirect_uri) = get("redirect_uri") else {
        return error_page("redirect_uri_missing", "redirect_uri must be specified");
    };
    if !app.callback_urls.iter().any(|registered| registered == redirect_uri) {
        return error_page("redirect_uri_mismatch", "redirect_uri must match configuration");
    }
    if let Some(flow) = get("response_type").filter(|flow| ELSEWHERE.contains(flow)) {
        return Failure::not_built(&format!("response_type={flow}")).into_reply();
    }
    let pending = match check(&app, redirect_uri, &get, now) {
        Ok(pending) => pending,
        Err((error, description)) => {
            return back(redirect_uri, get("state"), &[("error", error), ("error_description", &description)]);
        }
    };
    proceed(world, call, &app, pending, get("prompt").unwrap_or_default(), get("immediate") == Some("true"), now)
}

type Refusal = (&'static str, String);

fn check<'a>(app: &AppSeed, redirect_uri: &str, get: &impl Fn(&str) -> Option<&'a str>, now: Timestamp) -> Result<Pending, Refusal> {
    if get("response_type") != Some("code") {
        return Err(("unsupported_response_type", "response type not supported".to_owned()));
    }
    if !app.flows.web_server {
        return Err(("oauth_flow_disabled", "web server flow is not enabled for this app".to_owned()));
    }
    let scopes = scopes(app, get("scope")).map_err(|text| ("invalid_scope", text))?;
    let prompt = get("prompt").unwrap_or_default();
    Ok(Pending {
        client_id: app.client_id.clone(),
        redirect_uri: redirect_uri.to_owned(),
        state: get("state").map(str::to_owned),
        scopes,
        challenge: challenge(app, get("code_challenge"), get("code_challenge_method"))?,
        nonce: get("nonce").map(str::to_owned),
        login_hint: get("login_hint").unwrap_or_default().to_owned(),
        ask_again: prompt.split(' ').any(|word| word == "consent"),
        since: now,
    })
}

/// The scopes to grant: those asked for, or all of the app's. `offline_access` is another name for `refresh_token`.
///
/// # Errors
/// Words for `invalid_scope` when one is unknown or not the app's.
pub fn scopes(app: &AppSeed, asked: Option<&str>) -> Result<Vec<String>, String> {
    let canonical = |scope: &str| {
        if scope == "offline_access" { "refresh_token".to_owned() } else { scope.to_owned() }
    };
    let own: Vec<String> = app.scopes.iter().map(|scope| canonical(scope)).collect();
    let full = own.iter().any(|scope| scope == "full");
    let mut granted: Vec<String> = Vec::new();
    for scope in asked.unwrap_or_default().split_whitespace().map(canonical) {
        let covered = full && scope != "refresh_token";
        if !covered && !own.contains(&scope) {
            return Err(format!("the requested scope is not allowed: {scope}"));
        }
        if !granted.contains(&scope) {
            granted.push(scope);
        }
    }
    Ok(if granted.is_empty() { own } else { granted })
}

fn challenge(app: &AppSeed, challenge: Option<&str>, method: Option<&str>) -> Result<Option<String>, Refusal> {
    let refuse = |text: &str| Err(("invalid_request", text.to_owned()));
    match (challenge, method) {
        (None, _) if app.pkce_required => refuse("missing required code challenge"),
        (None, _) => Ok(None),
        (Some(_), Some(method)) if method != "S256" => refuse("code challenge method must be S256"),
        (Some(challenge), _) => {
            let fits = challenge.len() == 43 && challenge.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
            if fits { Ok(Some(challenge.to_owned())) } else { refuse("invalid code challenge") }
        }
    }
}

fn proceed(world: &mut World, call: &Call, app: &AppSeed, pending: Pending, prompt: &str, immediate: bool, now: Timestamp) -> Reply {
    let again = prompt.split(' ').any(|word| matches!(word, "login" | "select_account"));
    let user = login::browser_user(world, call).filter(|_| !again);
    if immediate {
        let silent = user.is_some_and(|user| !pending.ask_again && login::needs_no_approval(world, app, user));
        if !silent {
            return back(&pending.redirect_uri, pending.state.as_deref(), &[("error", "immediate_unsuccessful")]);
        }
    }
    match user {
        Some(user) => {
            let request = world.oauth.begin(pending);
            login::continue_as(world, &request, user, now)
        }
        None => {
            let hint = pending.login_hint.clone();
            let request = world.oauth.begin(pending);
            pages::login(&request, &hint, None)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn app(scopes: &[&str]) -> AppSeed {
        AppSeed { scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(), ..AppSeed::default() }
    }

    #[test]
    fn scopes_are_those_asked_for_within_the_apps() {
        let cases: &[(&[&str], Option<&str>, Option<&str>)] = &[
            (&["api", "refresh_token"], Some("refresh_token api api"), Some("refresh_token api")),
            (&["api", "refresh_token"], Some("offline_access"), Some("refresh_token")),
            (&["api", "refresh_token"], None, Some("api refresh_token")),
            (&["api"], Some("refresh_token"), None),
            (&["full"], Some("api id"), Some("api id")),
            (&["full"], Some("refresh_token"), None),
        ];
        for (own, asked, want) in cases {
            assert_eq!(scopes(&app(own), *asked).ok().map(|granted| granted.join(" ")).as_deref(), *want, "{own:?} {asked:?}");
        }
    }

    #[test]
    fn challenges_are_s256_of_the_right_form() {
        let good = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        let cases = [
            (true, None, None, false),
            (false, None, None, true),
            (true, Some(good), Some("S256"), true),
            (true, Some(good), None, true),
            (true, Some(good), Some("plain"), false),
            (true, Some("short"), Some("S256"), false),
            (true, Some("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM"), Some("S256"), false),
        ];
        for (required, code, method, want) in cases {
            let app = AppSeed { pkce_required: required, ..app(&["api"]) };
            assert_eq!(challenge(&app, code, method).is_ok(), want, "{code:?} {method:?}");
        }
    }

    #[test]
    fn a_redirect_uri_with_a_query_is_continued() {
        let reply = back("http://a/cb?x=1", Some("s/1 &"), &[("error_description", "end-user denied authorization")]);
        let want = "http://a/cb?x=1&error_description=end-user+denied+authorization&state=s%2F1%20%26";
        assert_eq!(reply.headers[0].1, want);
    }
}
