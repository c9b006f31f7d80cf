//! `/setup/connect`: where a person types the device's code. One form: code, user name, password, decision.

use super::device::Decision;
use super::pages;
use crate::http::html::{escape, page};
use crate::http::reply::Reply;
use crate::http::request::{Call, field};
use crate::service::World;

/// The form. Posts `user_code`, `username`, `password`, `decision` to its own path.
pub fn form(call: &Call) -> Reply {
    show(call.param("user_code").unwrap_or_default(), "")
}

fn show(user_code: &str, error: &str) -> Reply {
    let body = format!(
        "<main class=\"card narrow\"><h1>Connect Your Device</h1><p class=\"error\">{}</p>\
         <form method=\"post\" action=\"/setup/connect\">\
         <label>Code</label><input name=\"user_code\" value=\"{}\">\
         <label>Username</label><input name=\"username\"><label>Password</label><input name=\"password\" type=\"password\">\
         <button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button>\
         <button class=\"main\" type=\"submit\" name=\"decision\" value=\"allow\">Allow</button></form></main>",
        escape(error),
        escape(user_code)
    );
    page(200, "Connect Your Device", &body)
}

/// Takes the form.
pub fn submit(world: &mut World, call: &Call) -> Reply {
    let form = call.form().unwrap_or_default();
    let get = |name: &str| field(&form, name).unwrap_or_default();
    let user_code = get("user_code").trim().to_ascii_uppercase();
    let user = world.org.user_by_name(get("username")).filter(|user| user.active && user.password == get("password"));
    let Some(user) = user.map(|user| user.id) else {
        return show(&user_code, "Please check your username and password.");
    };
    let Some(device) = world.oauth.devices.by_user_code(&user_code) else {
        return show(&user_code, "The code is invalid.");
    };
    let allowed = get("decision") == "allow";
    device.decision = if allowed { Decision::Allowed(user) } else { Decision::Denied };
    pages::notice("Connect Your Device", if allowed { "You're connected. You may close this page." } else { "Access was denied." })
}
