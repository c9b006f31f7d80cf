//! The person's part of the web server flow: log in, approve or deny, be sent back.
//! The session cookie and the request id tie the two forms together.

use http::header;
use jiff::Timestamp;

use super::authorize::{back, error_page};
use super::pages;
use crate::http::reply::Reply;
use crate::http::request::{Call, field};
use crate::id::Id;
use crate::seed::AppSeed;
use crate::service::World;

const COOKIE: &str = "sid";
const LOST: &str = "This authorization request is unknown or already finished. Start again from the app.";

/// The active user signed in in this browser.
pub fn browser_user(world: &World, call: &Call) -> Option<Id> {
    call.headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(name, _)| *name == COOKIE)
        .find_map(|(_, value)| world.oauth.browser(value))
        .filter(|user| world.org.user(user).is_some_and(|user| user.active))
}

/// `POST /login`: `request`, `username`, `password`.
pub fn login(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    let form = call.form().unwrap_or_default();
    let get = |name: &str| field(&form, name).unwrap_or_default();
    let request = get("request");
    if world.oauth.pending(request).is_none() && !request.is_empty() {
        return pages::notice("Login", LOST);
    }
    let user = world.org.user_by_name(get("username")).filter(|user| user.active && user.password == get("password")).map(|user| user.id);
    let Some(user) = user else {
        let text = "Please check your username and password. If you still can't log in, contact your administrator.";
        return pages::login(request, get("username"), Some(text));
    };
    let cookie = world.oauth.sign_in(user);
    let next = if request.is_empty() { Reply::redirect("/") } else { continue_as(world, request, user, now) };
    next.with(header::SET_COOKIE, format!("{COOKIE}={cookie}; Path=/; HttpOnly; SameSite=Lax"))
}

/// Whether the app may act for the user without asking.
pub fn needs_no_approval(world: &World, app: &AppSeed, user: Id) -> bool {
    pre_authorized(world, app, user) || world.oauth.approved(user, &app.client_id)
}

/// Whether an administrator has approved the app for the user.
pub fn pre_authorized(world: &World, app: &AppSeed, user: Id) -> bool {
    let name = world.org.user(&user).map(|user| user.username.clone()).unwrap_or_default();
    app.pre_authorized.iter().any(|listed| listed.eq_ignore_ascii_case(&name))
}

/// What comes after the login: refusal, approval page or straight back to the app.
pub fn continue_as(world: &mut World, request: &str, user: Id, now: Timestamp) -> Reply {
    let Some(pending) = world.oauth.pending(request).cloned() else {
        return pages::notice("Login", LOST);
    };
    let Some(app) = world.oauth.app(&pending.client_id).cloned() else {
        return pages::notice("Login", LOST);
    };
    if let Some(refusal) = refusal(world, &app, user) {
        world.oauth.finish(request);
        return refusal;
    }
    if needs_no_approval(world, &app, user) && !pending.ask_again {
        return grant(world, request, user, now);
    }
    Reply::redirect(format!("/setup/secur/RemoteAccessAuthorizationPage.apexp?request={request}"))
}

fn refusal(world: &World, app: &AppSeed, user: Id) -> Option<Reply> {
    let may_approve = world.org.user(&user).is_some_and(|user| user.permissions.approve_uninstalled_apps);
    if app.blocked {
        return Some(error_page("OAUTH_APP_BLOCKED", "this app is blocked by admin"));
    }
    if !app.installed && !may_approve {
        return Some(error_page("OAUTH_APPROVAL_ERROR_GENERIC", "An unexpected error has occurred during authentication. Please try again."));
    }
    if !app.pre_authorized.is_empty() && !pre_authorized(world, app, user) {
        return Some(error_page("OAUTH_APP_ACCESS_DENIED", "user is not admin approved to access this app"));
    }
    None
}

/// `GET` of the approval page.
pub fn approval_page(world: &World, call: &Call) -> Reply {
    let request = call.param("request").unwrap_or_default();
    let pending = world.oauth.pending(request);
    let user = browser_user(world, call).and_then(|user| world.org.user(&user));
    let (Some(pending), Some(user)) = (pending, user) else {
        return pages::notice("Allow Access?", LOST);
    };
    match world.oauth.app(&pending.client_id) {
        Some(app) => pages::approve(request, app, &user.username, &pending.scopes),
        None => pages::notice("Allow Access?", LOST),
    }
}

/// `POST` of the approval page: `request`, `decision`.
pub fn decide(world: &mut World, call: &Call, now: Timestamp) -> Reply {
    let form = call.form().unwrap_or_default();
    let request = field(&form, "request").unwrap_or_default();
    let Some(user) = browser_user(world, call) else {
        return pages::login(request, "", None);
    };
    let Some(pending) = world.oauth.pending(request).cloned() else {
        return pages::notice("Allow Access?", LOST);
    };
    let Some(app) = world.oauth.app(&pending.client_id).cloned() else {
        return pages::notice("Allow Access?", LOST);
    };
    if let Some(refusal) = refusal(world, &app, user) {
        world.oauth.finish(request);
        return refusal;
    }
    match field(&form, "decision") {
        Some("allow") => {
            world.oauth.approve(user, &pending.client_id);
            grant(world, request, user, now)
        }
        Some("deny") => {
            world.oauth.finish(request);
            let pairs = [("error", "access_denied"), ("error_description", "end-user denied authorization")];
            back(&pending.redirect_uri, pending.state.as_deref(), &pairs)
        }
        _ => approval_page(world, call),
    }
}

fn grant(world: &mut World, request: &str, user: Id, now: Timestamp) -> Reply {
    let Some(pending) = world.oauth.finish(request) else {
        return pages::notice("Login", LOST);
    };
    let code = world.oauth.issue_code(&pending, user, now);
    back(&pending.redirect_uri, pending.state.as_deref(), &[("code", &code)])
}
