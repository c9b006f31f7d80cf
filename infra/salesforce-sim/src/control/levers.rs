//! Settings of apps and users, and tokens for a test that is not about OAuth.

use http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Control;
use super::routes::{document, problem};
use crate::http::reply::Reply;
use crate::http::request::Call;
use crate::seed::Permissions;

type Done = Result<Reply, Reply>;

/// `POST /__control/tokens`: an access token for a user, without any flow.
pub(super) fn token(control: &Control, call: &Call) -> Done {
    let wish = document(call)?;
    let text = |name: &str| wish.get(name).and_then(Value::as_str).unwrap_or_default();
    let token = control.issue_token(text("username"), text("client_id"));
    let token = token.ok_or_else(|| problem(404, "The body needs the \"username\" of a user and the \"client_id\" of an app."))?;
    Ok(Reply::json(200, json!({"access_token": token})))
}

/// `PATCH /__control/apps/CLIENT_ID`: changes some of an app's settings; its grants stay.
pub(super) fn change_app(control: &Control, call: &Call, client_id: &str) -> Done {
    let mut world = control.shared().world();
    let app = world.oauth.app_mut(client_id).ok_or_else(|| problem(404, "There is no such app."))?;
    *app = changed(app, &document(call)?)?;
    Ok(Reply::json(200, json!(app)))
}

/// `PATCH /__control/users/NAME`: `language`, and some of `permissions`.
pub(super) fn change_user(control: &Control, call: &Call, username: &str) -> Done {
    let wish = document(call)?;
    let mut world = control.shared().world();
    let user = world.org.user_by_name(username).ok_or_else(|| problem(404, "There is no such user."))?;
    let (id, permissions) = (user.id, user.permissions);
    if let Some(wanted) = wish.get("permissions") {
        let permissions: Permissions = changed(&permissions, wanted)?;
        world.org.set_user_permissions(&id, permissions);
    }
    for (key, field) in [("language", "LanguageLocaleKey"), ("time_zone", "TimeZoneSidKey"), ("locale", "LocaleSidKey")] {
        if let Some(value) = wish.get(key).and_then(Value::as_str) {
            world.org.set_user_text(&id, field, value);
        }
    }
    Ok(Reply::empty(204))
}

/// The same settings with those that a document names.
fn changed<T: Serialize + DeserializeOwned>(settings: &T, wanted: &Value) -> Result<T, Reply> {
    let mut all = json!(settings);
    if let (Some(all), Some(wanted)) = (all.as_object_mut(), wanted.as_object()) {
        all.extend(wanted.clone());
    }
    serde_json::from_value(all).map_err(|error| problem(400, error.to_string()))
}

/// Everything here that the caller's map of routes does not name.
pub(super) fn handle(control: &Control, call: &Call, parts: &[&str]) -> Option<Done> {
    Some(match (&call.method, parts) {
        (&Method::POST, ["tokens"]) => token(control, call),
        (&Method::PATCH, ["apps", client_id]) => change_app(control, call, client_id),
        (&Method::PATCH, ["users", username]) => change_user(control, call, username),
        _ => return None,
    })
}
