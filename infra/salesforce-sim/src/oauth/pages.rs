//! The pages a person sees while authorising: login, approval, error. Plain forms without scripts, so that
//! any HTTP client can fill them in.

use crate::http::html::{escape, page};
use crate::http::reply::Reply;
use crate::seed::AppSeed;

/// The login form. Posts `request`, `username`, `password` to `/login`.
pub fn login(request: &str, username: &str, error: Option<&str>) -> Reply {
    let error = error.map(|text| format!("<p class=\"error\">{}</p>", escape(text))).unwrap_or_default();
    let body = format!(
        "<main class=\"card narrow\"><h1>Log in</h1>{error}\
         <form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\
         <label for=\"username\">Username</label><input id=\"username\" name=\"username\" value=\"{}\" autocomplete=\"username\" autofocus>\
         <label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" autocomplete=\"current-password\">\
         <button class=\"main\" type=\"submit\">Log In</button></form>\
         <p class=\"soft\">A simulated org: use one of its seeded users.</p></main>",
        escape(request),
        escape(username)
    );
    page(200, "Login | Simulated Salesforce", &body)
}

/// The approval form. Posts `request` and `decision` (`allow` or `deny`) to its own path.
pub fn approve(request: &str, app: &AppSeed, username: &str, scopes: &[String]) -> Reply {
    let list: String = scopes.iter().map(|scope| format!("<li>{}</li>", escape(wording(scope)))).collect();
    let body = format!(
        "<main class=\"card narrow\"><h1>Allow Access?</h1>\
         <p><b>{}</b> is asking to:</p><ul>{list}</ul>\
         <p>Do you want to allow access for <b>{}</b>?</p>\
         <form method=\"post\" action=\"/setup/secur/RemoteAccessAuthorizationPage.apexp\">\
         <input type=\"hidden\" name=\"request\" value=\"{}\">\
         <button type=\"submit\" name=\"decision\" value=\"deny\">Deny</button>\
         <button class=\"main\" type=\"submit\" name=\"decision\" value=\"allow\">Allow</button></form></main>",
        escape(&app.name),
        escape(username),
        escape(request)
    );
    page(200, "Allow Access? | Simulated Salesforce", &body)
}

fn wording(scope: &str) -> &str {
    match scope {
        "api" => "Manage user data via APIs",
        "web" => "Manage user data via Web browsers",
        "full" => "Full access",
        "refresh_token" => "Perform requests at any time",
        "id" => "Access the identity URL service",
        "openid" => "Access unique user identifiers",
        "profile" => "View your basic profile",
        "email" => "View your email address",
        other => other,
    }
}

/// The error page for everything that must not go to a redirect URI.
pub fn error(error: &str, description: &str) -> Reply {
    let body = format!(
        "<main class=\"card narrow\"><h1>We can't authorize you because of an OAuth error.</h1>\
         <p class=\"error\">error={}</p><p>error_description={}</p>\
         <p class=\"soft\">Ask your administrator to check the app's settings.</p></main>",
        escape(error),
        escape(description)
    );
    page(200, "OAuth Error | Simulated Salesforce", &body)
}

/// A page with a heading and a sentence.
pub fn notice(title: &str, text: &str) -> Reply {
    page(200, title, &format!("<main class=\"card narrow\"><h1>{}</h1><p>{}</p></main>", escape(title), escape(text)))
}
